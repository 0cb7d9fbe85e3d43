//! An Ed25519 key held in memory, as PKCS#8 on disk.

use std::fmt;
use std::ops::Deref;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use super::{KeyId, PublicKey, SignError, Signer};

/// The longest PEM text that is looked at. An Ed25519 private key has 119 bytes.
const MAX_PEM: usize = 4096;

/// An Ed25519 private key (RFC 8032) in memory, which is wiped when the value is dropped.
///
/// On disk it is PEM around unencrypted PKCS#8 (RFC 8410), what `openssl genpkey -algorithm ed25519` writes, or the same
/// encrypted with a [`Passphrase`](super::Passphrase).
///
/// ```
/// use openfactory_attest::key::{Ed25519Key, Signer};
///
/// let key = Ed25519Key::generate()?;
/// let signature = key.sign(b"message")?;
/// assert!(key.public_key().verify(b"message", &signature).is_ok());
/// assert!(key.public_key().verify(b"massage", &signature).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ed25519Key {
    secret: SigningKey,
    public: PublicKey,
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct GenerateError {
    source: std::io::Error,
}

/// Why a text is not an Ed25519 private key. It never holds any of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseKeyError {
    /// Longer than any Ed25519 private key.
    #[error("{len} bytes are too many for an Ed25519 private key")]
    TooLong {
        /// Bytes in the text.
        len: usize,
    },
    /// Encrypted: [`Passphrase::decrypt`](super::Passphrase::decrypt) comes first.
    #[error("the key is encrypted, and takes its passphrase")]
    Encrypted,
    /// Not PEM with the label `PRIVATE KEY` around an Ed25519 key.
    #[error("not an Ed25519 private key in PKCS#8 PEM")]
    Malformed,
}

impl Ed25519Key {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`GenerateError`] where the system gives none.
    pub fn generate() -> Result<Self, GenerateError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut seed[..])
            .map_err(|error| GenerateError { source: std::io::Error::other(error.to_string()) })?;
        Ok(Self::from_seed(&seed))
    }

    /// The key whose 32 secret bytes of RFC 8032 these are. For randomness of one's own, and for tests.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(SigningKey::from_bytes(seed))
    }

    fn of(secret: SigningKey) -> Self {
        let public = PublicKey::of(secret.verifying_key());
        Self { secret, public }
    }

    /// Reads unencrypted PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`ParseKeyError`] says what it is instead, without repeating it.
    pub fn from_pem(pem: &str) -> Result<Self, ParseKeyError> {
        if pem.len() > MAX_PEM {
            return Err(ParseKeyError::TooLong { len: pem.len() });
        }
        if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(ParseKeyError::Encrypted);
        }
        SigningKey::from_pkcs8_pem(pem.trim()).map(Self::of).map_err(|_| ParseKeyError::Malformed)
    }

    /// PKCS#8 version 1 in PEM, with a newline at the end: what every version of openssl reads.
    ///
    /// # Errors
    /// [`EncodeKeyError`] where the encoder fails, which for a key of this type it has no cause to.
    pub fn to_pem(&self) -> Result<PrivatePem, EncodeKeyError> {
        // Without the public key this is PKCS#8 version 1; openssl 1.1 does not read version 2.
        let bytes = KeypairBytes { secret_key: self.secret.to_bytes(), public_key: None };
        bytes.to_pkcs8_pem(LineEnding::LF).map(PrivatePem).map_err(|_| EncodeKeyError)
    }
}

/// A private key as PEM text, which is wiped when the value is dropped and not shown by `Debug`.
pub struct PrivatePem(Zeroizing<String>);

impl PrivatePem {
    pub(crate) const fn of(pem: Zeroizing<String>) -> Self {
        Self(pem)
    }
}

impl Deref for PrivatePem {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivatePem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivatePem(redacted)")
    }
}

/// A key that could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key could not be encoded")]
pub struct EncodeKeyError;

impl Signer for Ed25519Key {
    fn key_id(&self) -> &KeyId {
        self.public.key_id()
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.secret.sign(message).to_bytes().to_vec())
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Key").field("key_id", self.key_id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_round_trips() {
        let key = Ed25519Key::generate().unwrap();
        let again = Ed25519Key::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.sign(b"x").unwrap(), key.sign(b"x").unwrap());
    }

    #[test]
    fn rfc_8410_example_is_read() {
        // RFC 8410, section 10.3: version 1, without the public key.
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let key = Ed25519Key::from_pem(pem).unwrap();
        let public = "-----BEGIN PUBLIC KEY-----\n\
                      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                      -----END PUBLIC KEY-----\n";
        assert_eq!(key.public_key().to_pem(), public);
        assert_eq!(&*key.to_pem().unwrap(), pem);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let key = Ed25519Key::from_seed(&[0x5a; 32]);
        let pem = key.to_pem().unwrap();
        let printed = format!("{key:?} {key:#?} {pem:?}");
        assert!(!printed.contains("PRIVATE KEY"), "{printed}");
        assert!(!printed.to_lowercase().contains("5a5a") && !printed.contains("90, 90"), "{printed}");
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let public = Ed25519Key::from_seed(&[1; 32]).public_key().to_pem();
        for text in ["", "x", public.as_str()] {
            assert_eq!(Ed25519Key::from_pem(text).unwrap_err(), ParseKeyError::Malformed, "{text}");
        }
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(Ed25519Key::from_pem(encrypted).unwrap_err(), ParseKeyError::Encrypted);
    }
}
