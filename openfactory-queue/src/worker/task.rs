//! The life of leased messages in the worker.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use super::alert::{Alarm, Alert};
use super::decide::{Rules, decide, held_up};
use super::gate::Gate;
use super::handler::{BatchHandler, Outcome};
use crate::clock::Clock;
use crate::dead_letter::DeadPolicy;
use crate::error::{Error, ErrorKind};
use crate::jitter::Jitter;
use crate::lease::{Extended, LeaseToken, Leased, Settled, Settlement};
use crate::message::Message;
use crate::policy::backoff::Backoff;
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
    pub(super) gate: Gate,
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
    /// For each message; none if its lease was lost meanwhile.
    Outcomes(Vec<Option<Outcome>>),
    LeasesLost,
    Aborted,
}

impl Core {
    pub(super) async fn work(&self, handler: &dyn BatchHandler, leased: Vec<Leased>) -> Vec<Ended> {
        let (mut ended, mut settlements, mut sound) = (Vec::new(), Vec::new(), Vec::new());
        for leased in leased {
            if let Some(reason) = self.limits.poisoned(&leased) {
                settlements.push((leased, Settlement::Dead { reason }));
            } else if let Some(wait) = self.gate.wait(&leased) {
                let destination = leased.message.destination().unwrap_or_default();
                let later = held_up(wait, &self.limits, &*self.jitter, format!("{destination} is down"));
                settlements.push((leased, later));
            } else {
                sound.push(leased);
            }
        }
        // Whatever the handler takes: nobody renews the leases of those that it does not get.
        if !settlements.is_empty() {
            ended.extend(self.end(std::mem::take(&mut settlements)).await);
        }
        let handled = match &sound[..] {
            [] => Handled::Outcomes(Vec::new()),
            sound => self.handled(handler, sound).await,
        };
        match handled {
            Handled::Outcomes(outcomes) => {
                for (leased, outcome) in sound.into_iter().zip(outcomes) {
                    match outcome {
                        Some(outcome) => {
                            let settlement = self.settlement(outcome, &leased).await;
                            settlements.push((leased, settlement));
                        }
                        None => {
                            self.gate.gave_up(&leased);
                            ended.push(Ended::Lost);
                        }
                    }
                }
            }
            Handled::LeasesLost => {
                sound.iter().for_each(|leased| self.gate.gave_up(leased));
                ended.extend(sound.iter().map(|_| Ended::Lost));
            }
            Handled::Aborted => {
                sound.iter().for_each(|leased| self.gate.gave_up(leased));
                settlements.extend(sound.into_iter().map(|leased| (leased, Settlement::Release)));
            }
        }
        if !settlements.is_empty() {
            ended.extend(self.end(settlements).await);
        }
        ended
    }

    /// Settles all of them at once, and tells the operator of those that died.
    async fn end(&self, mut settlements: Vec<(Leased, Settlement)>) -> Vec<Ended> {
        let call = |settlements: &[(Leased, Settlement)]| {
            settlements.iter().map(|(leased, how)| (leased.token, how.clone())).collect()
        };
        let mut settled = self.settle(call(&settlements)).await;
        if settled
            .as_ref()
            .is_err_and(|error| no_room_for_dead(error, settlements.iter().map(|(_, how)| how)))
        {
            // What can't become a dead letter stays, and nothing waits for room in the meantime but its key.
            for (_, how) in &mut settlements {
                self.postpone_death(how);
            }
            settled = self.settle(call(&settlements)).await;
        }
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => return vec![Ended::Fatal(error)],
        };
        let mut ended = Vec::with_capacity(settled.len());
        for ((leased, how), settled) in settlements.into_iter().zip(settled) {
            ended.push(match &how {
                _ if settled == Settled::Stale => Ended::Lost,
                Settlement::Ack => Ended::Done,
                Settlement::Retry { counts: true, .. } => Ended::Retried,
                Settlement::Retry { counts: false, .. } => Ended::Deferred,
                Settlement::Dead { reason } => {
                    self.alert.raise(&obituary(leased.message, reason.clone())).await;
                    Ended::Dead
                }
                Settlement::Release => Ended::Released,
            });
        }
        ended
    }

    /// Runs the handler while the leases are renewed.
    async fn handled(&self, handler: &dyn BatchHandler, leased: &[Leased]) -> Handled {
        let mut aborted = self.aborted.clone();
        let lost = Mutex::new(BTreeSet::new());
        let tokens = leased.iter().map(|leased| leased.token).collect();
        let outcomes = tokio::select! {
            biased;
            outcomes = AssertUnwindSafe(handler.handle(leased)).catch_unwind() => outcomes,
            () = self.renew(tokens, &lost) => return Handled::LeasesLost,
            _ = aborted.wait_for(|aborted| *aborted) => return Handled::Aborted,
        };
        let outcomes = match outcomes {
            Ok(outcomes) if outcomes.len() == leased.len() => outcomes,
            wrong => {
                let reason = wrong.map_or_else(
                    |_| "the handler panicked".to_owned(),
                    |outcomes| format!("the handler gave {} answers for {}", outcomes.len(), leased.len()),
                );
                leased.iter().map(|_| Outcome::Retry { reason: reason.clone(), after: None }).collect()
            }
        };
        let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
        let held = |(leased, outcome): (&Leased, Outcome)| (!lost.contains(&leased.token)).then_some(outcome);
        Handled::Outcomes(leased.iter().zip(outcomes).map(held).collect())
    }

    /// Extends the leases each third of their time; notes which are lost, and returns when all are. A call that fails
    /// is not a lost lease: the next one may come through in time, and if none does, fencing tells at the settlement.
    async fn renew(&self, mut held: Vec<LeaseToken>, lost: &Mutex<BTreeSet<LeaseToken>>) {
        while !held.is_empty() {
            self.clock.sleep(self.lease / 3).await;
            match self.queue.extend(held.clone(), self.lease).await {
                Ok(answers) => {
                    let mut answers = answers.into_iter();
                    let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                    held.retain(|token| {
                        let stale = answers.next() == Some(Extended::Stale);
                        if stale {
                            lost.insert(*token);
                        }
                        !stale
                    });
                }
                Err(error) => tracing::debug!(%error, "leases not renewed, will be tried again"),
            }
        }
    }

    /// Tells the breaker, tells the operator of what the breaker has found, and decides.
    async fn settlement(&self, outcome: Outcome, leased: &Leased) -> Settlement {
        let breaker_wait = self.gate.tell(leased, &outcome);
        for news in self.gate.news() {
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
    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        let mut failures = 0;
        let mut unclear = false;
        let mut aborted = self.aborted.clone();
        loop {
            let error = match self.queue.settle(settlements.clone()).await {
                Ok(answers) => {
                    let done = |settled| if unclear { Settled::Done } else { settled };
                    return Ok(answers.into_iter().map(done).collect());
                }
                Err(error) => error,
            };
            let no_room = no_room_for_dead(&error, settlements.iter().map(|(_, how)| how));
            if no_room || !error.is_retryable() {
                return Err(error);
            }
            unclear |= !error.outcome_known();
            failures += 1;
            tracing::debug!(%error, failures, "settlement failed, will be tried again");
            let given_up = *aborted.borrow();
            tokio::select! {
                () = self.clock.sleep(self.pause(failures)) => {}
                // Woken early by the end of the grace, it tries once more.
                _ = aborted.wait_for(|aborted| *aborted), if !given_up => {}
            }
        }
    }

    /// Makes a dead letter for which there is no room a message that comes again, after the longest pause.
    fn postpone_death(&self, how: &mut Settlement) {
        if let Settlement::Dead { reason } = how {
            tracing::error!(reason, "there is no room for a dead letter: the message stays in the queue");
            let after = self.backoff.delay(u32::MAX, &*self.jitter);
            let reason = format!("no room for a dead letter: {reason}");
            *how = Settlement::Retry { after, reason, counts: false };
        }
    }

    /// The pause before the next try of a call to the queue itself.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let queue = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        queue.delay(failures, &*self.jitter).max(Duration::from_millis(20))
    }
}

/// Whether a call failed for want of room, and a part of it may need none.
fn no_room_for_dead<'s>(error: &Error, mut settlements: impl Iterator<Item = &'s Settlement>) -> bool {
    error.kind() == ErrorKind::Full && settlements.any(|how| matches!(how, Settlement::Dead { .. }))
}

fn obituary(message: Message, reason: String) -> Alarm {
    let blocking = message.key.is_some() && message.on_dead == DeadPolicy::Block;
    Alarm::DeadLetter { id: message.id, kind: message.kind, key: message.key, reason, blocking }
}
