//! Measurements of queue calls, named as OpenTelemetry's semantic conventions for messaging name them.
//!
//! The conventions: <https://opentelemetry.io/docs/specs/semconv/messaging/>. This crate takes no metrics library:
//! implement [`Meter`] on the one you use, or read a [`Tally`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::ErrorKind;

/// Histogram, in seconds: how long calls took, by `messaging.operation.name` and `error.type`.
pub const OPERATION_DURATION: &str = "messaging.client.operation.duration";

/// Counter: messages that publishes tried to send, by `error.type`.
pub const SENT_MESSAGES: &str = "messaging.client.sent.messages";

/// Counter: messages that leases brought.
pub const CONSUMED_MESSAGES: &str = "messaging.client.consumed.messages";

/// The bounds of [`OPERATION_DURATION`] that the conventions advise, in seconds.
pub const DURATION_BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// One call, once it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurement {
    /// The method, such as `publish`: the attribute `messaging.operation.name`.
    pub operation: &'static str,
    /// How long it took.
    pub duration: Duration,
    /// Messages given to a publish, brought by a lease, or settled.
    pub messages: u64,
    /// The kind of its error, if it failed; its name is the attribute `error.type`.
    pub error: Option<ErrorKind>,
}

impl Measurement {
    /// A call that went well.
    #[must_use]
    pub const fn new(operation: &'static str, duration: Duration, messages: u64) -> Self {
        Self { operation, duration, messages, error: None }
    }

    /// A call that failed.
    #[must_use]
    pub const fn failed(mut self, kind: ErrorKind) -> Self {
        self.error = Some(kind);
        self
    }

    /// The counter that its messages belong to, if one of the conventions' does.
    #[must_use]
    pub fn counter(&self) -> Option<&'static str> {
        match self.operation {
            "publish" => Some(SENT_MESSAGES),
            "lease" => Some(CONSUMED_MESSAGES),
            _ => None,
        }
    }
}

/// Takes measurements. Called after each call, so it should be quick.
pub trait Meter: fmt::Debug + Send + Sync + 'static {
    /// Takes one.
    fn record(&self, measurement: &Measurement);
}

/// Adds measurements up in memory.
///
/// ```
/// use std::time::Duration;
/// use openfactory_queue::adapter::meter::{Measurement, Meter, Tally};
///
/// let tally = Tally::default();
/// tally.record(&Measurement::new("publish", Duration::from_millis(7), 3));
/// tally.record(&Measurement::new("publish", Duration::from_millis(30), 1));
/// let sum = tally.sum("publish", None);
/// assert_eq!((sum.calls, sum.messages, sum.duration), (2, 4, Duration::from_millis(37)));
/// assert_eq!(sum.buckets[1..4], [1, 0, 1], "up to 10, 25 and 50 ms");
/// ```
#[derive(Debug, Default)]
pub struct Tally {
    sums: Mutex<BTreeMap<(&'static str, Option<&'static str>), Sum>>,
}

/// The measurements of one operation and outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sum {
    /// How many calls.
    pub calls: u64,
    /// How many messages they carried.
    pub messages: u64,
    /// How long they took together.
    pub duration: Duration,
    /// How many took up to each of [`DURATION_BOUNDS`] and more than the one before; the last, more than all.
    pub buckets: [u64; DURATION_BOUNDS.len() + 1],
}

impl Tally {
    /// The calls of `operation` that ended with this kind of error, or with none.
    #[must_use]
    pub fn sum(&self, operation: &str, error: Option<ErrorKind>) -> Sum {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let error = error.map(ErrorKind::name);
        let found = sums.iter().find(|((name, kind), _)| *name == operation && *kind == error);
        found.map(|(_, sum)| *sum).unwrap_or_default()
    }
}

impl Meter for Tally {
    fn record(&self, measurement: &Measurement) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = sums.entry((measurement.operation, measurement.error.map(ErrorKind::name))).or_default();
        let seconds = measurement.duration.as_secs_f64();
        let bucket = DURATION_BOUNDS.iter().position(|bound| seconds <= *bound);
        sum.calls += 1;
        sum.messages = sum.messages.saturating_add(measurement.messages);
        sum.duration = sum.duration.saturating_add(measurement.duration);
        sum.buckets[bucket.unwrap_or(DURATION_BOUNDS.len())] += 1;
    }
}
