//! Signed assertions: who we are, said by a key instead of a secret (RFC 7523).

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::secret::Secret;

/// How long an assertion is good for: long enough for clocks that differ, short enough to be worth little when stolen.
const LIFE: Duration = Duration::from_secs(300);

/// Signs assertions by RS256: RSA with PKCS #1 v1.5 and SHA-256, what an instance's JWT providers take.
///
/// A seam, so that the key can stay in a hardware module; `RsaSigner` (feature `http`) has it in memory.
///
/// ```
/// use std::sync::Arc;
/// use openfactory_sn::auth::{AssertionError, AssertionSigner, JwtBearer};
/// use openfactory_sn::testing::ScriptedTransport;
/// use openfactory_sn::{Auth, Client, ErrorKind, Query, Secret};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// /// A hardware module that was pulled out.
/// #[derive(Debug)]
/// struct Absent;
///
/// impl AssertionSigner for Absent {
///     fn sign(&self, _: &[u8]) -> Result<Vec<u8>, AssertionError> {
///         Err(AssertionError::caused_by("slot 0 is empty"))
///     }
/// }
///
/// let instance = ScriptedTransport::new();
/// let bearer = JwtBearer::new("openfactory", "svc_openfactory", Arc::new(Absent));
/// let sn = Client::builder("https://plant.example.com")
///     .auth(Auth::jwt_bearer("0f1e", Secret::new("s"), bearer))
///     .transport(instance.clone())
///     .build()?;
/// let error = sn.dynamic_table("incident").find(&Query::new()).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Local);
/// assert!(instance.requests().is_empty(), "who cannot sign does not ask");
/// # Ok(())
/// # }
/// ```
pub trait AssertionSigner: fmt::Debug + Send + Sync + 'static {
    /// The signature of these bytes.
    ///
    /// # Errors
    ///
    /// [`AssertionError`] if there is none to be had.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AssertionError>;
}

/// Why there is no signature.
///
/// ```
/// use std::error::Error as _;
/// use openfactory_sn::auth::AssertionError;
///
/// let error = AssertionError::caused_by("slot 0 is empty");
/// assert_eq!(error.to_string(), "assertion could not be signed");
/// assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("slot 0 is empty"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("assertion could not be signed")]
pub struct AssertionError {
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl AssertionError {
    /// With its cause.
    #[must_use]
    pub fn caused_by(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()) }
    }
}

/// What an assertion says: who (`subject`), by whose word (`issuer`), with which key.
///
/// The audience is the client's id. Each request for a token has an assertion of its own, good for five minutes.
///
/// ```
/// use std::sync::Arc;
/// use openfactory_sn::auth::{AssertionError, AssertionSigner, JwtBearer};
/// use openfactory_sn::{Auth, Secret};
///
/// #[derive(Debug)]
/// struct Module;
///
/// impl AssertionSigner for Module {
///     fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AssertionError> {
///         # let _ = message;
///         Ok(vec![0; 256]) // asks the hardware module
///     }
/// }
///
/// let bearer = JwtBearer::new("openfactory", "svc_openfactory", Arc::new(Module)).key_id("k1");
/// let auth = Auth::jwt_bearer("0f1e", Secret::new("s3cr3t"), bearer);
/// assert!(format!("{auth:?}").contains("svc_openfactory"));
/// ```
#[derive(Debug, Clone)]
pub struct JwtBearer {
    issuer: String,
    subject: String,
    key_id: Option<String>,
    signer: Arc<dyn AssertionSigner>,
}

impl JwtBearer {
    /// An assertion by `issuer` that this is the user `subject`, by the field that the instance's JWT provider names.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        subject: impl Into<String>,
        signer: Arc<dyn AssertionSigner>,
    ) -> Self {
        Self { issuer: issuer.into(), subject: subject.into(), key_id: None, signer }
    }

    /// The instance's id of the key that it verifies with.
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// Whether both speak for the same user.
    pub(super) fn is_for_same_user(one: &Self, other: &Self) -> bool {
        (&one.issuer, &one.subject) == (&other.issuer, &other.subject)
    }

    /// The assertion for now, in the compact form of RFC 7515.
    pub(super) fn assertion(&self, audience: &str, now: SystemTime) -> Result<Secret, AssertionError> {
        let seconds = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
        };
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let (Some(id), Some(members)) = (&self.key_id, header.as_object_mut()) {
            members.insert("kid".to_owned(), id.as_str().into());
        }
        let claims = json!({
            "iss": self.issuer,
            "sub": self.subject,
            "aud": audience,
            "iat": seconds(now),
            "exp": seconds(now + LIFE),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.signer.sign(signed.as_bytes())?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}
