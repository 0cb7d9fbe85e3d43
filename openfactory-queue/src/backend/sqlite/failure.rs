//! From what SQLite says to what a caller can do.

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

pub(super) fn from_sqlite(operation: &'static str, error: &rusqlite::Error) -> Error {
    let (kind, detail) = match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                (ErrorKind::Unavailable, "another program holds the database")
            }
            ErrorCode::DiskFull => {
                (ErrorKind::Full, "the disk, the byte cap or the limit of messages is full")
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                (ErrorKind::Corrupt, "the database file is damaged")
            }
            ErrorCode::SystemIoFailure => (ErrorKind::Unavailable, "the disk has an I/O error"),
            ErrorCode::CannotOpen => (ErrorKind::Unavailable, "the database file can't be opened"),
            ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
                (ErrorKind::Unavailable, "the database file can't be written")
            }
            ErrorCode::OutOfMemory => (ErrorKind::Unavailable, "out of memory"),
            ErrorCode::TooBig => (ErrorKind::TooLarge, "a value is too big for SQLite"),
            _ => (ErrorKind::Other, "SQLite refused"),
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => {
            (ErrorKind::Corrupt, "a row holds what was never written")
        }
        _ => (ErrorKind::Other, "SQLite refused"),
    };
    Error::new(kind, operation, detail).with_source(error.to_string())
}

/// Whether the connection must be given up: after an I/O error its cache may differ from the disk.
pub(super) fn is_fatal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::CannotOpen)
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn codes_have_their_kinds() {
        for (code, kind, fatal) in [
            (ffi::SQLITE_BUSY, ErrorKind::Unavailable, false),
            (ffi::SQLITE_FULL, ErrorKind::Full, false),
            (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt, true),
            (ffi::SQLITE_NOTADB, ErrorKind::Corrupt, false),
            (ffi::SQLITE_IOERR_FSYNC, ErrorKind::Unavailable, true),
            (ffi::SQLITE_READONLY, ErrorKind::Unavailable, false),
            (ffi::SQLITE_TOOBIG, ErrorKind::TooLarge, false),
            (ffi::SQLITE_MISUSE, ErrorKind::Other, false),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(is_fatal(&error), fatal, "{code}");
            assert_eq!(from_sqlite("publish", &error).kind(), kind, "{code}");
        }
    }
}
