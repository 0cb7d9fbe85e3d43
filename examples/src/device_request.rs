//! How a device says who it is when it asks the router for something: a request signed by its own key.
//!
//! `Authorization: DSSE <base64 of an envelope's JSON>`; the envelope's payload is the JSON
//! `{"device", "request", "time"}` of type [`PAYLOAD_TYPE`], where `request` is the method and the path, such as
//! `GET /v1/devices/edge-0001/commands`, and `time` counts for [`VALID`] before and after. It is not single-use: within
//! its time it gives whoever stole it only what the device could ask for anyway, and nothing that it gives is secret.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_attest::canonical::{self, Limits};
use openfactory_attest::envelope::{Envelope, OpenError};
use openfactory_attest::key::{KeyKind, SignError, Signer};
use openfactory_attest::trust::TrustStore;
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_sn::lifecycle::timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The payload type of a request's envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.device-request.v1+json";
/// How far the request's time may be from the router's.
pub const VALID: Duration = Duration::from_secs(300);
/// The authentication scheme (RFC 9110, section 11.1).
const SCHEME: &str = "DSSE ";
/// The longest header, in bytes.
const MAX_HEADER: usize = 8 * 1024;

#[derive(Serialize, Deserialize)]
struct Payload {
    device: String,
    request: String,
    time: String,
}

/// Why a request was not signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignRequestError {
    /// It has no JSON form.
    #[error("the request can't be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The key would not.
    #[error("the request can't be signed")]
    Key(#[source] SignError),
}

/// Why a request does not count as the device's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotTheDevice {
    /// There is no such header, or it is of another scheme or too long.
    #[error("the request bears no signature of the device: Authorization: DSSE <envelope>")]
    Absent,
    /// It is no envelope with a request inside.
    #[error("the request's signature can't be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// No device's key that counts has signed it.
    #[error("the request is signed by no device that is known")]
    Signature(#[source] OpenError),
    /// Another device has signed it, or it is for another device or another request.
    #[error("the request is signed for something else: by {signer:?}, {request:?}")]
    Other {
        /// The signer's name.
        signer: String,
        /// What was signed.
        request: String,
    },
    /// It was signed too long ago, or the device's clock is wrong.
    #[error("the request was signed at {time}, more than 5 minutes from now")]
    Stale {
        /// When, as it says.
        time: String,
    },
}

/// The header's value for `request` (method, blank, path) of `device`.
///
/// # Errors
/// When the key can't sign.
pub fn sign(
    device: &DeviceId,
    request: &str,
    now: SystemTime,
    key: &dyn Signer,
) -> Result<String, SignRequestError> {
    let payload =
        Payload { device: device.to_string(), request: request.to_owned(), time: timestamp::format(now) };
    let payload = serde_json::to_vec(&payload).map_err(SignRequestError::Json)?;
    let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, key).map_err(SignRequestError::Key)?;
    Ok(format!("{SCHEME}{}", STANDARD.encode(envelope.to_json())))
}

/// Whether a header's value shows that `device` itself makes `request`.
///
/// # Errors
/// [`NotTheDevice`] says why not.
pub fn check(
    header: Option<&str>,
    device: &DeviceId,
    request: &str,
    trust: &TrustStore,
    now: SystemTime,
) -> Result<(), NotTheDevice> {
    let malformed = |reason: String| NotTheDevice::Malformed { reason };
    let token = header.filter(|header| header.len() <= MAX_HEADER);
    let token = token.and_then(|header| header.strip_prefix(SCHEME)).ok_or(NotTheDevice::Absent)?;
    let bytes = STANDARD.decode(token).map_err(|error| malformed(error.to_string()))?;
    let envelope = Envelope::parse(&bytes).map_err(|error| malformed(error.to_string()))?;
    let opened =
        envelope.open(trust, PAYLOAD_TYPE, &[KeyKind::DeviceAttestation]).map_err(NotTheDevice::Signature)?;
    let payload =
        canonical::parse(opened.get(), &Limits::FOREIGN).map_err(|error| malformed(error.to_string()))?;
    let payload: Payload = serde_json::from_value(payload).map_err(|error| malformed(error.to_string()))?;
    let name = &opened.signer().name;
    if name != device.as_str() || payload.device != device.as_str() || payload.request != request {
        let request = payload.request.chars().take(120).collect();
        return Err(NotTheDevice::Other { signer: name.clone(), request });
    }
    let time = timestamp::parse(&payload.time).map_err(|error| malformed(error.to_string()))?;
    let apart = now.duration_since(time).unwrap_or_else(|later| later.duration());
    if apart > VALID {
        return Err(NotTheDevice::Stale { time: payload.time.chars().take(40).collect() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use openfactory_attest::key::Ed25519Key;
    use openfactory_attest::trust::TrustedKey;

    use super::*;

    const REQUEST: &str = "GET /v1/devices/edge-1/commands";

    #[test]
    fn only_the_device_itself_now_and_for_this() {
        let (one, two, platform) = (1, 2, 3);
        let key = |seed: u8| Ed25519Key::from_seed(&[seed; 32]);
        let mut trust = TrustStore::new();
        for (name, kind, seed) in [
            ("edge-1", KeyKind::DeviceAttestation, one),
            ("edge-2", KeyKind::DeviceAttestation, two),
            ("edge-1", KeyKind::BuildPlatformSigning, platform),
        ] {
            trust.add(TrustedKey::new(name, kind, key(seed).public_key().clone())).unwrap();
        }
        let device = DeviceId::new("edge-1").unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let judge = |header: Option<&str>, at: SystemTime| check(header, &device, REQUEST, &trust, at);
        let good = sign(&device, REQUEST, now, &key(one)).unwrap();
        for good_at in [now, now + VALID, now - VALID] {
            judge(Some(&good), good_at).unwrap();
        }
        for bad_at in [now + VALID + Duration::from_secs(1), now - VALID - Duration::from_secs(1)] {
            assert!(matches!(judge(Some(&good), bad_at), Err(NotTheDevice::Stale { .. })));
        }
        for absent in [None, Some(""), Some("Bearer x"), Some("dsse x"), Some(&*"DSSE ".repeat(4000))] {
            assert!(matches!(judge(absent, now), Err(NotTheDevice::Absent)), "{absent:?}");
        }
        for malformed in ["DSSE ", "DSSE !", "DSSE e30="] {
            assert!(
                matches!(judge(Some(malformed), now), Err(NotTheDevice::Malformed { .. })),
                "{malformed}"
            );
        }
        let signed = |device: &str, request: &str, seed: u8| {
            sign(&DeviceId::new(device).unwrap(), request, now, &key(seed)).unwrap()
        };
        for unknown in [signed("edge-1", REQUEST, platform), signed("edge-1", REQUEST, 9)] {
            assert!(matches!(judge(Some(&unknown), now), Err(NotTheDevice::Signature(_))));
        }
        for other in [
            signed("edge-1", REQUEST, two),
            signed("edge-2", REQUEST, one),
            signed("edge-1", "POST /v1/devices/edge-1/challenge", one),
        ] {
            assert!(matches!(judge(Some(&other), now), Err(NotTheDevice::Other { .. })));
        }
    }
}
