//! Publishing: every call durable, one message a call.

use std::path::Path;
use std::time::{Duration, Instant};

use openfactory_queue::backend::sqlite::SqliteQueue;
use openfactory_queue::{Published, SyncQueue, SyncQueueExt as _};

use crate::{Result, cpu, load};

/// How fast and how evenly.
pub(crate) struct Measured {
    /// Messages a second.
    pub(crate) rate: f64,
    /// Of 100 calls, 99 were done within this time.
    pub(crate) p99: Duration,
    /// Processor time of this process for each message.
    pub(crate) cpu: Duration,
}

/// So many messages wait before publishing is measured: what a new queue can put off, this one can't any more.
const BEFORE: u64 = 150_000;

/// So many callers, each of which waits for its answer, on a queue of its own.
pub(crate) async fn measure(path: &Path, span: Duration, callers: usize) -> Result<Measured> {
    let queue = load::open(path).await?;
    load::fill(&queue, BEFORE).await?;
    let measured = call(&queue, span, callers).await?;
    queue.close().await?;
    load::remove(path)?;
    Ok(measured)
}

/// The same on a queue that is there.
pub(crate) async fn call(queue: &SqliteQueue, span: Duration, callers: usize) -> Result<Measured> {
    let (start, used) = (Instant::now(), cpu::used()?);
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while start.elapsed() < span {
                    let message = load::message();
                    let began = Instant::now();
                    match queue.send(message).await? {
                        Published::Stored { .. } => times.push(began.elapsed()),
                        other => return Err(format!("a new message was {other:?}").into()),
                    }
                }
                Result::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    let cpu = (cpu::used()? - used).div_f64(times.len().max(1) as f64);
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).copied().ok_or("not one call came through")?;
    Ok(Measured { rate, p99, cpu })
}
