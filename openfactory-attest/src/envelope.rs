//! Signed envelopes: DSSE, the Dead Simple Signing Envelope (secure-systems-lab/dsse, protocol v1).
//!
//! An [`Envelope`] is anybody's bytes. What it carries becomes believable only by [`Envelope::open`], which takes the
//! keys that count and gives a [`Verified`] value; there is no other way to make one.

mod error;
mod open;
mod wire;

pub use error::{OpenError, ParseEnvelopeError};
pub use open::{Acceptance, PayloadError, Verified};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::key::{KeyId, KeyKind, SignError, Signer};
use crate::trust::TrustStore;

/// Signatures in one envelope at most; more are refused before any is looked at.
pub const MAX_SIGNATURES: usize = 16;

/// Bytes of one envelope's JSON at most: 64 MiB.
pub const MAX_ENVELOPE: usize = 64 << 20;

/// A payload, what type it says it is, and signatures over both.
///
/// ```
/// use openfactory_attest::envelope::Envelope;
/// use openfactory_attest::key::{Ed25519Key, KeyKind, Signer};
/// use openfactory_attest::trust::{TrustStore, TrustedKey};
///
/// let key = Ed25519Key::generate()?;
/// let envelope = Envelope::sign("text/plain", b"hello", &key)?;
///
/// let mut trust = TrustStore::new();
/// assert!(envelope.open(&trust, "text/plain", &[KeyKind::Integration]).is_err());
///
/// trust.add(TrustedKey::new("webhook", KeyKind::Integration, key.public_key().clone()))?;
/// let opened = envelope.open(&trust, "text/plain", &[KeyKind::Integration])?;
/// assert_eq!((opened.get().as_slice(), opened.signer().name.as_str()), (&b"hello"[..], "webhook"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "wire::Envelope", into = "wire::Envelope")]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    /// Whose it claims to be: a hint, never trusted.
    key_id: Option<String>,
    bytes: Vec<u8>,
}

/// The bytes that a signature in an envelope covers: DSSE's pre-authentication encoding.
///
/// ```
/// let bytes = openfactory_attest::envelope::pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
/// assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
/// ```
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs a payload as of this type.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(payload_type: &str, payload: &[u8], signer: &dyn Signer) -> Result<Self, SignError> {
        let bytes = signer.sign(&pre_authentication_encoding(payload_type, payload))?;
        Ok(Self {
            payload_type: payload_type.to_owned(),
            payload: payload.to_owned(),
            signatures: vec![Signature { key_id: Some(signer.key_id().to_string()), bytes }],
        })
    }

    /// The same envelope with one more signature, for where several have to sign.
    ///
    /// # Errors
    /// The signer's own.
    pub fn countersign(mut self, signer: &dyn Signer) -> Result<Self, SignError> {
        let bytes = signer.sign(&pre_authentication_encoding(&self.payload_type, &self.payload))?;
        self.signatures.push(Signature { key_id: Some(signer.key_id().to_string()), bytes });
        Ok(self)
    }

    /// Reads an envelope's JSON. Both alphabets of base64 are taken, unknown members are ignored, names that occur
    /// twice are refused. Nothing is verified.
    ///
    /// # Errors
    /// [`ParseEnvelopeError`] says what it is instead.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseEnvelopeError> {
        wire::parse(bytes)
    }

    /// The envelope's JSON, on one line, with a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        format!("{}\n", self.to_value()).into_bytes()
    }

    pub(crate) fn to_value(&self) -> serde_json::Value {
        wire::value(self)
    }

    /// What the payload says it is. Nobody has vouched for it yet.
    #[must_use]
    pub fn payload_type_unverified(&self) -> &str {
        &self.payload_type
    }

    /// The payload. Nobody has vouched for it yet: for looking and for routing, never for deciding.
    #[must_use]
    pub fn payload_unverified(&self) -> &[u8] {
        &self.payload
    }

    /// SHA-256 of the payload, by which one document refers to another. It stays the same whoever signs.
    #[must_use]
    pub fn payload_digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.payload)
    }

    /// The ids of the keys that claim to have signed, as far as they are ids. Hints, never trusted.
    pub fn key_ids_unverified(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().filter_map(|signature| signature.key_id.as_deref()?.parse().ok())
    }

    /// Gives the payload if it is of this type and signed by a trusted key of one of these kinds.
    ///
    /// # Errors
    /// [`OpenError`] says why it is not believed.
    pub fn open(
        &self,
        trust: &TrustStore,
        payload_type: &str,
        kinds: &[KeyKind],
    ) -> Result<Verified<Vec<u8>>, OpenError> {
        open::open(self, trust, payload_type, kinds, 1)
    }

    /// Like [`open`](Self::open), but this many different keys must have signed. Several signatures of one key count
    /// once; a threshold of 0 is taken for 1.
    ///
    /// # Errors
    /// [`OpenError`] says why it is not believed.
    pub fn open_by(
        &self,
        threshold: usize,
        trust: &TrustStore,
        payload_type: &str,
        kinds: &[KeyKind],
    ) -> Result<Verified<Vec<u8>>, OpenError> {
        open::open(self, trust, payload_type, kinds, threshold)
    }
}
