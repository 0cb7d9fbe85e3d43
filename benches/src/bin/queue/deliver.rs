//! Delivering: lease 16 keys a claim, ack them, each call durable, by 4 workers at once.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use openfactory_queue::lease::Settled;
use openfactory_queue::{LeaseRequest, Settlement, SyncQueue};

use crate::{Result, cpu, load};

pub(crate) const CLAIM: usize = 16;
pub(crate) const WORKERS: usize = 4;

/// How fast, and at what price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Messages a second.
    pub(crate) rate: f64,
    /// Processor time of this process for each message.
    pub(crate) cpu: Duration,
}

/// Messages leased and acked a second, on a queue that never runs dry.
pub(crate) async fn measure(path: &Path, span: Duration) -> Result<Measured> {
    let queue = load::open(path).await?;
    load::fill(&queue, (span.as_secs_f64() * 60_000.0) as u64).await?;
    let measured = drain(&queue, span).await?;
    queue.close().await?;
    load::remove(path)?;
    Ok(measured)
}

/// Leases and acks for a time.
pub(crate) async fn drain<Q: SyncQueue + Clone + 'static>(queue: &Q, span: Duration) -> Result<Measured> {
    let queue = queue.clone();
    work(span, move |worker| {
        let queue = queue.clone();
        async move {
            match claim(&queue, &format!("bench-{worker}"), CLAIM).await? {
                0 => Err("the queue has run dry".into()),
                settled => Ok(settled),
            }
        }
    })
    .await
}

/// Leases and acks so many.
pub(crate) async fn settle<Q: SyncQueue>(queue: &Q, count: u64) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let most = usize::try_from(left)?.min(queue.capabilities().max_batch);
        match claim(queue, "bench-before", most).await? {
            0 => return Err("the queue has run dry".into()),
            settled => left = left.saturating_sub(settled as u64),
        }
    }
    Ok(())
}

/// Publish 16, lease 16, ack them: messages through all of it, by 4 workers at once.
pub(crate) async fn round_trip(path: &Path, span: Duration) -> Result<Measured> {
    let queue = load::open(path).await?;
    let shared = queue.clone();
    let measured = work(span, move |worker| {
        let queue = shared.clone();
        async move {
            queue.publish((0..CLAIM).map(|_| load::message()).collect()).await?;
            claim(&queue, &format!("bench-{worker}"), CLAIM).await
        }
    })
    .await?;
    queue.close().await?;
    load::remove(path)?;
    Ok(measured)
}

/// Has each worker do `step` again and again, which tells how many messages it has brought through.
pub(crate) async fn work<S, F>(span: Duration, step: S) -> Result<Measured>
where
    S: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Result<usize>> + Send,
{
    let (start, used) = (Instant::now(), cpu::used()?);
    let tasks: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let step = step.clone();
            tokio::spawn(async move {
                let mut done = 0;
                while start.elapsed() < span {
                    done += step(worker).await?;
                }
                Result::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    Ok(Measured { rate, cpu: (cpu::used()? - used).div_f64(done.max(1) as f64) })
}

async fn claim<Q: SyncQueue>(queue: &Q, worker: &str, most: usize) -> Result<usize> {
    let leased = queue.lease(LeaseRequest::new(worker).max(most)).await?;
    let acks: Vec<_> = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
    let count = acks.len();
    let settled = queue.settle(acks).await?;
    if settled.iter().any(|settled| *settled != Settled::Done) {
        return Err("an ack came too late".into());
    }
    Ok(count)
}
