//! Publishing: every call durable, one message a call.

use std::path::Path;
use std::time::{Duration, Instant};

use openfactory_queue::backend::sqlite::SqliteQueue;
use openfactory_queue::{Published, SyncQueue, SyncQueueExt as _};

use crate::floor::Floor;
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
pub(crate) const BEFORE: u64 = 150_000;

/// F and ours take so many turns: the disk is not the same from one second to the next.
const TURNS: u32 = 8;

/// So many callers, each of which waits for its answer, on a queue of its own; and F, measured in turns with it.
pub(crate) async fn measure(path: &Path, span: Duration, callers: usize) -> Result<(Measured, f64)> {
    let queue = load::open(path).await?;
    load::fill(&queue, BEFORE).await?;
    let mut floor = Floor::make(path.with_extension("floor"))?;
    let (mut floors, mut calls) = (0.0, Calls::default());
    for _turn in 0..TURNS {
        floors += floor.rate(span / TURNS)?;
        calls.make(&queue, span / TURNS, callers).await?;
    }
    floor.remove()?;
    queue.close().await?;
    load::remove(path)?;
    Ok((calls.measured()?, floors / f64::from(TURNS)))
}

/// Ours alone, on a queue that is there.
pub(crate) async fn call(queue: &SqliteQueue, span: Duration, callers: usize) -> Result<Measured> {
    let mut calls = Calls::default();
    calls.make(queue, span, callers).await?;
    calls.measured()
}

/// Calls that were made.
#[derive(Default)]
struct Calls {
    /// How long each took.
    times: Vec<Duration>,
    elapsed: Duration,
    cpu: Duration,
}

impl Calls {
    async fn make(&mut self, queue: &SqliteQueue, span: Duration, callers: usize) -> Result<()> {
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
        for task in tasks {
            self.times.extend(task.await??);
        }
        self.elapsed += start.elapsed();
        self.cpu += cpu::used()? - used;
        Ok(())
    }

    fn measured(mut self) -> Result<Measured> {
        self.times.sort_unstable();
        let count = self.times.len();
        let p99 = self.times.get(count * 99 / 100).copied().ok_or("not one call came through")?;
        let rate = count as f64 / self.elapsed.as_secs_f64();
        Ok(Measured { rate, p99, cpu: self.cpu.div_f64(count.max(1) as f64) })
    }
}
