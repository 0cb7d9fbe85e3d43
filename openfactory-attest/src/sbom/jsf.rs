//! A signature inside a CycloneDX document: JSON Signature Format (JSF) 0.82, Ed25519.
//!
//! It is the convenient copy that travels with the document; what binds an SBOM to its build is the verification document,
//! in an envelope of its own. What is signed is the RFC 8785 form of the whole document with everything of the
//! signature in it but its value. [`sign`] appends to the text as it stands, so that nothing that it holds is written
//! anew: a round trip through a model would drop what the model does not know, the public key among it.
//!
//! ```
//! use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
//! use openfactory_attest::sbom::jsf;
//! use openfactory_attest::trust::{TrustStore, TrustedKey};
//!
//! let key = Ed25519Key::from_seed(&[7; 32]);
//! let signed = jsf::sign(br#"{"bomFormat": "CycloneDX", "specVersion": "1.6"}"#, &key)?;
//!
//! let mut trust = TrustStore::new();
//! trust.add(TrustedKey::new("build platform", KeyKind::BuildPlatformSigning, key.public_key().clone()))?;
//! let kinds = [KeyKind::BuildPlatformSigning];
//! assert_eq!(jsf::verify(&signed, &trust, &kinds)?.name, "build platform");
//!
//! let changed = String::from_utf8(signed)?.replace("1.6", "1.5");
//! assert!(jsf::verify(changed.as_bytes(), &trust, &kinds).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Not here
//! Other algorithms, several signers, certificate paths, and `excludes`, by which a signature says that it does not cover
//! a part: each is refused by name. Signatures of single components are left as they are, unchecked.
//!
//! Sources: JSF 0.82 (cyberphone.github.io/doc/security/jsf.html), the `signature` definitions of the CycloneDX 1.6 schema,
//! RFC 8037 for the key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::LIMITS;
use crate::canonical::{self, CanonicalError, ParseError};
use crate::key::{BadSignature, KeyId, KeyKind, PublicKey, SignError, Signer};
use crate::trust::{TrustStore, TrustedKey};

const SIGNATURE: &str = "signature";
const VALUE: &str = "value";

/// The one algorithm, by its name in JSF.
const ALGORITHM: &str = "Ed25519";

/// What a signature may have that would change what it covers, or who it is of.
const REFUSED: [&str; 5] = ["excludes", "extensions", "certificatePath", "signers", "chain"];

/// Why a document could not be signed, or its signature does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsfError {
    /// Not JSON, or not within the limits.
    #[error("not acceptable JSON")]
    Json(#[source] ParseError),
    /// The document has no canonical form.
    #[error("the document has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// It is no CycloneDX document in JSON.
    #[error("not a CycloneDX document in JSON: bomFormat is missing")]
    NotCycloneDx,
    /// It has a signature already, which a second one would cover and replace.
    #[error("the document is signed already: sign the one without a signature")]
    Signed,
    /// There is no signature in it.
    #[error("the document has no signature of its own")]
    Unsigned,
    /// The signature has a part that is not understood, or lacks one.
    #[error("signature.{part}: {reason}")]
    Unsupported {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key in the signature is trusted for nothing.
    #[error("signed by the key {key_id}, which is not trusted")]
    Untrusted {
        /// The key in the signature.
        key_id: KeyId,
    },
    /// A key of this kind does not sign inventories.
    #[error("signed by {name:?}, a key of kind {kind}, which does not sign this")]
    Kind {
        /// Its name in the trust store.
        name: String,
        /// Its kind.
        kind: KeyKind,
    },
    /// The key was revoked.
    #[error("signed by {name:?}, the key {key_id}, which was revoked")]
    Revoked {
        /// Its name in the trust store.
        name: String,
        /// The key.
        key_id: KeyId,
    },
    /// The signature is not over this document.
    #[error("the signature does not match the document")]
    Bad(#[source] BadSignature),
    /// The key did not sign.
    #[error("cannot sign")]
    Sign(#[source] SignError),
}

/// Appends a signature to a CycloneDX document, whose text otherwise stays as it is.
///
/// # Errors
/// [`JsfError`] where the document is no CycloneDX JSON, has a signature already, or the key does not sign.
pub fn sign(document: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, JsfError> {
    let mut members = read(document)?;
    if members.contains_key(SIGNATURE) {
        return Err(JsfError::Signed);
    }
    let x = URL_SAFE_NO_PAD.encode(signer.public_key().to_bytes());
    let key = json!({ "kty": "OKP", "crv": ALGORITHM, "x": x });
    let mut signature =
        Map::from_iter([("algorithm".to_owned(), ALGORITHM.into()), ("publicKey".to_owned(), key)]);
    members.insert(SIGNATURE.to_owned(), signature.clone().into());
    let message = canonical::to_vec(&members).map_err(JsfError::Canonical)?;
    let bytes = signer.sign(&message).map_err(JsfError::Sign)?;
    signature.insert(VALUE.to_owned(), URL_SAFE_NO_PAD.encode(bytes).into());
    append(document, &signature)
}

/// Checks the signature in a CycloneDX document, and hands back the trusted key, of one of these kinds, that made it.
///
/// Which key is in the document says only whose signature it wants to be. One that was revoked does not count, whenever
/// it signed: nothing here says when that was.
///
/// # Errors
/// [`JsfError`] says why the signature does not count.
pub fn verify<'t>(
    document: &[u8],
    trust: &'t TrustStore,
    kinds: &[KeyKind],
) -> Result<&'t TrustedKey, JsfError> {
    let mut members = read(document)?;
    let Some(Value::Object(signature)) = members.get_mut(SIGNATURE) else { return Err(JsfError::Unsigned) };
    let value = value(signature)?;
    let key = key(signature)?;
    let Some(known) = trust.get(key.key_id()) else {
        return Err(JsfError::Untrusted { key_id: *key.key_id() });
    };
    let message = canonical::to_vec(&members).map_err(JsfError::Canonical)?;
    known.public_key.verify(&message, &value).map_err(JsfError::Bad)?;
    if !kinds.contains(&known.kind) {
        return Err(JsfError::Kind { name: known.name.clone(), kind: known.kind });
    }
    if trust.revoked(known.key_id()).is_some() {
        return Err(JsfError::Revoked { name: known.name.clone(), key_id: *known.key_id() });
    }
    Ok(known)
}

fn read(document: &[u8]) -> Result<Map<String, Value>, JsfError> {
    match canonical::parse(document, &LIMITS).map_err(JsfError::Json)? {
        Value::Object(members) if members.get("bomFormat") == Some(&json!("CycloneDX")) => Ok(members),
        _ => Err(JsfError::NotCycloneDx),
    }
}

/// Takes the value out of a signature, and with it all that is not signed.
fn value(signature: &mut Map<String, Value>) -> Result<Vec<u8>, JsfError> {
    if let Some(part) = REFUSED.into_iter().find(|part| signature.contains_key(*part)) {
        return Err(unsupported(part, "not supported"));
    }
    match signature.get("algorithm") {
        Some(Value::String(name)) if name == ALGORITHM => {}
        other => {
            let told = other.map_or_else(|| "missing".to_owned(), Value::to_string);
            return Err(unsupported("algorithm", format!("{told}, and not {ALGORITHM}")));
        }
    }
    let Some(Value::String(value)) = signature.remove(VALUE) else {
        return Err(unsupported(VALUE, "missing or no text"));
    };
    decode(VALUE, &value)
}

/// The key in a signature (RFC 8037, section 2).
fn key(signature: &Map<String, Value>) -> Result<PublicKey, JsfError> {
    const PART: &str = "publicKey";
    let Some(Value::Object(key)) = signature.get(PART) else { return Err(unsupported(PART, "missing")) };
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    if (text("kty"), text("crv")) != ("OKP", ALGORITHM) {
        return Err(unsupported(PART, "no Ed25519 key"));
    }
    let x = decode(PART, text("x"))?;
    let x: [u8; 32] = x.try_into().map_err(|_| unsupported(PART, "x is not 32 bytes"))?;
    PublicKey::from_bytes(&x).map_err(|error| unsupported(PART, error.to_string()))
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, JsfError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| unsupported(part, format!("no base64url: {error}")))
}

fn unsupported(part: &'static str, reason: impl Into<String>) -> JsfError {
    JsfError::Unsupported { part, reason: reason.into() }
}

/// The text with one more member at its end.
fn append(document: &[u8], signature: &Map<String, Value>) -> Result<Vec<u8>, JsfError> {
    // It was read as an object that is not empty, so that it ends in a brace.
    let body = document.trim_ascii_end().strip_suffix(b"}").ok_or(JsfError::NotCycloneDx)?;
    let mut signed = body.trim_ascii_end().to_vec();
    let text = serde_json::to_string_pretty(signature)
        .map_err(|error| JsfError::Canonical(CanonicalError::NotJson { reason: error.to_string() }))?;
    signed
        .extend_from_slice(format!(",\n  \"{SIGNATURE}\": {}\n}}\n", text.replace('\n', "\n  ")).as_bytes());
    Ok(signed)
}

#[cfg(test)]
mod tests;
