//! What the disk can do: overwrite 4 KiB that are there already, and sync.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;

const BLOCK: usize = 4096;
const BLOCKS: u64 = 4096;

/// A file of 16 MiB that is overwritten.
pub(crate) struct Floor {
    path: PathBuf,
    file: File,
    done: u64,
}

impl Floor {
    pub(crate) fn make(path: PathBuf) -> Result<Self> {
        let mut file = OpenOptions::new().create_new(true).read(true).write(true).open(&path)?;
        for _block in 0..BLOCKS {
            file.write_all(&[0xA5; BLOCK])?;
        }
        file.sync_all()?;
        Ok(Self { path, file, done: 0 })
    }

    /// Overwrites with `fdatasync`, a second.
    pub(crate) fn rate(&mut self, span: Duration) -> Result<f64> {
        let (start, before) = (Instant::now(), self.done);
        while start.elapsed() < span {
            self.file.write_all_at(&[0xA5; BLOCK], (self.done % BLOCKS) * BLOCK as u64)?;
            self.file.sync_data()?;
            self.done += 1;
        }
        Ok((self.done - before) as f64 / start.elapsed().as_secs_f64())
    }

    pub(crate) fn remove(self) -> Result<()> {
        Ok(std::fs::remove_file(self.path)?)
    }
}

/// The rate of a new file, which is removed again.
pub(crate) fn measure(path: &Path, span: Duration) -> Result<f64> {
    let mut floor = Floor::make(path.to_owned())?;
    let rate = floor.rate(span)?;
    floor.remove()?;
    Ok(rate)
}
