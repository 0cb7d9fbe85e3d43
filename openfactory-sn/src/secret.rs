//! Secrets: in memory wiped when dropped and never printed, at rest under keys that can be changed.

mod fernet;
mod store;

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::fernet::{FernetError, FernetKeys};
pub use self::store::{SecretStore, StoreError};

/// A password, client secret or token.
///
/// Its memory is overwritten when the last use ends, its `Debug` shows nothing, it has no `Display`, and two are
/// compared in constant time.
///
/// ```
/// let secret = openfactory_sn::Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, for the one place that must send it.
    ///
    /// ```
    /// use openfactory_sn::Secret;
    ///
    /// let token = Secret::new("t0k3n");
    /// assert_eq!(format!("Bearer {}", token.expose()), "Bearer t0k3n");
    /// ```
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_and_equality_compares_all() {
        let secret = Secret::new("s3cr3t");
        assert!(!format!("{secret:?}").contains("s3cr3t"));
        assert_eq!(secret, Secret::from("s3cr3t"));
        assert_ne!(secret, Secret::from("s3cr3T"));
        assert_ne!(secret, Secret::from("s3cr3t "));
    }
}
