//! The MAC itself, and what stands for a webhook that has no id.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::scheme::Scheme;
use super::secret::WebhookSecret;

/// HMAC-SHA256 over what the scheme has signed, ready to be finished or compared. An HMAC takes a key of any length.
pub(super) fn mac(
    secret: &WebhookSecret,
    scheme: &Scheme,
    id: &str,
    timestamp: &str,
    body: &[u8],
) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.key()).ok()?;
    scheme.pieces(id, timestamp, body).for_each(|piece| mac.update(piece));
    Some(mac)
}

/// SHA-256 over what the scheme has signed: the same whichever secret signed it.
pub(super) fn digest(scheme: &Scheme, id: &str, timestamp: &str, body: &[u8]) -> String {
    hex::encode(scheme.pieces(id, timestamp, body).fold(Sha256::new(), Digest::chain_update).finalize())
}
