//! Keys: what they are for, what they are called, and how something is signed with one.
//!
//! A [`Signer`] is anything that signs: a key in memory ([`Ed25519Key`]), a vault, a hardware module. What it signs is
//! checked with a [`PublicKey`]; which public keys count, and for what, says a
//! [`TrustStore`](crate::trust::TrustStore).

mod ed25519;
mod kind;
mod passphrase;
mod public;

pub use ed25519::{Ed25519Key, EncodeKeyError, GenerateError, ParseKeyError, PrivatePem};
pub use kind::{KeyKind, ParseKeyKindError, Scope, Severity};
pub use passphrase::{DecryptKeyError, Passphrase};
pub use public::{BadSignature, KeyId, ParsePublicKeyError, PublicKey};

/// What signs messages.
///
/// # Contract
/// - `sign` gives a signature over exactly these bytes that [`public_key`](Self::public_key) verifies; for Ed25519
///   64 bytes (RFC 8032, pure mode).
/// - `key_id` is the id of `public_key`, and neither ever changes for one signer.
/// - A signer may be used from many threads at once and may block (a vault, a device).
pub trait Signer: Send + Sync {
    /// The id of the public key.
    fn key_id(&self) -> &KeyId;

    /// The key that verifies what this signs.
    fn public_key(&self) -> &PublicKey;

    /// Signs these bytes.
    ///
    /// # Errors
    /// [`SignError`] where nothing was signed.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Whoever holds the key does not let it sign: it is revoked, expired or not for this use.
    #[error("the key {key_id} may not sign: {reason}")]
    Refused {
        /// The key.
        key_id: KeyId,
        /// Who refused and why, for a person.
        reason: String,
    },
    /// Whoever holds the key could not be asked; it may work later.
    #[error("the key {key_id} cannot be reached")]
    Unavailable {
        /// The key.
        key_id: KeyId,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
