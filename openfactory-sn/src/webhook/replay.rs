//! Which webhooks were taken already.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Remembers ids for as long as their signatures count.
///
/// With several receivers, or one that restarts, behind it must be something that they share and that lasts.
///
/// ```
/// use std::collections::BTreeSet;
/// use std::sync::Mutex;
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::webhook::{Refusal, ReplayError, ReplayStore, Verifier, WebhookSecret, sign};
///
/// /// What stands for a database here; a real one also forgets.
/// #[derive(Debug, Default)]
/// struct Database(Mutex<BTreeSet<String>>);
///
/// impl ReplayStore for Database {
///     fn take(&self, id: &str, _until: SystemTime, _now: SystemTime) -> Result<bool, ReplayError> {
///         let mut ids = self.0.lock().map_err(|_| ReplayError::caused_by("database is gone"))?;
///         Ok(ids.insert(id.to_owned()))
///     }
/// }
///
/// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let headers = sign(&secret, "evt_1", now, b"{}")?.to_map();
/// let (verifier, database) = (Verifier::new([secret]), Database::default());
/// assert!(verifier.verify_once(&headers, b"{}", now, &database).is_ok());
/// assert_eq!(verifier.verify_once(&headers, b"{}", now, &database).unwrap_err(), Refusal::Replayed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ReplayStore: fmt::Debug + Send + Sync {
    /// Takes an id, to be remembered until `until`; whether it was not taken before.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] if that could not be found out; then it is not taken.
    fn take(&self, id: &str, until: SystemTime, now: SystemTime) -> Result<bool, ReplayError>;
}

/// Why a store could not be asked.
///
/// ```
/// use std::error::Error as _;
/// use openfactory_sn::webhook::ReplayError;
///
/// let error = ReplayError::caused_by("database is gone");
/// assert_eq!(error.to_string(), "replay store could not be asked");
/// assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("database is gone"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("replay store could not be asked")]
pub struct ReplayError {
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ReplayError {
    /// With its cause.
    #[must_use]
    pub fn caused_by(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()) }
    }
}

/// A store in memory, for one receiver: what was taken before a restart is not known after it, as long as the tolerance of
/// the verifier.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::webhook::{MemoryReplays, Refusal, Verifier, WebhookSecret, sign};
///
/// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let headers = sign(&secret, "evt_1", now, b"{}")?.to_map();
/// let (verifier, taken) = (Verifier::new([secret]), MemoryReplays::new(100_000));
/// assert!(verifier.verify_once(&headers, b"{}", now, &taken).is_ok());
/// assert_eq!(verifier.verify_once(&headers, b"{}", now, &taken).unwrap_err(), Refusal::Replayed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryReplays {
    most: usize,
    ids: Mutex<BTreeMap<String, SystemTime>>,
}

impl MemoryReplays {
    /// Remembers so many at once. When it is full of ids that still count, it refuses to answer rather than forget one.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, ids: Mutex::default() }
    }
}

impl ReplayStore for MemoryReplays {
    fn take(&self, id: &str, until: SystemTime, now: SystemTime) -> Result<bool, ReplayError> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.get(id).is_some_and(|until| *until >= now) {
            return Ok(false);
        }
        if ids.len() >= self.most {
            ids.retain(|_, until| *until >= now);
            if ids.len() >= self.most {
                return Err(ReplayError::caused_by("store is full"));
            }
        }
        ids.insert(id.to_owned(), until);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_are_forgotten_when_they_count_no_more_and_no_sooner() {
        let store = MemoryReplays::new(2);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(store.take("a", at(10), at(0)).unwrap());
        assert!(store.take("b", at(20), at(0)).unwrap());
        assert!(!store.take("a", at(10), at(10)).unwrap());
        assert!(store.take("c", at(30), at(10)).is_err(), "full");
        assert!(store.take("c", at(30), at(11)).unwrap(), "room where a was");
        assert!(!store.take("b", at(20), at(11)).unwrap());
    }
}
