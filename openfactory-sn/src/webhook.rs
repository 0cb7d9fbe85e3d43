//! What ServiceNow tells us by itself: verified, then read as a hint.
//!
//! The scheme is [Standard Webhooks](https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`, an HMAC-SHA256 over id, timestamp and the raw body. ServiceNow signs nothing by itself; the
//! business rule in `docs/servicenow/business-rule.js` does. Scripts with headers of their own are told by a [`Scheme`].
//!
//! A verified webhook is still only a hint: it can be lost, doubled, late or out of order. Whoever acts on it reads the
//! record first.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use openfactory_sn::webhook::{Headers, Verifier, WebhookSecret, sign};
//!
//! let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
//! let body = br#"{"table":"change_request","sys_id":"a1","operation":"update","approval":"approved"}"#;
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
//! let headers = sign(&secret, "evt_1", now, body)?.to_map();
//!
//! let verified = Verifier::new([secret]).verify(&headers, body, now)?;
//! let hint = verified.record_changed(&["change_request", "incident"])?;
//! assert_eq!(hint.sys_id.as_str(), "a1");
//! assert_eq!(hint.text("approval"), "approved");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod command;
mod hint;
mod replay;
mod scheme;
mod secret;
mod sign;
mod signature;
mod verify;

pub use self::command::Command;
pub use self::hint::{HintError, Operation, RecordChanged};
pub use self::replay::{MemoryReplays, ReplayError, ReplayStore};
pub use self::scheme::{Encoding, Part, Scheme, SchemeError};
pub use self::secret::{SecretError, WebhookSecret};
pub use self::sign::{Headers, SignError, sign};
pub use self::verify::{Refusal, Verified, Verifier};

/// Largest body of a webhook that is looked at, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
