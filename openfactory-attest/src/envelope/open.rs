//! The one door between bytes and facts.

use serde::de::DeserializeOwned;

use super::{Envelope, OpenError, Signature, pre_authentication_encoding};
use crate::canonical::{self, Limits};
use crate::key::KeyKind;
use crate::trust::{TrustStore, TrustedKey};

/// Something that a trusted key vouches for.
///
/// Only [`Envelope::open`](super::Envelope::open) makes one, so whoever is handed it need not check again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signer: TrustedKey,
    cosigners: Vec<TrustedKey>,
}

/// A payload that was signed, but is not what it should be inside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// Not JSON, or not within the limits.
    #[error("the signed payload is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// JSON of another shape.
    #[error("the signed payload has another shape than expected: {reason}")]
    Shape {
        /// What is missing or of another type.
        reason: String,
    },
}

impl<T> Verified<T> {
    /// What was signed.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// What was signed, no longer tied to who signed it.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Who signed.
    #[must_use]
    pub const fn signer(&self) -> &TrustedKey {
        &self.signer
    }

    /// All different keys that signed and count, [`signer`](Self::signer) first.
    pub fn signers(&self) -> impl Iterator<Item = &TrustedKey> {
        std::iter::once(&self.signer).chain(&self.cosigners)
    }

    /// The same signers for something that follows from the value alone.
    pub(crate) fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U>, E> {
        Ok(Verified { value: f(self.value)?, signer: self.signer, cosigners: self.cosigners })
    }
}

impl Verified<Vec<u8>> {
    /// Reads the very bytes that were signed as JSON: [`Limits::FOREIGN`] with names that occur twice refused.
    ///
    /// # Errors
    /// [`PayloadError`] where it is signed, but not what it should be.
    pub fn parse_json<T: DeserializeOwned>(self) -> Result<Verified<T>, PayloadError> {
        self.parse_json_within(&Limits { max_bytes: super::MAX_ENVELOPE, ..Limits::FOREIGN })
    }

    /// Like [`parse_json`](Self::parse_json), within limits of one's own.
    ///
    /// # Errors
    /// [`PayloadError`] where it is signed, but not what it should be.
    pub fn parse_json_within<T: DeserializeOwned>(
        self,
        limits: &Limits,
    ) -> Result<Verified<T>, PayloadError> {
        self.try_map(|bytes| {
            let value = canonical::parse(&bytes, limits).map_err(PayloadError::Json)?;
            serde_json::from_value(value).map_err(|error| PayloadError::Shape { reason: error.to_string() })
        })
    }
}

pub(super) fn open(
    envelope: &Envelope,
    trust: &TrustStore,
    payload_type: &str,
    kinds: &[KeyKind],
    threshold: usize,
) -> Result<Verified<Vec<u8>>, OpenError> {
    if envelope.payload_type != payload_type {
        return Err(OpenError::PayloadType {
            expected: payload_type.to_owned(),
            found: envelope.payload_type.chars().take(200).collect(),
        });
    }
    if envelope.signatures.is_empty() {
        return Err(OpenError::Unsigned);
    }
    let signed = pre_authentication_encoding(&envelope.payload_type, &envelope.payload);
    let mut signers: Vec<TrustedKey> = Vec::new();
    let mut complaint: Option<OpenError> = None;
    for signature in &envelope.signatures {
        match judge(signature, &signed, trust, kinds) {
            Ok(key) if !signers.contains(key) => signers.push(key.clone()),
            Ok(_) => {}
            // The first complaint that says more than "unknown" is the one to tell.
            Err(Some(error)) => complaint = complaint.or(Some(error)),
            Err(None) => {}
        }
    }
    let found = signers.len();
    let needed = threshold.max(1);
    let mut signers = signers.into_iter();
    match signers.next() {
        Some(signer) if found >= needed => {
            Ok(Verified { value: envelope.payload.clone(), signer, cosigners: signers.collect() })
        }
        Some(_) => Err(OpenError::Threshold { needed, found }),
        None => Err(complaint.unwrap_or_else(|| OpenError::UnknownSigner {
            key_ids: envelope.signatures.iter().filter_map(|it| it.key_id.clone()).collect(),
        })),
    }
}

/// Whose signature this is, if it is by a trusted key of one of these kinds; else, as far as there is more to say
/// than that it is by nobody trusted, what is wrong with it.
fn judge<'t>(
    signature: &Signature,
    signed: &[u8],
    trust: &'t TrustStore,
    kinds: &[KeyKind],
) -> Result<&'t TrustedKey, Option<OpenError>> {
    let claimed = signature.key_id.as_deref().and_then(|id| trust.get(&id.parse().ok()?));
    // The key id is a hint: the claimed key is tried first, then all others.
    let others = trust.iter().filter(|key| claimed.is_none_or(|claimed| claimed.key_id() != key.key_id()));
    for key in claimed.into_iter().chain(others) {
        if key.public_key.verify(signed, &signature.bytes).is_err() {
            continue;
        }
        if kinds.contains(&key.kind) {
            return Ok(key);
        }
        return Err(Some(OpenError::KindNotAllowed {
            name: key.name.clone(),
            kind: key.kind,
            allowed: kinds.to_vec(),
        }));
    }
    Err(claimed.map(|key| OpenError::BadSignature { name: key.name.clone() }))
}
