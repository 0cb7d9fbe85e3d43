//! The life of one leased message in the worker.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use super::alert::{Alarm, Alert};
use super::decide::{Rules, decide};
use super::handler::{Handler, Outcome};
use crate::clock::Clock;
use crate::dead_letter::DeadPolicy;
use crate::error::Error;
use crate::jitter::Jitter;
use crate::lease::{Extended, LeaseToken, Leased, Settled, Settlement};
use crate::policy::backoff::Backoff;
use crate::policy::breaker::Breakers;
use crate::policy::limits::Limits;
use crate::queue::SyncQueue;

/// What all tasks of a worker share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) queue: Arc<dyn SyncQueue>,
    pub(super) lease: Duration,
    pub(super) backoff: Backoff,
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) jitter: Arc<dyn Jitter>,
    pub(super) alert: Arc<dyn Alert>,
    pub(super) breakers: Breakers,
    /// True once the grace of a stop is over.
    pub(super) aborted: watch::Receiver<bool>,
}

/// How a task has ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done,
    Retried,
    Deferred,
    Dead,
    Lost,
    Released,
    Fatal(Error),
}

enum Handled {
    Outcome(Outcome),
    LeaseLost,
    Aborted,
}

impl Core {
    pub(super) async fn work(&self, handler: &dyn Handler, leased: Leased) -> Ended {
        let settlement = match self.limits.poisoned(&leased) {
            Some(reason) => Settlement::Dead { reason },
            None => match self.handled(handler, &leased).await {
                Handled::Outcome(outcome) => self.settlement(outcome, &leased).await,
                Handled::LeaseLost => return Ended::Lost,
                Handled::Aborted => Settlement::Release,
            },
        };
        let ended = match &settlement {
            Settlement::Ack => Ended::Done,
            Settlement::Retry { counts: true, .. } => Ended::Retried,
            Settlement::Retry { counts: false, .. } => Ended::Deferred,
            Settlement::Dead { .. } => Ended::Dead,
            Settlement::Release => Ended::Released,
        };
        match self.settle(leased.token, &settlement).await {
            Ok(Settled::Done) => {}
            Ok(Settled::Stale) => return Ended::Lost,
            Err(error) => return Ended::Fatal(error),
        }
        if let Settlement::Dead { reason } = settlement {
            let message = leased.message;
            let blocking = message.key.is_some() && message.on_dead == DeadPolicy::Block;
            let (id, kind, key) = (message.id, message.kind, message.key);
            self.alert.raise(&Alarm::DeadLetter { id, kind, key, reason, blocking }).await;
        }
        ended
    }

    /// Runs the handler while the lease is renewed.
    async fn handled(&self, handler: &dyn Handler, leased: &Leased) -> Handled {
        let mut aborted = self.aborted.clone();
        tokio::select! {
            biased;
            outcome = AssertUnwindSafe(handler.handle(leased)).catch_unwind() => {
                let panicked = |_| Outcome::Retry { reason: "the handler panicked".into(), after: None };
                Handled::Outcome(outcome.unwrap_or_else(panicked))
            }
            () = self.renew(leased.token) => Handled::LeaseLost,
            _ = aborted.wait_for(|aborted| *aborted) => Handled::Aborted,
        }
    }

    /// Extends the lease each third of its time; returns when it is lost. A call that fails is not a lost lease: the
    /// next one may come through in time, and if none does, fencing tells at the settlement.
    async fn renew(&self, token: LeaseToken) {
        loop {
            self.clock.sleep(self.lease / 3).await;
            match self.queue.extend(vec![token], self.lease).await {
                Ok(answers) if answers.first() == Some(&Extended::Stale) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, seq = token.seq(), "lease not renewed, will be tried again")
                }
            }
        }
    }

    /// Tells the breaker, tells the operator of what the breaker has found, and decides.
    async fn settlement(&self, outcome: Outcome, leased: &Leased) -> Settlement {
        let mut breaker_wait = Duration::ZERO;
        let (destination, reason, asked) = match &outcome {
            Outcome::DestinationDown { destination, reason, retry_after } => {
                (Some(destination), reason.as_str(), *retry_after)
            }
            Outcome::CredentialsRefused { destination, reason } => (Some(destination), reason.as_str(), None),
            Outcome::RateLimited { destination, after } => (Some(destination), "rate limited", Some(*after)),
            _ => (None, "", None),
        };
        if let Some(destination) = destination {
            self.breakers.down(destination, reason, asked);
            breaker_wait = self.breakers.wait(destination);
        }
        for news in self.breakers.news() {
            let alarm = Alarm::BreakerOpened { destination: news.destination, reason: news.reason };
            self.alert.raise(&alarm).await;
        }
        let rules = Rules {
            backoff: self.backoff,
            limits: self.limits,
            jitter: &*self.jitter,
            now: self.clock.now(),
            breaker_wait,
        };
        decide(outcome, leased, &rules)
    }

    /// Settles, again and again as long as that may help. Stale after an unclear answer is taken as done: it was most
    /// likely this very settlement that ended the lease.
    async fn settle(&self, token: LeaseToken, settlement: &Settlement) -> Result<Settled, Error> {
        let mut failures = 0;
        let mut unclear = false;
        let mut aborted = self.aborted.clone();
        loop {
            let error = match self.queue.settle(vec![(token, settlement.clone())]).await {
                Ok(answers) => {
                    let stale = answers.first() != Some(&Settled::Done);
                    return Ok(if stale && !unclear { Settled::Stale } else { Settled::Done });
                }
                Err(error) => error,
            };
            if !error.is_retryable() {
                return Err(error);
            }
            unclear |= !error.outcome_known();
            failures += 1;
            tracing::debug!(%error, failures, seq = token.seq(), "settlement failed, will be tried again");
            let given_up = *aborted.borrow();
            tokio::select! {
                () = self.clock.sleep(self.pause(failures)) => {}
                // Woken early by the end of the grace, it tries once more.
                _ = aborted.wait_for(|aborted| *aborted), if !given_up => {}
            }
        }
    }

    /// The pause before the next try of a call to the queue itself.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let queue = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        queue.delay(failures, &*self.jitter).max(Duration::from_millis(20))
    }
}
