//! Lease, hand out, reap, stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use super::alert::Alarm;
use super::gate::Gate;
use super::task::{Core, Ended};
use super::{BatchHandler, Summary, Worker};
use crate::error::Error;
use crate::lease::{LeaseRequest, Leased};
use crate::policy::breaker::Breakers;
use crate::stamp::Stamp;

/// The longest wait for messages in one lease call.
const LEASE_WAIT: Duration = Duration::from_secs(5);

/// Rows of upkeep of each sort in one go.
const UPKEEP: usize = 1000;

/// How long given-back messages may take to be given back.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) async fn run<S>(
    worker: Worker,
    batch: usize,
    shutdown: S,
    handler: Arc<dyn BatchHandler>,
) -> Result<Summary, Error>
where
    S: Future<Output = ()> + Send,
{
    let (abort, aborted) = watch::channel(false);
    let own = || Breakers::new(worker.backoff, Arc::clone(&worker.clock), Arc::clone(&worker.jitter));
    let gate = worker.breakers.map_or_else(|| Gate::own(own()), Gate::shared);
    let core = Arc::new(Core {
        queue: worker.queue,
        lease: worker.lease,
        backoff: worker.backoff,
        limits: worker.limits,
        clock: worker.clock,
        jitter: worker.jitter,
        alert: worker.alert,
        gate,
        aborted,
    });
    let (tasks, sizes) = (JoinSet::new(), HashMap::new());
    let mut run = Running { core, handler, batch, tasks, sizes, summary: Summary::default() };
    let consumed = run.consume(&worker.name, worker.concurrency, worker.maintenance, shutdown).await;
    let stopped = run.stop(worker.grace, &abort).await;
    consumed.and(stopped).map(|()| run.summary)
}

struct Running {
    core: Arc<Core>,
    handler: Arc<dyn BatchHandler>,
    /// So many messages go to the handler at once, at most.
    batch: usize,
    tasks: JoinSet<Vec<Ended>>,
    /// How many messages each task has.
    sizes: HashMap<Id, usize>,
    summary: Summary,
}

impl Running {
    async fn consume<S>(
        &mut self,
        name: &str,
        concurrency: usize,
        maintenance: Duration,
        shutdown: S,
    ) -> Result<(), Error>
    where
        S: Future<Output = ()> + Send,
    {
        tokio::pin!(shutdown);
        let core = Arc::clone(&self.core);
        let mut failures = 0;
        let mut upkeep = Stamp::from(core.clock.now());
        loop {
            while let Some(ended) = self.tasks.try_join_next_with_id() {
                self.count(ended)?;
            }
            let free = concurrency.saturating_sub(self.sizes.values().sum());
            if free == 0 {
                tokio::select! {
                    biased;
                    () = &mut shutdown => return Ok(()),
                    Some(ended) = self.tasks.join_next_with_id() => self.count(ended)?,
                }
                continue;
            }
            let step = async {
                let now = Stamp::from(core.clock.now());
                if now >= upkeep {
                    core.maintain(UPKEEP).await?;
                    upkeep = now.plus(maintenance);
                }
                let free = free.min(core.queue.capabilities().max_batch);
                core.queue.lease(LeaseRequest::new(name).max(free).ttl(core.lease).wait(LEASE_WAIT)).await
            };
            let leased = tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                leased = step => leased,
            };
            match leased {
                Ok(leased) => {
                    failures = 0;
                    self.hand_out(leased);
                }
                Err(error) if error.is_retryable() => {
                    failures += 1;
                    tracing::debug!(%error, failures, "lease failed, will be tried again");
                    tokio::select! {
                        biased;
                        () = &mut shutdown => return Ok(()),
                        () = core.clock.sleep(core.pause(failures)) => {}
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn hand_out(&mut self, leased: Vec<Leased>) {
        let mut rest = leased.into_iter();
        while rest.len() > 0 {
            let batch: Vec<Leased> = rest.by_ref().take(self.batch).collect();
            let (core, handler, size) = (Arc::clone(&self.core), Arc::clone(&self.handler), batch.len());
            let task = self.tasks.spawn(async move { core.work(&*handler, batch).await });
            self.sizes.insert(task.id(), size);
        }
    }

    /// Lets handlers end, then makes them end.
    async fn stop(&mut self, grace: Duration, abort: &watch::Sender<bool>) -> Result<(), Error> {
        let core = Arc::clone(&self.core);
        let mut failed = Ok(());
        for (limit, then_abort) in [(grace, true), (LAST_WORDS, false)] {
            let over = core.clock.sleep(limit);
            tokio::pin!(over);
            loop {
                tokio::select! {
                    biased;
                    ended = self.tasks.join_next_with_id() => match ended {
                        Some(ended) => failed = failed.and(self.count(ended)),
                        None => return failed,
                    },
                    () = &mut over => break,
                }
            }
            if then_abort {
                abort.send_replace(true);
            }
        }
        // What has not even been given back comes again when its lease lapses.
        self.tasks.shutdown().await;
        failed
    }

    fn count(&mut self, ended: Result<(Id, Vec<Ended>), JoinError>) -> Result<(), Error> {
        let summary = &mut self.summary;
        let all = match ended {
            Ok((id, all)) => {
                self.sizes.remove(&id);
                all
            }
            Err(join) => {
                // Handlers' panics are caught inside; this is a panic of an alert, and leases may lapse.
                tracing::error!(%join, "a worker task died");
                summary.lost += self.sizes.remove(&join.id()).unwrap_or(1) as u64;
                return Ok(());
            }
        };
        let mut failed = Ok(());
        for ended in all {
            match ended {
                Ended::Done => summary.done += 1,
                Ended::Retried => summary.retried += 1,
                Ended::Deferred => summary.deferred += 1,
                Ended::Dead => summary.dead += 1,
                Ended::Lost => summary.lost += 1,
                Ended::Released => summary.released += 1,
                Ended::Fatal(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }
}

impl Core {
    async fn maintain(&self, budget: usize) -> Result<(), Error> {
        let done = self.queue.maintain(budget).await?;
        if done.expired > 0 {
            self.alert.raise(&Alarm::Expired { messages: done.expired }).await;
        }
        Ok(())
    }
}
