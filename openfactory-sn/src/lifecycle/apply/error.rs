//! Why a plan could not be applied, and what to do about it.

use std::fmt;
use std::time::Duration;

use super::super::plan::Operation;
use crate::error::{Error, ErrorKind};

/// What to do with an event whose plan could not be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every caller must say what it does about each")]
pub enum Disposition {
    /// Try it again, a bounded number of times.
    Retry,
    /// The instance can not be talked to: try it again once it can, without counting.
    DestinationDown {
        /// How long the instance asked to wait.
        after: Option<Duration>,
    },
    /// The instance asks for fewer calls: try it again then, without counting.
    RateLimited {
        /// How long the instance asked to wait.
        after: Option<Duration>,
    },
    /// The credential was not accepted: nothing will go through before a person mends that.
    CredentialsRefused,
    /// It will never succeed as it is: a person has to look.
    Poison,
}

/// What went wrong with one operation.
#[derive(Debug)]
pub(super) enum Failure {
    /// A call failed.
    Call(Error),
    /// The instance did something else than it was asked.
    Refused(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// The operation of a plan that failed, and why.
#[derive(Debug)]
pub struct ApplyError {
    index: usize,
    operation: String,
    failure: Failure,
}

impl ApplyError {
    pub(super) fn new(index: usize, operation: &Operation, failure: Failure) -> Self {
        Self { index, operation: operation.to_string(), failure }
    }

    /// Which operation of the plan, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The operation in words.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The call that failed; `None` if the instance answered well but did something else than it was asked.
    #[must_use]
    pub fn call(&self) -> Option<&Error> {
        match &self.failure {
            Failure::Call(error) => Some(error),
            Failure::Refused(_) => None,
        }
    }

    /// What to do with the event.
    ///
    /// What is refused may be granted, what is missing may be made by another event, what is not understood may
    /// be a bad moment: all that is tried again. Only what this side got wrong is not.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        let error = match &self.failure {
            Failure::Call(error) => error,
            Failure::Refused(_) => return Disposition::Retry,
        };
        match error.kind() {
            ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Unavailable => {
                Disposition::DestinationDown { after: error.retry_after() }
            }
            ErrorKind::Throttled => Disposition::RateLimited { after: error.retry_after() },
            ErrorKind::Unauthenticated => Disposition::CredentialsRefused,
            ErrorKind::Conflict | ErrorKind::Decode | ErrorKind::Forbidden | ErrorKind::NotFound => {
                Disposition::Retry
            }
            ErrorKind::Invalid | ErrorKind::Local => Disposition::Poison,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match &self.failure {
            Failure::Call(error) => error.advice(),
            Failure::Refused(_) => "look at the record in ServiceNow and at the business rules of its table",
        }
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Failure::Call(_) => write!(f, "could not {}", self.operation),
            Failure::Refused(reason) => write!(f, "could not {}: {reason}", self.operation),
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            Failure::Call(error) => Some(error),
            Failure::Refused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::correlation;
    use crate::lifecycle::id::BuildId;
    use crate::lifecycle::plan::operation::{RecordKey, Values};

    fn failed(failure: Failure) -> ApplyError {
        let record = RecordKey::new("change_request", correlation::change(&BuildId::new("b-1").unwrap()));
        ApplyError::new(3, &Operation::Update { record, values: Values::new() }, failure)
    }

    #[test]
    fn every_kind_has_its_disposition() {
        let down = Disposition::DestinationDown { after: None };
        let rows = [
            (ErrorKind::Conflict, Disposition::Retry),
            (ErrorKind::Connect, down),
            (ErrorKind::Decode, Disposition::Retry),
            (ErrorKind::Forbidden, Disposition::Retry),
            (ErrorKind::Invalid, Disposition::Poison),
            (ErrorKind::Local, Disposition::Poison),
            (ErrorKind::NotFound, Disposition::Retry),
            (ErrorKind::Throttled, Disposition::RateLimited { after: None }),
            (ErrorKind::Timeout, down),
            (ErrorKind::Unauthenticated, Disposition::CredentialsRefused),
            (ErrorKind::Unavailable, down),
        ];
        for (kind, disposition) in rows {
            assert_eq!(failed(Error::new(kind, "x", "y").into()).disposition(), disposition, "{kind:?}");
        }
        assert_eq!(failed(Failure::Refused("no".to_owned())).disposition(), Disposition::Retry);
    }

    #[test]
    fn the_operation_is_named_and_the_source_not_repeated() {
        let error =
            failed(Error::new(ErrorKind::NotFound, "update change_request 1", "no such record").into());
        assert_eq!(error.to_string(), "could not update change_request change/b-1");
        assert_eq!(error.index(), 3);
        assert!(std::error::Error::source(&error).is_some());
    }
}
