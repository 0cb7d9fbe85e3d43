//! The one error of everything that talks to a queue.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong with a queue call; [`Error::kind`] says what the caller can do about it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    detail: String,
    outcome_known: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The remedy that an [`Error`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store can't be reached or had an I/O error: try again later.
    Unavailable,
    /// No answer in time: whether it happened is told by [`Error::outcome_known`].
    Timeout,
    /// The queue, its byte cap or the disk is full: make room, or slow down.
    Full,
    /// A message or a batch exceeds a declared limit: it will never fit.
    TooLarge,
    /// The request itself is wrong: it will never be accepted as it is.
    Invalid,
    /// The backend has declared that it can't do this.
    Unsupported,
    /// The store is damaged: restore or repair it.
    Corrupt,
    /// The store was written by a newer version of this crate.
    SchemaVersion,
    /// Another process owns the store: stop one of the two.
    Locked,
    /// The queue was closed.
    Closed,
    /// The payload is not what it should be: dead-letter the message.
    Poisoned,
    /// The lease was lost: somebody else may have the message by now.
    LeaseLost,
    /// Nothing of the above.
    Other,
}

impl ErrorKind {
    /// Its name in metrics and traces, the attribute `error.type`: one of few.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Corrupt => "corrupt",
            Self::SchemaVersion => "schema_version",
            Self::Locked => "locked",
            Self::Closed => "closed",
            Self::Poisoned => "poisoned",
            Self::LeaseLost => "lease_lost",
            Self::Other => "other",
        }
    }
}

impl Error {
    /// An error of `kind` in `operation`, whose outcome is known: nothing has changed.
    pub fn new(kind: ErrorKind, operation: &'static str, detail: impl Into<String>) -> Self {
        let outcome_known = kind != ErrorKind::Timeout;
        Self(Box::new(Inner { kind, operation, detail: detail.into(), outcome_known, source: None }))
    }

    /// Says that the operation may have happened all the same.
    #[must_use]
    pub fn outcome_unknown(mut self) -> Self {
        self.0.outcome_known = false;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The call that failed, such as `publish`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Whether it is certain that nothing has changed. If not, look before doing it again; a publish with the
    /// same message id can always be repeated, since it deduplicates.
    #[must_use]
    pub fn outcome_known(&self) -> bool {
        self.0.outcome_known
    }

    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Full)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {}: {}", self.0.operation, self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("detail", &self.0.detail)
            .field("outcome_known", &self.0.outcome_known)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::new(ErrorKind::Unavailable, "publish", "the file can't be written")
            .with_source(std::io::Error::other("disk on fire"));
        assert_eq!(error.to_string(), "queue publish: the file can't be written");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk on fire"));
    }

    #[test]
    fn a_timeout_leaves_the_outcome_open() {
        assert!(!Error::new(ErrorKind::Timeout, "publish", "no answer").outcome_known());
        assert!(Error::new(ErrorKind::Full, "publish", "no room").outcome_known());
        assert!(!Error::new(ErrorKind::Unavailable, "publish", "cut off").outcome_unknown().outcome_known());
    }

    #[test]
    fn only_what_can_pass_by_itself_is_retryable() {
        for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Full] {
            assert!(Error::new(kind, "lease", "").is_retryable(), "{kind:?}");
        }
        for kind in [
            ErrorKind::TooLarge,
            ErrorKind::Invalid,
            ErrorKind::Unsupported,
            ErrorKind::Corrupt,
            ErrorKind::SchemaVersion,
            ErrorKind::Locked,
            ErrorKind::Closed,
            ErrorKind::Poisoned,
            ErrorKind::LeaseLost,
            ErrorKind::Other,
        ] {
            assert!(!Error::new(kind, "lease", "").is_retryable(), "{kind:?}");
        }
    }

    #[test]
    fn is_one_word_wide_and_sendable() {
        fn sendable<T: Send + Sync + 'static>() {}
        sendable::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
