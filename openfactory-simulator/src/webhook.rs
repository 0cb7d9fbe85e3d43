//! The outbound webhook: where it goes and how its calls are signed.
//!
//! Signed as the Standard Webhooks specification has it: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`, the secret given as `whsec_<base64>`.

pub(crate) mod deliver;
pub(crate) mod manner;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use manner::{Manner, Signature};

/// Where business rules call out to.
#[derive(Clone)]
pub struct Webhook {
    pub(crate) url: String,
    pub(crate) ca_pem: Option<String>,
    pub(crate) manner: Manner,
    key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why calls can't be signed or sent as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The secret is not `whsec_` and base64 of 24 to 64 bytes.
    #[error("the webhook secret is not `whsec_` and the base64 of 24 to 64 bytes")]
    Secret,
    /// The address is no `http` or `https` URL.
    #[error("{url:?} is no http or https URL")]
    Url {
        /// The address.
        url: String,
    },
    /// No client could be made, for instance because the CA certificate can't be read.
    #[error("the webhook's HTTP client could not be made")]
    Client {
        /// What the HTTP client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Webhook {
    /// A webhook at `url`, its calls signed with `secret`, `whsec_` and base64.
    ///
    /// # Errors
    /// If the URL is no HTTP URL or the secret is none of that form.
    pub fn new(url: impl Into<String>, secret: &str) -> Result<Self, WebhookError> {
        let url = url.into();
        let scheme = reqwest::Url::parse(&url).ok().map(|url| url.scheme().to_owned());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Err(WebhookError::Url { url });
        }
        let encoded = secret.strip_prefix("whsec_").ok_or(WebhookError::Secret)?;
        let key = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| WebhookError::Secret)?);
        if !(24..=64).contains(&key.len()) {
            return Err(WebhookError::Secret);
        }
        Ok(Self { url, ca_pem: None, manner: Manner::default(), key })
    }

    /// Trusts the receiver by this CA certificate, PEM, and by no other.
    #[must_use]
    pub fn trusting(mut self, ca_pem: impl Into<String>) -> Self {
        self.ca_pem = Some(ca_pem.into());
        self
    }

    /// Makes the calls in this manner.
    #[must_use]
    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers by which a call is proved, none where calls are unsigned.
    pub(crate) fn proof(
        &self,
        id: &str,
        timestamp: i64,
        body: &str,
    ) -> Result<Vec<(&'static str, String)>, WebhookError> {
        let standard = || {
            Ok(vec![
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", self.sign(id, timestamp, body)?),
            ])
        };
        match self.manner.signature {
            Signature::Standard => standard(),
            Signature::Base64 => Ok(vec![("x-servicenow-signature", STANDARD.encode(self.mac(body)?))]),
            Signature::Hex => Ok(vec![("x-servicenow-signature", hex::encode(self.mac(body)?))]),
            Signature::Unsigned => Ok(Vec::new()),
        }
    }

    fn mac(&self, text: &str) -> Result<Vec<u8>, WebhookError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).map_err(|_| WebhookError::Secret)?;
        mac.update(text.as_bytes());
        Ok(mac.finalize().into_bytes().to_vec())
    }

    /// The `webhook-signature` of a call.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> Result<String, WebhookError> {
        let mac = self.mac(&format!("{id}.{timestamp}.{body}"))?;
        Ok(format!("v1,{}", STANDARD.encode(mac)))
    }
}

/// A random id for a call, as UUID version 4 text.
pub(crate) fn new_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn signs_as_the_specification_does() {
        let hook = Webhook::new("https://example.com/", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            hook.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(matches!(Webhook::new("ftp://example.com", secret), Err(WebhookError::Url { .. })));
        for bad in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!"] {
            assert!(matches!(Webhook::new("https://example.com", bad), Err(WebhookError::Secret)), "{bad}");
        }
    }

    #[test]
    fn ids_are_random_uuids() {
        let id = new_id(&SystemEntropy);
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert_ne!(id, new_id(&SystemEntropy));
    }
}
