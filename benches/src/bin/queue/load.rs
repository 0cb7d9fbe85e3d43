//! The messages that are measured with: random ids, 1,000 keys, payloads of 512 bytes.

use std::path::Path;

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::{Message, SyncQueue};
use rand::RngExt as _;

use crate::Result;

pub(crate) const PAYLOAD: usize = 512;
pub(crate) const KEYS: u64 = 1000;

/// A message as no other, of one of 1,000 keys.
pub(crate) fn message() -> Message {
    let mut random = rand::rng();
    let (id, key): (u128, u64) = (random.random(), random.random_range(0..KEYS));
    Message::new(format!("{id:032x}"), "bench.made", vec![0x5A; PAYLOAD]).with_key(format!("key-{key:03}"))
}

/// The queue in the file at `path`, as a user would open it.
pub(crate) async fn open(path: &Path) -> Result<SqliteQueue> {
    Ok(SqliteQueue::open(SqliteConfig::new(path)).await?)
}

/// Publishes `count` messages in large batches.
pub(crate) async fn fill<Q: SyncQueue>(queue: &Q, count: u64) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let batch = left.min(queue.capabilities().max_batch as u64);
        queue.publish((0..batch).map(|_| message()).collect()).await?;
        left -= batch;
    }
    Ok(())
}

/// Removes a closed queue's files.
pub(crate) fn remove(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
