//! What the disk can do: overwrite 4 KiB that are there already, and sync.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;

const BLOCK: usize = 4096;
const BLOCKS: u64 = 4096;

/// Overwrites with `fdatasync`, a second.
pub(crate) fn measure(path: &Path, span: Duration) -> Result<f64> {
    let mut file = OpenOptions::new().create_new(true).read(true).write(true).open(path)?;
    let block = vec![0xA5; BLOCK];
    for _block in 0..BLOCKS {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let (start, mut done) = (Instant::now(), 0u64);
    while start.elapsed() < span {
        file.write_all_at(&block, (done % BLOCKS) * BLOCK as u64)?;
        file.sync_data()?;
        done += 1;
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
