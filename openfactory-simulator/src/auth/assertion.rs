//! The JWT of the grant `jwt-bearer` (RFC 7523), signed with RS256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use serde::Deserialize;
use serde_json::Value;

/// How far the clocks of the two sides may differ, in seconds.
const LEEWAY: i64 = 60;

/// The longest assertion, in bytes.
const LIMIT: usize = 8 * 1024;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    #[serde(default)]
    iat: Option<i64>,
}

/// Whom the assertion names, if this client's key signed it for this client and it is in force.
pub(super) fn subject(assertion: &str, key: &[u8], client_id: &str, now: i64) -> Option<String> {
    if assertion.len() > LIMIT {
        return None;
    }
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decoded(header)?).ok()?;
    if header.alg != "RS256" || !verified(key, signed.as_bytes(), &decoded(signature)?) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&decoded(claims)?).ok()?;
    let for_us = match &claims.aud {
        Value::String(audience) => audience == client_id,
        Value::Array(audiences) => audiences.iter().any(|audience| audience == client_id),
        _ => false,
    };
    let in_force = claims.exp > now && claims.iat.is_none_or(|issued| issued <= now + LEEWAY);
    (for_us && in_force && claims.iss == client_id).then_some(claims.sub)
}

fn verified(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let fitting = algorithms.mapping.iter().find(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256);
    fitting.is_some_and(|(_, algorithms)| {
        algorithms.iter().any(|algorithm| algorithm.verify_signature(key, message, signature).is_ok())
    })
}
