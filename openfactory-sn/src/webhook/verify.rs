//! Whether a webhook is from who knows the secret, and fresh.

use std::time::{Duration, SystemTime};

use hmac::Mac;
use http::{HeaderMap, HeaderName};
use subtle::{Choice, ConstantTimeEq};

use super::hint::{HintError, RecordChanged};
use super::replay::ReplayStore;
use super::scheme::{MAC, Scheme};
use super::secret::WebhookSecret;
use super::{BODY_MAX, signature};

/// How far sender's and receiver's clocks may differ, the way between them included.
const TOLERANCE: Duration = Duration::from_secs(300);
/// Most signatures in one header: a sender in the middle of a change of keys has two.
const SIGNATURES_MAX: usize = 16;

/// Why a webhook is not believed. To the sender all are the same 401: which one it was is for our own log.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::webhook::{Refusal, Verifier, WebhookSecret, sign};
///
/// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let headers = sign(&secret, "evt_1", now, b"{}")?.to_map();
/// let verifier = Verifier::new([secret]).tolerance(Duration::from_secs(60));
///
/// assert_eq!(verifier.verify(&headers, b"{ }", now).unwrap_err(), Refusal::Signature);
/// let unsigned = verifier.verify(&Default::default(), b"{}", now).unwrap_err();
/// assert!(matches!(unsigned, Refusal::HeaderMissing { header } if header == "webhook-id"));
/// let later = now + Duration::from_secs(90);
/// assert_eq!(verifier.verify(&headers, b"{}", later).unwrap_err(), Refusal::TooOld { age: Duration::from_secs(90) });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The body has more than [`BODY_MAX`] bytes.
    #[error("body of {bytes} bytes")]
    BodyTooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// A header is missing.
    #[error("no header {header}")]
    HeaderMissing {
        /// Its name.
        header: HeaderName,
    },
    /// A header is there more than once.
    #[error("more than one header {header}")]
    HeaderRepeated {
        /// Its name.
        header: HeaderName,
    },
    /// A header does not have its form.
    #[error("header {header} has not its form")]
    HeaderMalformed {
        /// Its name.
        header: HeaderName,
    },
    /// Signed longer ago than tolerated.
    #[error("signed {age:?} ago")]
    TooOld {
        /// How long ago.
        age: Duration,
    },
    /// Signed further in the future than tolerated: one of the clocks is wrong.
    #[error("signed {ahead:?} in the future")]
    TooNew {
        /// How far in the future.
        ahead: Duration,
    },
    /// It was taken before: a sender's retry, or somebody's replay.
    #[error("taken before")]
    Replayed,
    /// The store that remembers what was taken could not be asked: not a judgement, and the sender is to try again.
    #[error("could not be checked for having been taken before")]
    Unchecked,
    /// No signature is by one of our secrets.
    #[error("no signature by a known secret")]
    Signature,
}

/// Checks webhooks against one or several secrets.
#[derive(Debug, Clone)]
pub struct Verifier {
    secrets: Vec<WebhookSecret>,
    scheme: Scheme,
    tolerance: Duration,
}

impl Verifier {
    /// Accepts what is signed with any of these: while a secret is replaced, the new and the old one.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = WebhookSecret>) -> Self {
        Self { secrets: secrets.into_iter().collect(), scheme: Scheme::standard(), tolerance: TOLERANCE }
    }

    /// Expects headers and what is signed as this scheme has them, instead of [`Scheme::standard`].
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::webhook::{Part, Scheme, Verifier, WebhookSecret};
    ///
    /// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
    /// let parts = [Part::Id, Part::Text(".".to_owned()), Part::Timestamp, Part::Text(".".to_owned()), Part::Body];
    /// let scheme = Scheme::new(Some("x-plant-id"), "x-plant-time", "x-plant-signature", parts)?;
    /// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    /// let headers = scheme.sign(&secret, "evt_1", now, b"{}")?;
    /// let verifier = Verifier::new([secret]).scheme(scheme);
    /// assert_eq!(verifier.verify(&headers, b"{}", now)?.id(), "evt_1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// How far the time of signing may lie from now, in either direction; 300 s if not set.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::webhook::{Refusal, Verifier, WebhookSecret, sign};
    ///
    /// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
    /// let signed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    /// let headers = sign(&secret, "evt_1", signed, b"{}")?.to_map();
    /// let strict = Verifier::new([secret]).tolerance(Duration::from_secs(60));
    /// let refused = strict.verify(&headers, b"{}", signed + Duration::from_secs(61)).unwrap_err();
    /// assert!(matches!(refused, Refusal::TooOld { age } if age.as_secs() == 61));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Checks a webhook as it came: headers, and the raw body before anything parsed it.
    ///
    /// Every secret is tried against every signature, whether one has matched or not, in constant time.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: checked, and not to be believed.
    pub fn verify<'a>(
        &self,
        headers: &HeaderMap,
        body: &'a [u8],
        now: SystemTime,
    ) -> Result<Verified<'a>, Refusal> {
        if body.len() > BODY_MAX {
            return Err(Refusal::BodyTooLarge { bytes: body.len() });
        }
        let scheme = &self.scheme;
        let malformed = |header: &HeaderName| Refusal::HeaderMalformed { header: header.clone() };
        let id = scheme.id.as_ref().map(|header| Ok((header, only(headers, header)?))).transpose()?;
        let timestamp = only(headers, &scheme.timestamp)?;
        let signatures = only(headers, &scheme.signature)?;
        if let Some((header, _)) = id.filter(|(_, id)| !scheme.is_id(id)) {
            return Err(malformed(header));
        }
        let signed_at = scheme.time(timestamp).ok_or_else(|| malformed(&scheme.timestamp))?;
        self.check_age(signed_at, now)?;
        let id = id.map(|(_, id)| id);
        let secret = self.matching(id.unwrap_or_default(), timestamp, signatures, body)?;
        let id = id.map_or_else(|| signature::digest(scheme, "", timestamp, body), str::to_owned);
        Ok(Verified { id, signed_at, secret, body })
    }

    /// As [`Verifier::verify`], and takes each id once, for as long as its signature counts.
    ///
    /// Only what is well signed is remembered, so that a stranger can fill no store.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::webhook::{MemoryReplays, Refusal, Verifier, WebhookSecret, sign};
    ///
    /// let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
    /// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    /// let headers = sign(&secret, "evt_1", now, b"{}")?.to_map();
    /// let (verifier, taken) = (Verifier::new([secret]), MemoryReplays::new(100_000));
    ///
    /// // What was tampered with takes no place: the true one still comes through, once.
    /// assert!(verifier.verify_once(&headers, b"{ }", now, &taken).is_err());
    /// assert_eq!(verifier.verify_once(&headers, b"{}", now, &taken)?.id(), "evt_1");
    /// assert_eq!(verifier.verify_once(&headers, b"{}", now, &taken).unwrap_err(), Refusal::Replayed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Refusal`]; [`Refusal::Replayed`] and [`Refusal::Unchecked`] beside those of [`Verifier::verify`].
    pub fn verify_once<'a>(
        &self,
        headers: &HeaderMap,
        body: &'a [u8],
        now: SystemTime,
        taken: &dyn ReplayStore,
    ) -> Result<Verified<'a>, Refusal> {
        let verified = self.verify(headers, body, now)?;
        // A second more, since the age is told in whole ones.
        let counts = self.tolerance.saturating_add(Duration::from_secs(1));
        let until = verified.signed_at.checked_add(counts).unwrap_or(verified.signed_at);
        match taken.take(&verified.id, until, now) {
            Ok(true) => Ok(verified),
            Ok(false) => Err(Refusal::Replayed),
            Err(_) => Err(Refusal::Unchecked),
        }
    }

    fn check_age(&self, signed_at: SystemTime, now: SystemTime) -> Result<(), Refusal> {
        // The header has whole seconds, so a fraction of ours must not decide.
        let (now, signed_at) = (whole_seconds(now), whole_seconds(signed_at));
        match now.duration_since(signed_at) {
            Ok(age) if age > self.tolerance => Err(Refusal::TooOld { age }),
            Ok(_) => Ok(()),
            Err(ahead) if ahead.duration() > self.tolerance => {
                Err(Refusal::TooNew { ahead: ahead.duration() })
            }
            Err(_) => Ok(()),
        }
    }

    /// The place of the secret that one of the signatures is by.
    fn matching(&self, id: &str, timestamp: &str, signatures: &str, body: &[u8]) -> Result<usize, Refusal> {
        let macs: Vec<[u8; MAC]> = self.scheme.macs(signatures).take(SIGNATURES_MAX).collect();
        let mut found = None;
        for (place, secret) in self.secrets.iter().enumerate() {
            let Some(expected) = signature::mac(secret, &self.scheme, id, timestamp, body) else { continue };
            let expected: [u8; MAC] = expected.finalize().into_bytes().into();
            let mut matched = Choice::from(0);
            for mac in &macs {
                matched |= expected.ct_eq(mac);
            }
            if bool::from(matched) && found.is_none() {
                found = Some(place);
            }
        }
        found.ok_or(Refusal::Signature)
    }
}

/// The value of a header that must be there once.
fn only<'h>(headers: &'h HeaderMap, header: &HeaderName) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(header).iter();
    let value = values.next().ok_or_else(|| Refusal::HeaderMissing { header: header.clone() })?;
    if values.next().is_some() {
        return Err(Refusal::HeaderRepeated { header: header.clone() });
    }
    value.to_str().map_err(|_| Refusal::HeaderMalformed { header: header.clone() })
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        Err(_) => time,
    }
}

/// A webhook from who knows the secret. Made by [`Verifier::verify`] only.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::webhook::{Verified, Verifier, WebhookSecret, sign};
///
/// let new = WebhookSecret::parse("raw:the-secret-from-now-on-2026")?;
/// let old = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx")?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let body = br#"{"table":"incident","sys_id":"a1"}"#;
/// let headers = sign(&old, "evt_1", now, body)?.to_map();
///
/// let verifier = Verifier::new([new, old]);
/// let verified: Verified<'_> = verifier.verify(&headers, body, now)?;
/// assert_eq!((verified.id(), verified.signed_at(), verified.body()), ("evt_1", now, &body[..]));
/// assert_eq!(verified.secret(), 1, "the sender does not know the new one yet");
/// assert_eq!(verified.record_changed(&["incident"])?.sys_id.as_str(), "a1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    id: String,
    signed_at: SystemTime,
    secret: usize,
    body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// Its id: the same over retries, so what is known already is a repeat.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was signed, to the second.
    #[must_use]
    pub fn signed_at(&self) -> SystemTime {
        self.signed_at
    }

    /// Which of the verifier's secrets it is signed with, from 0: tells when the old one is no longer used.
    #[must_use]
    pub fn secret(&self) -> usize {
        self.secret
    }

    /// The signed bytes.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Reads the body as the hint that a record of one of these tables changed.
    ///
    /// # Errors
    ///
    /// [`HintError`] says what it is not.
    pub fn record_changed(&self, tables: &[&str]) -> Result<RecordChanged, HintError> {
        RecordChanged::parse(self.body, tables)
    }
}

#[cfg(test)]
mod tests;
