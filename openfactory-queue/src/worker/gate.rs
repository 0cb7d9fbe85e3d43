//! Who asks the breakers, and who tells them: the handler those that it shares, the worker its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::handler::Outcome;
use crate::lease::Leased;
use crate::policy::breaker::{BreakerReport, Breakers, Permission};

/// The breakers of a worker.
#[derive(Debug)]
pub(super) struct Gate {
    breakers: Breakers,
    /// If the handler does not know them, so that the worker asks and tells.
    own: Option<Mutex<Findings>>,
}

/// By the destination that messages name, if they do: which ones they found not to work.
type Findings = BTreeMap<Option<String>, BTreeSet<String>>;

/// Word of a destination that does not work.
struct Down<'o> {
    destination: &'o str,
    reason: &'o str,
    retry_after: Option<Duration>,
}

impl Gate {
    /// Breakers that the handler asks and tells.
    pub(super) const fn shared(breakers: Breakers) -> Self {
        Self { breakers, own: None }
    }

    /// Breakers that nobody else knows.
    pub(super) fn own(breakers: Breakers) -> Self {
        Self { breakers, own: Some(Mutex::default()) }
    }

    /// How long a message has to wait, because its destination does not work.
    pub(super) fn wait(&self, leased: &Leased) -> Option<Duration> {
        match self.breakers.ask(self.asked(leased)?) {
            Permission::Call | Permission::Probe => None,
            Permission::Wait(wait) => Some(wait),
        }
    }

    /// The handler was stopped before it could tell.
    pub(super) fn gave_up(&self, leased: &Leased) {
        if let Some(asked) = self.asked(leased) {
            self.breakers.gave_up(asked);
        }
    }

    /// What the handler has found of a destination, or of the message's. How long messages of the destination that does
    /// not work are to wait.
    pub(super) fn tell(&self, leased: &Leased, outcome: &Outcome) -> Duration {
        let down = down(outcome);
        match self.asked(leased) {
            Some(asked) if down.as_ref().is_some_and(|down| down.destination == asked) => {}
            Some(asked) if *outcome == Outcome::Done => drop(self.breakers.succeeded(asked)),
            Some(asked) => self.breakers.gave_up(asked),
            None => {}
        }
        if *outcome == Outcome::Done {
            self.work_again(leased);
        }
        let Some(Down { destination, reason, retry_after }) = down else { return Duration::ZERO };
        match &self.own {
            Some(findings) => {
                self.breakers.failed(destination, reason, retry_after);
                let named = leased.message.destination().map(str::to_owned);
                let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
                findings.entry(named).or_default().insert(destination.to_owned());
            }
            None => self.breakers.down(destination, reason, retry_after),
        }
        self.breakers.wait(destination)
    }

    /// What messages like this one have found not to work does, since one of them is done.
    fn work_again(&self, leased: &Leased) {
        let Some(findings) = &self.own else { return };
        let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.is_empty() {
            return;
        }
        let named = leased.message.destination().map(str::to_owned);
        for destination in findings.remove(&named).unwrap_or_default() {
            self.breakers.succeeded(&destination);
        }
    }

    /// The destinations that have stopped working since this was last asked.
    pub(super) fn news(&self) -> Vec<BreakerReport> {
        self.breakers.news()
    }

    /// The destination about which the worker asks.
    fn asked<'l>(&self, leased: &'l Leased) -> Option<&'l str> {
        leased.message.destination().filter(|_| self.own.is_some())
    }
}

fn down(outcome: &Outcome) -> Option<Down<'_>> {
    let (destination, reason, retry_after) = match outcome {
        Outcome::DestinationDown { destination, reason, retry_after } => {
            (destination, reason.as_str(), *retry_after)
        }
        Outcome::CredentialsRefused { destination, reason } => (destination, reason.as_str(), None),
        Outcome::RateLimited { destination, after } => (destination, "rate limited", Some(*after)),
        Outcome::Done | Outcome::Retry { .. } | Outcome::NotYet { .. } | Outcome::Poison { .. } => {
            return None;
        }
    };
    Some(Down { destination, reason, retry_after })
}
