//! Why an envelope can't be read, and why one that can isn't believed.

use crate::canonical;
use crate::key::{KeyId, KeyKind};
use crate::trust::revocation::Reason;

/// Why something is not a DSSE envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseEnvelopeError {
    /// Not JSON, or not within the limits.
    #[error("the envelope is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// JSON, but not an object with payload, payloadType and signatures.
    #[error("not a DSSE envelope: {reason}")]
    Shape {
        /// What is missing or of another type.
        reason: String,
    },
    /// A member that should be base64 is not.
    #[error("{member} is not base64")]
    Base64 {
        /// `payload` or `signatures[N].sig`.
        member: String,
    },
    /// More signatures than are looked at.
    #[error("{count} signatures are more than the {} looked at", super::MAX_SIGNATURES)]
    TooManySignatures {
        /// Signatures in the envelope.
        count: usize,
    },
}

/// Why an envelope's payload is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Signed or not, it is something else than what was expected.
    #[error("the payload is of type {found:?}, expected {expected:?}")]
    PayloadType {
        /// The type that was asked for.
        expected: String,
        /// The type in the envelope.
        found: String,
    },
    /// There is no signature at all.
    #[error("the envelope is not signed")]
    Unsigned,
    /// No signature is by any key that is trusted.
    #[error("signed by nobody trusted (claimed key ids: {})", list(key_ids))]
    UnknownSigner {
        /// The key ids that the signatures claim, unverified.
        key_ids: Vec<String>,
    },
    /// A signature claims to be by a trusted key and is not.
    #[error("the signature that claims to be by {name:?} does not verify")]
    BadSignature {
        /// The trusted key's name.
        name: String,
    },
    /// Signed by a key that was revoked, without proof that the audit log held it before.
    #[error(
        "signed by {name:?}, a key that was revoked ({reason}{}), and not proved to have been in the audit log before",
        incident.as_ref().map(|incident| format!(", {incident}")).unwrap_or_default()
    )]
    Revoked {
        /// The key's name.
        name: String,
        /// The key.
        key_id: KeyId,
        /// Why it was revoked.
        reason: Reason,
        /// The incident that its revocation belongs to.
        incident: Option<String>,
    },
    /// Signed by a trusted key, but one that is not trusted for this.
    #[error(
        "signed by {name:?}, a key of kind {kind}; this has to be signed by one of kind {}",
        list(allowed)
    )]
    KindNotAllowed {
        /// The key's name.
        name: String,
        /// Its kind.
        kind: KeyKind,
        /// The kinds that would do.
        allowed: Vec<KeyKind>,
    },
    /// Not enough different keys have signed.
    #[error("{found} trusted keys have signed, {needed} are needed")]
    Threshold {
        /// Keys that are needed.
        needed: usize,
        /// Keys that have signed.
        found: usize,
    },
}

fn list<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
