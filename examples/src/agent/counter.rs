//! The number of each report: raised on the disk before it is used, so that no two reports share one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_sn::lifecycle::id::EventId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::write_once::write_atomically;

/// The counter's file name in the agent's state directory.
const FILE: &str = "reports.json";

/// Why there is no next number.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CounterError {
    /// The file can't be read or written.
    #[error("the report counter {path} can't be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold a counter. Remove it to begin a new series.
    #[error("{path} holds no report counter; remove it to begin a new series")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The series began when the state directory was new: where it is lost, the next series has other ids.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    /// Milliseconds since 1970.
    series: u64,
    last: u64,
}

/// The id of the next report, `report-<series>-<number>`. Numbers may be left out, never used twice. The caller
/// must be alone in `directory`.
///
/// # Errors
/// When the counter can't be read, or its next value can't be made durable.
pub(super) fn next(directory: &Path, now: SystemTime) -> Result<EventId, CounterError> {
    let path = directory.join(FILE);
    let damaged = |source| CounterError::Damaged { path: path.clone(), source };
    let mut counter = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| damaged(Box::new(source)))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let age = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Counter { series: u64::try_from(age.as_millis()).unwrap_or(u64::MAX), last: 0 }
        }
        Err(source) => return Err(CounterError::Io { path, source }),
    };
    counter.last = counter.last.checked_add(1).ok_or_else(|| damaged("it is at its end".into()))?;
    let id = EventId::new(format!("report-{:x}-{}", counter.series, counter.last))
        .map_err(|source| damaged(Box::new(source)))?;
    let bytes = serde_json::to_vec(&counter).map_err(|source| damaged(Box::new(source)))?;
    write_atomically(&path, &bytes, 0o600).map_err(|source| CounterError::Io { path, source })?;
    Ok(id)
}

/// The id of the last report, if there was one.
///
/// # Errors
/// When the counter can't be read.
pub(super) fn last(directory: &Path) -> Result<Option<EventId>, CounterError> {
    let path = directory.join(FILE);
    let damaged = |source| CounterError::Damaged { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => {
            let counter: Counter = serde_json::from_slice(&bytes).map_err(|error| damaged(error.into()))?;
            let id = EventId::new(format!("report-{:x}-{}", counter.series, counter.last));
            id.map(Some).map_err(|error| damaged(error.into()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CounterError::Io { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::{CounterError, FILE, next};

    #[test]
    fn numbers_go_on_and_a_new_series_has_other_ids() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(0xabc);
        let later = now + Duration::from_secs(1);
        assert_eq!(next(directory.path(), now).unwrap().as_str(), "report-abc-1");
        assert_eq!(next(directory.path(), later).unwrap().as_str(), "report-abc-2");
        fs::remove_file(directory.path().join(FILE)).unwrap();
        assert_eq!(next(directory.path(), later).unwrap().as_str(), "report-ea4-1");
    }

    #[test]
    fn what_is_no_counter_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "{\"series\":1}").unwrap();
        let error = next(directory.path(), SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, CounterError::Damaged { .. }));
        assert_eq!(fs::read(directory.path().join(FILE)).unwrap(), b"{\"series\":1}");
    }
}
