//! What lists and responses say of a certificate, and for how long.

use std::fmt;
use std::time::SystemTime;

use x509_cert::serial_number::SerialNumber;

use super::PkiError;
use super::wire;
use crate::key::KeyId;
use crate::trust::revocation::Reason;

/// A certificate's serial number, by which its issuer revokes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

/// What a list or a response says of a certificate that it revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// Since when, as the signer says.
    pub time: SystemTime,
    /// The reason's code (RFC 5280, section 5.3.1), if there is one.
    pub code: Option<u8>,
    /// Since when the key may have been in other hands, if that is said.
    pub invalid_since: Option<SystemTime>,
}

/// From when and until when a list or an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Currency {
    /// When it was true.
    pub this_update: SystemTime,
    /// When there will be a newer one at the latest; `None` where nothing is said of that.
    pub next_update: Option<SystemTime>,
}

impl Serial {
    /// The serial number of the certificates that are made here for this key: one byte 1, then the first 19 bytes of the id. So
    /// whoever has a key's id finds it in a list without its certificate.
    #[must_use]
    pub fn of_key(key_id: &KeyId) -> Self {
        Self([1].into_iter().chain(key_id.digest().as_bytes().iter().copied().take(19)).collect())
    }

    pub(super) fn of(number: &SerialNumber) -> Self {
        Self(number.as_bytes().to_vec())
    }

    pub(super) fn to_number(&self) -> Result<SerialNumber, PkiError> {
        SerialNumber::new(&self.0).map_err(PkiError::encode)
    }
}

/// In lower-case hex.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl Revocation {
    /// The reason, where it is one that revocation lists here have too.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| Some(wire::reason_code(*reason) as u8) == self.code)
    }
}

impl Currency {
    /// Whether this holds now.
    ///
    /// # Errors
    /// [`PkiError::Early`], [`PkiError::Stale`].
    pub fn check(&self, now: SystemTime) -> Result<(), PkiError> {
        if now < self.this_update {
            return Err(PkiError::Early { from: self.this_update });
        }
        match self.next_update {
            Some(next) if next <= now => Err(PkiError::Stale { until: next }),
            _ => Ok(()),
        }
    }
}
