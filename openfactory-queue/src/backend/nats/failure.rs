//! What the server answers, as errors of the queue.

use std::error::Error as StdError;

use async_nats::jetstream::context::{PublishError, PublishErrorKind, RequestError};
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};
use async_nats::jetstream::{Error as ServerError, ErrorCode};

use crate::error::{Error, ErrorKind};

type Source = Box<dyn StdError + Send + Sync>;

/// Why one request came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something was written meanwhile: the place that was expected to be the last is not.
    Raced,
    /// The stream is not there, or nobody who would answer for it.
    Gone(Source),
    /// No answer: nobody knows whether it happened.
    Away(Source),
    /// An answer, and it is no.
    Refused(ErrorKind, &'static str, Source),
}

impl Failure {
    pub(super) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Raced => Error::new(ErrorKind::Unavailable, operation, "the log is contended"),
            Self::Gone(source) => {
                Error::new(ErrorKind::Unavailable, operation, "the server has no such stream now")
                    .with_source(source)
            }
            Self::Away(source) => {
                Error::new(ErrorKind::Unavailable, operation, "the server doesn't answer").with_source(source)
            }
            Self::Refused(kind, detail, source) => Error::new(kind, operation, detail).with_source(source),
        }
    }
}

impl From<ServerError> for Failure {
    /// By the codes of JetStream's own list of errors.
    fn from(error: ServerError) -> Self {
        let code = error.error_code();
        if [ErrorCode::STREAM_WRONG_LAST_SEQUENCE, ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT]
            .contains(&code)
        {
            return Self::Raced;
        }
        if code == ErrorCode::STREAM_NOT_FOUND {
            return Self::Gone(error.into());
        }
        if error.code() == 503 && code != ErrorCode::STREAM_STORE_FAILED {
            return match code {
                ErrorCode::INSUFFICIENT_RESOURCES => full(error),
                _ => Self::Away(error.into()),
            };
        }
        match code {
            ErrorCode::STREAM_STORE_FAILED
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::MEMORY_RESOURCES_EXCEEDED => full(error),
            _ if matches!(error.code(), 401 | 403) => {
                Self::Refused(ErrorKind::Invalid, "the server refuses this user", error.into())
            }
            _ => Self::Refused(ErrorKind::Other, "the server refused the request", error.into()),
        }
    }
}

fn full(error: ServerError) -> Failure {
    Failure::Refused(ErrorKind::Full, "the server has no room", error.into())
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Self::Raced,
            PublishErrorKind::StreamNotFound => Self::Gone(error.into()),
            PublishErrorKind::MaxPayloadExceeded => {
                Self::Refused(ErrorKind::TooLarge, "the server takes no message of this size", error.into())
            }
            PublishErrorKind::Other => {
                let answer =
                    StdError::source(&error).and_then(<dyn StdError>::downcast_ref::<ServerError>).cloned();
                answer.map_or_else(|| Self::Away(error.into()), Self::from)
            }
            _ => Self::Away(error.into()),
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Away(error.into())
    }
}

impl From<RawMessageError> for Failure {
    fn from(error: RawMessageError) -> Self {
        match error.kind() {
            RawMessageErrorKind::JetStream(error) => error.into(),
            _ => Self::Away(error.into()),
        }
    }
}
