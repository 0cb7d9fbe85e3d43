//! Where a webhook carries its signature, and what is signed.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::secret::WebhookSecret;
use super::sign::SignError;
use super::{ID, SIGNATURE, TIMESTAMP, signature};

/// Longest id, in bytes.
const ID_MAX: usize = 256;
/// Bytes of a MAC.
pub(super) const MAC: usize = 32;

/// One part of what is signed.
///
/// ```
/// use openfactory_sn::webhook::{Part, Scheme, SchemeError};
///
/// // `v0:1767225600:{"table":…}`
/// let parts = [Part::Text("v0:".to_owned()), Part::Timestamp, Part::Text(":".to_owned()), Part::Body];
/// assert!(Scheme::new(None, "x-plant-time", "x-plant-signature", parts).is_ok());
/// // Nothing says where the time ends.
/// let blurred = Scheme::new(None, "x-plant-time", "x-plant-signature", [Part::Timestamp, Part::Body]);
/// assert!(matches!(blurred, Err(SchemeError::Signed { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The raw body.
    Body,
    /// The id, as its header has it.
    Id,
    /// These characters.
    Text(String),
    /// The time, as its header has it.
    Timestamp,
}

/// How a MAC is written.
///
/// ```
/// use openfactory_sn::webhook::{Encoding, Part, Scheme};
///
/// let parts = || [Part::Timestamp, Part::Text(".".to_owned()), Part::Body];
/// let scheme = Scheme::new(None, "x-time", "x-signature", parts())?;
/// assert_ne!(scheme.clone().encoding(Encoding::Hex), scheme.encoding(Encoding::Base64));
/// # Ok::<(), openfactory_sn::webhook::SchemeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// In base64, as `generateMac` of an instance hands it out.
    Base64,
    /// Either is taken; base64 is sent. They cannot be mistaken for each other, by their lengths.
    Either,
    /// In hexadecimal digits, of either case.
    Hex,
}

/// Why there is no such scheme.
///
/// ```
/// use openfactory_sn::webhook::{Part, Scheme, SchemeError};
///
/// let body = || [Part::Timestamp, Part::Text(".".to_owned()), Part::Body];
/// assert!(matches!(Scheme::new(None, "x time", "x-signature", body()), Err(SchemeError::Header { .. })));
/// // An id that is not signed could be replaced, and the webhook be taken again.
/// assert!(matches!(Scheme::new(Some("x-id"), "x-time", "x-signature", body()), Err(SchemeError::Signed { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// A name that no header has, or one name for two things.
    #[error("{name:?} is no header's name, or names two things")]
    Header {
        /// The name.
        name: String,
    },
    /// What is signed would not say what was sent.
    #[error("what is signed does not do: {reason}")]
    Signed {
        /// Why.
        reason: &'static str,
    },
}

/// Which headers hold id, time and signature of a webhook, and what is signed.
///
/// [`Scheme::standard`] is that of [Standard Webhooks](https://www.standardwebhooks.com), and of the business rule under
/// `docs/servicenow`. An instance signs nothing by itself, so whoever has a script already has headers of their own:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::webhook::{Encoding, Part, Refusal, Scheme, Verifier, WebhookSecret};
///
/// // x-plant-time: 1767225600000, x-plant-signature: sha256=…, over `1767225600000.{"table":…}`.
/// let signed = [Part::Timestamp, Part::Text(".".to_owned()), Part::Body];
/// let scheme = Scheme::new(None, "x-plant-time", "x-plant-signature", signed)?
///     .prefix("sha256=")
///     .encoding(Encoding::Hex)
///     .milliseconds();
///
/// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let headers = scheme.sign(&secret, "", now, b"{}")?;
/// assert_eq!(headers["x-plant-time"], "1767225600000");
///
/// let verifier = Verifier::new([secret]).scheme(scheme);
/// let verified = verifier.verify(&headers, b"{}", now)?;
/// assert_eq!(verified.id().len(), 64, "without an id, a digest tells one webhook from another");
/// assert_eq!(verifier.verify(&headers, b"{ }", now).unwrap_err(), Refusal::Signature);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    pub(super) id: Option<HeaderName>,
    pub(super) timestamp: HeaderName,
    pub(super) signature: HeaderName,
    parts: Vec<Part>,
    /// What ends an id, so that no id may hold it.
    id_end: Option<char>,
    prefix: String,
    encoding: Encoding,
    milliseconds: bool,
}

impl Default for Scheme {
    fn default() -> Self {
        Self::standard()
    }
}

impl Scheme {
    /// Headers `webhook-id`, `webhook-timestamp` in seconds, and `webhook-signature`: `v1,` and the MAC, in base64 or in
    /// hexadecimal digits, over `id.timestamp.body`.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::webhook::{Scheme, WebhookSecret, sign};
    ///
    /// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
    /// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    /// let headers = Scheme::standard().sign(&secret, "evt_1", now, b"{}")?;
    /// assert_eq!(headers, sign(&secret, "evt_1", now, b"{}")?.to_map());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn standard() -> Self {
        let dot = || Part::Text(".".to_owned());
        Self {
            id: Some(HeaderName::from_static(ID)),
            timestamp: HeaderName::from_static(TIMESTAMP),
            signature: HeaderName::from_static(SIGNATURE),
            parts: vec![Part::Id, dot(), Part::Timestamp, dot(), Part::Body],
            id_end: Some('.'),
            prefix: "v1,".to_owned(),
            encoding: Encoding::Either,
            milliseconds: false,
        }
    }

    /// Own headers, and what is signed: the time, the id if a header has one, and the body at the end, with a text after
    /// time and id that says where they end. Without further settings the time is in UNIX seconds, and the signature is the
    /// bare MAC, in base64 or hexadecimal digits.
    ///
    /// Without a header for the id, the SHA-256 of what is signed tells one webhook from another.
    ///
    /// # Errors
    ///
    /// [`SchemeError`]. The time has to be signed, since otherwise an old webhook could be made a new one.
    pub fn new(
        id: Option<&str>,
        timestamp: &str,
        signature: &str,
        signed: impl IntoIterator<Item = Part>,
    ) -> Result<Self, SchemeError> {
        let header = |name: &str| {
            HeaderName::try_from(name).map_err(|_| SchemeError::Header { name: name.to_owned() })
        };
        let id = id.map(header).transpose()?;
        let (timestamp, signature) = (header(timestamp)?, header(signature)?);
        let twice = [(Some(&timestamp), &signature), (id.as_ref(), &timestamp), (id.as_ref(), &signature)];
        if let Some((_, name)) = twice.into_iter().find(|(one, other)| *one == Some(*other)) {
            return Err(SchemeError::Header { name: name.to_string() });
        }
        let parts: Vec<Part> = signed.into_iter().collect();
        let id_end = checked(&parts, id.is_some()).map_err(|reason| SchemeError::Signed { reason })?;
        let (prefix, encoding) = (String::new(), Encoding::Either);
        Ok(Self { id, timestamp, signature, parts, id_end, prefix, encoding, milliseconds: false })
    }

    /// With this before each MAC in the header, such as `sha256=`. Several signatures are separated by a space.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// With MACs written so.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// With the time in milliseconds, as `getNumericValue` of an instance hands it out.
    #[must_use]
    pub fn milliseconds(mut self) -> Self {
        self.milliseconds = true;
        self
    }

    /// Signs a body, to be sent exactly as it is, with these headers. The id is passed over if no header has one.
    ///
    /// # Errors
    ///
    /// [`SignError`].
    pub fn sign(
        &self,
        secret: &WebhookSecret,
        id: &str,
        now: SystemTime,
        body: &[u8],
    ) -> Result<HeaderMap, SignError> {
        if self.id.is_some() && !self.is_id(id) {
            return Err(SignError::Id);
        }
        let since = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| SignError::Time)?;
        let timestamp = match self.milliseconds {
            true => since.as_millis().to_string(),
            false => since.as_secs().to_string(),
        };
        let mac = signature::mac(secret, self, id, &timestamp, body).ok_or(SignError::Key)?;
        let mac = mac.finalize().into_bytes();
        let written = match self.encoding {
            Encoding::Hex => hex::encode(mac),
            Encoding::Base64 | Encoding::Either => STANDARD.encode(mac),
        };
        let mut headers = HeaderMap::new();
        let signature = format!("{}{written}", self.prefix);
        let id = self.id.as_ref().map(|name| (name, id.to_owned()));
        for (name, value) in
            id.into_iter().chain([(&self.timestamp, timestamp), (&self.signature, signature)])
        {
            headers.insert(name.clone(), HeaderValue::from_str(&value).map_err(|_| SignError::Id)?);
        }
        Ok(headers)
    }

    /// The pieces that are signed, one after another.
    pub(super) fn pieces<'a>(
        &'a self,
        id: &'a str,
        timestamp: &'a str,
        body: &'a [u8],
    ) -> impl Iterator<Item = &'a [u8]> {
        self.parts.iter().map(move |part| match part {
            Part::Body => body,
            Part::Id => id.as_bytes(),
            Part::Text(text) => text.as_bytes(),
            Part::Timestamp => timestamp.as_bytes(),
        })
    }

    pub(super) fn is_id(&self, id: &str) -> bool {
        let good = |character: char| character.is_ascii_graphic() && Some(character) != self.id_end;
        (1..=ID_MAX).contains(&id.len()) && id.chars().all(good)
    }

    /// The MACs in a header's value, as far as they are any.
    pub(super) fn macs<'h>(&'h self, signatures: &'h str) -> impl Iterator<Item = [u8; MAC]> + 'h {
        let (prefix, without) = (self.prefix.as_str(), usize::from(!self.prefix.is_empty()));
        let separator = if prefix.is_empty() { " " } else { prefix };
        let written = signatures.split(separator).skip(without);
        let written = written.map(|written| written.split(' ').next().unwrap_or_default());
        written.map(|written| self.decoded(written).unwrap_or([0; MAC]))
    }

    /// A text of 64 hexadecimal digits would be 48 bytes in base64, so it cannot be both.
    fn decoded(&self, written: &str) -> Option<[u8; MAC]> {
        let hexadecimal = match self.encoding {
            Encoding::Base64 => false,
            Encoding::Either => written.len() == 2 * MAC,
            Encoding::Hex => true,
        };
        let bytes = if hexadecimal { hex::decode(written).ok()? } else { STANDARD.decode(written).ok()? };
        bytes.try_into().ok()
    }

    /// The time that a header says.
    pub(super) fn time(&self, text: &str) -> Option<SystemTime> {
        let most = if self.milliseconds { 15 } else { 12 };
        let digits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.then(|| text.parse().ok()).flatten()?;
        let since =
            if self.milliseconds { Duration::from_millis(number) } else { Duration::from_secs(number) };
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

/// Whether what is signed says exactly what was sent; what ends the id.
fn checked(parts: &[Part], has_id: bool) -> Result<Option<char>, &'static str> {
    let count = |part: &Part| parts.iter().filter(|other| *other == part).count();
    if count(&Part::Body) != 1 || parts.last() != Some(&Part::Body) {
        return Err("the body is the last part, once");
    }
    if count(&Part::Timestamp) != 1 {
        return Err("the time is a part, once");
    }
    if count(&Part::Id) != usize::from(has_id) {
        return Err("the id is a part, once, if a header has one, and else none");
    }
    let mut id_end = None;
    for pair in parts.windows(2) {
        let [part @ (Part::Id | Part::Timestamp), next] = pair else { continue };
        let end = match next {
            Part::Text(text) => text.chars().next(),
            Part::Body | Part::Id | Part::Timestamp => None,
        };
        // What can stand in an id or a time cannot say where it ends.
        let clear = |end: &char| !end.is_ascii_alphanumeric() && !matches!(end, '-' | '_');
        let end = end.filter(clear).ok_or("a text after id and time begins with what says where they end")?;
        if *part == Part::Id {
            id_end = Some(end);
        }
    }
    Ok(id_end)
}
