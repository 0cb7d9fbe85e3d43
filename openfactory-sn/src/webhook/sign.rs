//! The sender's side: for tests, and for services of ours that send webhooks.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};

use super::scheme::Scheme;
use super::secret::WebhookSecret;
use super::{ID, SIGNATURE, TIMESTAMP};

/// Why a webhook cannot be signed.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_sn::webhook::{SignError, WebhookSecret, sign};
///
/// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
/// assert_eq!(sign(&secret, "evt.1", SystemTime::now(), b"{}").unwrap_err(), SignError::Id);
/// # Ok::<(), openfactory_sn::webhook::SecretError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The id is empty, longer than 256 bytes, or holds what says where it ends, in the standard scheme a dot, or another
    /// character that is not visible ASCII.
    #[error("id is empty, too long, or holds what ends it or what is not visible ASCII")]
    Id,
    /// The time lies before 1970.
    #[error("time lies before 1970")]
    Time,
    /// The key is not one that an HMAC takes.
    #[error("key is not taken")]
    Key,
}

/// The three headers of a signed webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headers {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: UNIX seconds.
    pub timestamp: String,
    /// `webhook-signature`: `v1,` and the MAC in base64.
    pub signature: String,
}

impl Headers {
    /// As headers of a request.
    #[must_use]
    pub fn to_map(&self) -> HeaderMap {
        let pairs = [(ID, &self.id), (TIMESTAMP, &self.timestamp), (SIGNATURE, &self.signature)];
        // `sign` lets nothing through that a header cannot hold.
        pairs
            .into_iter()
            .filter_map(|(name, value)| {
                let value = HeaderValue::from_str(value).ok()?;
                Some((http::HeaderName::from_static(name), value))
            })
            .collect()
    }
}

/// Signs a body, to be sent exactly as it is here.
///
/// `id` is the same over retries of one webhook, `now` the time of this try.
///
/// # Errors
///
/// [`SignError`].
pub fn sign(secret: &WebhookSecret, id: &str, now: SystemTime, body: &[u8]) -> Result<Headers, SignError> {
    let headers = Scheme::standard().sign(secret, id, now, body)?;
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Ok(Headers { id: text(ID), timestamp: text(TIMESTAMP), signature: text(SIGNATURE) })
}
