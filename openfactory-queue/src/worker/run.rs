//! Lease, hand out, reap, stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::alert::Alarm;
use super::task::{Core, Ended};
use super::{Handler, Summary, Worker};
use crate::error::Error;
use crate::lease::LeaseRequest;
use crate::policy::breaker::Breakers;
use crate::stamp::Stamp;

/// The longest wait for messages in one lease call.
const LEASE_WAIT: Duration = Duration::from_secs(5);

/// Rows of upkeep of each sort in one go.
const UPKEEP: usize = 1000;

/// How long given-back messages may take to be given back.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) async fn run<S>(worker: Worker, shutdown: S, handler: Arc<dyn Handler>) -> Result<Summary, Error>
where
    S: Future<Output = ()> + Send,
{
    let (abort, aborted) = watch::channel(false);
    let breakers = worker.breakers.unwrap_or_else(|| {
        Breakers::new(worker.backoff, Arc::clone(&worker.clock), Arc::clone(&worker.jitter))
    });
    let core = Arc::new(Core {
        queue: worker.queue,
        lease: worker.lease,
        backoff: worker.backoff,
        limits: worker.limits,
        clock: worker.clock,
        jitter: worker.jitter,
        alert: worker.alert,
        breakers,
        aborted,
    });
    let mut run = Running { core, handler, tasks: JoinSet::new(), summary: Summary::default() };
    let consumed = run.consume(&worker.name, worker.concurrency, worker.maintenance, shutdown).await;
    let stopped = run.stop(worker.grace, &abort).await;
    consumed.and(stopped).map(|()| run.summary)
}

struct Running {
    core: Arc<Core>,
    handler: Arc<dyn Handler>,
    tasks: JoinSet<Ended>,
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
            while let Some(ended) = self.tasks.try_join_next() {
                self.count(ended)?;
            }
            let free = concurrency - self.tasks.len().min(concurrency);
            if free == 0 {
                tokio::select! {
                    biased;
                    () = &mut shutdown => return Ok(()),
                    Some(ended) = self.tasks.join_next() => self.count(ended)?,
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
                    for leased in leased {
                        let (core, handler) = (Arc::clone(&core), Arc::clone(&self.handler));
                        self.tasks.spawn(async move { core.work(&*handler, leased).await });
                    }
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
                    ended = self.tasks.join_next() => match ended {
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

    fn count(&mut self, ended: Result<Ended, JoinError>) -> Result<(), Error> {
        let summary = &mut self.summary;
        match ended {
            Ok(Ended::Done) => summary.done += 1,
            Ok(Ended::Retried) => summary.retried += 1,
            Ok(Ended::Deferred) => summary.deferred += 1,
            Ok(Ended::Dead) => summary.dead += 1,
            Ok(Ended::Lost) => summary.lost += 1,
            Ok(Ended::Released) => summary.released += 1,
            Ok(Ended::Fatal(error)) => return Err(error),
            Err(join) => {
                // Handlers' panics are caught inside; this is a panic of an alert, and the lease will lapse.
                tracing::error!(%join, "a worker task died");
                summary.lost += 1;
            }
        }
        Ok(())
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
