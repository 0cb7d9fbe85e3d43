//! When a message has failed for good.

use std::time::Duration;

use crate::lease::Leased;

/// The limits beyond which a message is dead-lettered. Outages count against none of them but the age, which is
/// off unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// So many failures of the message itself.
    pub failures: u32,
    /// So many leases that ended without an answer: a message that kills its worker each time.
    pub lapses: u32,
    /// So long after its publish, looked at when it fails.
    pub age: Option<Duration>,
    /// The longest wait that a destination may ask for.
    pub retry_after: Duration,
}

impl Default for Limits {
    /// 12 failures, 50 lapses, any age, waits of up to an hour.
    fn default() -> Self {
        Self { failures: 12, lapses: 50, age: None, retry_after: Duration::from_secs(3600) }
    }
}

impl Limits {
    /// Gives up after so many failures.
    #[must_use]
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Gives up after so many leases without an answer.
    #[must_use]
    pub const fn lapses(mut self, lapses: u32) -> Self {
        self.lapses = lapses;
        self
    }

    /// Gives up at the first failure after so long.
    #[must_use]
    pub const fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Honours waits of up to so long.
    #[must_use]
    pub const fn retry_after(mut self, longest: Duration) -> Self {
        self.retry_after = longest;
        self
    }

    /// Why one more failure, at `age`, is one too many.
    #[must_use]
    pub fn exhausted(&self, leased: &Leased, age: Duration) -> Option<String> {
        if leased.attempt >= self.failures {
            return Some(format!("gave up after {} failures", leased.attempt));
        }
        self.age.filter(|limit| age >= *limit).map(|limit| format!("gave up after {} s", limit.as_secs()))
    }

    /// Why it must not be tried at all any more.
    #[must_use]
    pub fn poisoned(&self, leased: &Leased) -> Option<String> {
        (leased.lapses >= self.lapses).then(|| format!("{} leases ended without an answer", leased.lapses))
    }
}
