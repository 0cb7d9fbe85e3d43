//! The one door between bytes and facts.

use serde::de::DeserializeOwned;

use super::{Envelope, OpenError, Signature, pre_authentication_encoding};
use crate::canonical::{self, Limits};
use crate::digest::Sha256Digest;
use crate::key::KeyKind;
use crate::trust::{TrustStore, TrustedKey};

/// Something that a trusted key vouches for.
///
/// Only [`Envelope::open`](super::Envelope::open) makes one, so whoever is handed it need not check again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signer: TrustedKey,
    acceptance: Acceptance,
    cosigners: Vec<TrustedKey>,
}

/// Why a signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acceptance {
    /// Its key is trusted.
    Trusted,
    /// Its key was revoked, but an audit log is proved to have held the payload before the key was in other hands.
    ByLog {
        /// The log's name.
        origin: String,
        /// The payload's place in it.
        index: u64,
    },
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

    /// Why the signature of [`signer`](Self::signer) counts. [`Acceptance::ByLog`] only where no key that is trusted
    /// still has signed.
    #[must_use]
    pub const fn acceptance(&self) -> &Acceptance {
        &self.acceptance
    }

    /// All different keys that signed and count, [`signer`](Self::signer) first.
    pub fn signers(&self) -> impl Iterator<Item = &TrustedKey> {
        std::iter::once(&self.signer).chain(&self.cosigners)
    }

    /// The same signers for something that follows from the value alone.
    pub(crate) fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U>, E> {
        Ok(Verified {
            value: f(self.value)?,
            signer: self.signer,
            acceptance: self.acceptance,
            cosigners: self.cosigners,
        })
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

    /// Like [`parse_json`](Self::parse_json), within limits of one's own. Lists are refused where `T` has objects, which serde would take.
    ///
    /// # Errors
    /// [`PayloadError`] where it is signed, but not what it should be.
    pub fn parse_json_within<T: DeserializeOwned>(
        self,
        limits: &Limits,
    ) -> Result<Verified<T>, PayloadError> {
        self.try_map(|bytes| {
            let value = canonical::parse(&bytes, limits).map_err(PayloadError::Json)?;
            canonical::from_value(value).map_err(|error| PayloadError::Shape { reason: error.to_string() })
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
    let mut signers: Vec<(TrustedKey, Acceptance)> = Vec::new();
    let mut complaint: Option<OpenError> = None;
    let question = Question { signed: &signed, payload: &envelope.payload, trust, kinds };
    for signature in &envelope.signatures {
        match question.judge(signature) {
            Ok((key, _)) if signers.iter().any(|(there, _)| there == key) => {}
            Ok((key, acceptance)) => signers.push((key.clone(), acceptance)),
            // The first complaint that says more than "unknown" is the one to tell.
            Err(Some(error)) => complaint = complaint.or(Some(error)),
            Err(None) => {}
        }
    }
    let found = signers.len();
    let needed = threshold.max(1);
    // Who is still trusted comes first.
    signers.sort_by_key(|(_, acceptance)| *acceptance != Acceptance::Trusted);
    let mut signers = signers.into_iter();
    match signers.next() {
        Some((signer, acceptance)) if found >= needed => {
            let cosigners = signers.map(|(key, _)| key).collect();
            Ok(Verified { value: envelope.payload.clone(), signer, acceptance, cosigners })
        }
        Some(_) => Err(OpenError::Threshold { needed, found }),
        None => Err(complaint.unwrap_or_else(|| OpenError::UnknownSigner {
            key_ids: envelope.signatures.iter().filter_map(|it| it.key_id.clone()).collect(),
        })),
    }
}

/// What a signature is held against.
struct Question<'q> {
    signed: &'q [u8],
    payload: &'q [u8],
    trust: &'q TrustStore,
    kinds: &'q [KeyKind],
}

impl<'q> Question<'q> {
    /// Whose signature this is, if it is by a trusted key of one of these kinds; else, as far as there is more to say
    /// than that it is by nobody trusted, what is wrong with it.
    fn judge(&self, signature: &Signature) -> Result<(&'q TrustedKey, Acceptance), Option<OpenError>> {
        let trust = self.trust;
        let claimed = signature.key_id.as_deref().and_then(|id| trust.get(&id.parse().ok()?));
        // The key id is a hint: the claimed key is tried first, then all others.
        let others =
            trust.iter().filter(|key| claimed.is_none_or(|claimed| claimed.key_id() != key.key_id()));
        for key in claimed.into_iter().chain(others) {
            if key.public_key.verify(self.signed, &signature.bytes).is_err() {
                continue;
            }
            if !self.kinds.contains(&key.kind) {
                return Err(Some(OpenError::KindNotAllowed {
                    name: key.name.clone(),
                    kind: key.kind,
                    allowed: self.kinds.to_vec(),
                }));
            }
            return self.acceptance(key).map(|acceptance| (key, acceptance)).map_err(Some);
        }
        Err(claimed.map(|key| OpenError::BadSignature { name: key.name.clone() }))
    }

    /// Why a good signature of this key counts, if it does.
    fn acceptance(&self, key: &TrustedKey) -> Result<Acceptance, OpenError> {
        let Some(revoked) = self.trust.revoked(key.key_id()) else { return Ok(Acceptance::Trusted) };
        match self.trust.held_before(revoked, &Sha256Digest::of(self.payload)) {
            Some(held) => Ok(Acceptance::ByLog { origin: held.origin().to_owned(), index: held.index() }),
            None => Err(OpenError::Revoked {
                name: key.name.clone(),
                key_id: revoked.key_id,
                reason: revoked.reason,
                incident: revoked.incident.clone(),
            }),
        }
    }
}
