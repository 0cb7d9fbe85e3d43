//! Delivering: lease 16 keys a claim, ack them, each call durable.

use std::path::Path;
use std::time::{Duration, Instant};

use openfactory_queue::backend::sqlite::SqliteQueue;
use openfactory_queue::lease::Settled;
use openfactory_queue::{LeaseRequest, Settlement, SyncQueue};

use crate::{Result, load};

const CLAIM: usize = 16;
const WORKERS: usize = 4;

/// Messages leased and acked a second, on a queue that never runs dry.
pub(crate) async fn measure(path: &Path, span: Duration) -> Result<f64> {
    let queue = load::open(path).await?;
    load::fill(&queue, (span.as_secs_f64() * 60_000.0) as u64).await?;
    let rate = drain(&queue, span).await?;
    queue.close().await?;
    load::remove(path)?;
    Ok(rate)
}

/// Leases and acks for a time; messages a second.
pub(crate) async fn drain(queue: &SqliteQueue, span: Duration) -> Result<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut done = 0;
                while start.elapsed() < span {
                    let settled = claim(&queue, &format!("bench-{worker}")).await?;
                    if settled == 0 {
                        return Err("the queue has run dry".into());
                    }
                    done += settled;
                }
                Result::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// Publish, lease, ack: messages a second through all of it, in claims of 16.
pub(crate) async fn round_trip(path: &Path, span: Duration) -> Result<f64> {
    let queue = load::open(path).await?;
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < span {
        let sent = (0..CLAIM).map(|_| load::message()).collect();
        queue.publish(sent).await?;
        done += claim(&queue, "bench").await?;
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    queue.close().await?;
    load::remove(path)?;
    Ok(rate)
}

async fn claim(queue: &SqliteQueue, worker: &str) -> Result<usize> {
    let leased = queue.lease(LeaseRequest::new(worker).max(CLAIM)).await?;
    let acks: Vec<_> = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
    let count = acks.len();
    let settled = queue.settle(acks).await?;
    if settled.iter().any(|settled| *settled != Settled::Done) {
        return Err("an ack came too late".into());
    }
    Ok(count)
}
