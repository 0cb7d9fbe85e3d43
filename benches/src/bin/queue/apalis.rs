//! apalis on SQLite, by a program of its own: two crates that link SQLite don't meet in one.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::{Result, load};

/// Tasks a second through publish, fetch and ack with so many workers.
pub(crate) async fn measure(rivals: &Path, path: &Path, span: Duration, workers: usize) -> Result<f64> {
    let program = rivals.join("apalis-round-trip");
    let mut command = Command::new(&program);
    command.arg(path).arg(span.as_secs_f64().to_string()).arg(workers.to_string());
    let output = command.output().await.map_err(|error| format!("{}: {error}", program.display()))?;
    load::remove(path)?;
    if !output.status.success() {
        return Err(format!("apalis: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
