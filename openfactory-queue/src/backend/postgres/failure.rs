//! What the server answers, as errors of the queue.

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

use crate::error::{Error, ErrorKind};

/// Why a statement or a transaction came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server or the connection.
    Server(tokio_postgres::Error),
    /// No connection was to be had.
    Pool(PoolError),
    /// The server kept something that this program can't have written.
    Strange(String),
    /// The connection was lost while the transaction was being committed.
    Commit(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Server(error),
            error => Self::Pool(error),
        }
    }
}

impl Failure {
    /// Whether the same transaction may well succeed at once: it lost a race.
    pub(super) fn is_race(&self) -> bool {
        let (Self::Server(error) | Self::Commit(error)) = self else { return false };
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED]
            .iter()
            .any(|state| error.code() == Some(state))
    }

    pub(super) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Server(error) => from_server(operation, error),
            // An answer is an answer; without one, nobody knows.
            Self::Commit(error) if error.code().is_some() => from_server(operation, error),
            Self::Commit(error) => from_server(operation, error).outcome_unknown(),
            Self::Strange(detail) => Error::new(ErrorKind::Corrupt, operation, detail),
            Self::Pool(error) => {
                let (kind, detail) = match error {
                    PoolError::Closed => (ErrorKind::Closed, "the queue is closed"),
                    PoolError::Timeout(TimeoutType::Wait) => {
                        (ErrorKind::Unavailable, "no connection became free in time")
                    }
                    _ => (ErrorKind::Unavailable, "no connection could be made"),
                };
                Error::new(kind, operation, detail).with_source(error)
            }
        }
    }
}

/// What an error of the server means, by its SQLSTATE (PostgreSQL manual, appendix A); none: the connection failed.
pub(super) fn from_server(operation: &'static str, error: tokio_postgres::Error) -> Error {
    let code = error.code().map_or("", SqlState::code).to_owned();
    let (kind, detail) = match code.as_bytes() {
        b"" => (ErrorKind::Unavailable, "the server can't be reached"),
        b"57014" => (ErrorKind::Timeout, "the server had no answer in time"),
        b"53100" => (ErrorKind::Full, "the server's disk is full"),
        [b'5', b'3' | b'7', ..] | [b'0', b'8', ..] => (ErrorKind::Unavailable, "the server can't work now"),
        [b'4', b'0', ..] | b"55P03" => (ErrorKind::Unavailable, "the server is contended"),
        b"25006" => {
            (ErrorKind::Unavailable, "the server takes no writes: it is a standby or has failed over")
        }
        [b'X', b'X', ..] => (ErrorKind::Corrupt, "the server reports damage or a fault of its own"),
        [b'2', b'8', ..] | b"3D000" | b"42501" => {
            (ErrorKind::Invalid, "the server refuses this user or database")
        }
        b"42P01" | b"42703" => (ErrorKind::Corrupt, "the queue's tables are not what they were"),
        _ => (ErrorKind::Other, "the server refused the statement"),
    };
    Error::new(kind, operation, detail).with_source(error)
}
