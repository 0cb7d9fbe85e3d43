//! SQLite: one file, one process, one handle.

use std::path::Path;
use std::sync::Arc;

use openfactory_queue::SyncQueue;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};

use crate::Result;

pub(super) fn address(disk: &Path) -> String {
    disk.join("queue.db").display().to_string()
}

pub(super) async fn open(address: &str, synced: bool) -> Result<Vec<Arc<dyn SyncQueue>>> {
    let config = SqliteConfig::new(address);
    let config = if synced { config } else { config.without_sync() };
    Ok(vec![Arc::new(SqliteQueue::open(config).await?)])
}
