//! The MAC itself.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

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
