//! `POST /v1/devices/{device}/challenge`: a nonce that one report may answer, once, within five minutes; and whether a
//! report has answered one.
//!
//! Anybody may ask, for a nonce proves nothing by itself. Those that a device asked for under its own key
//! ([`device_request`](crate::device_request)) are counted apart, so that nobody else can push them out.

use std::time::{Duration, SystemTime};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use openfactory_attest::key::KeyKind;
use openfactory_attest::report::Nonce;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_sn::lifecycle::timestamp;
use serde_json::json;

use super::core::Core;
use super::refusal::Refusal;
use crate::device_request::{self, NotTheDevice};
use crate::state::Unfit;
use crate::told::told;

/// How long a challenge may be answered.
pub(super) const VALID: Duration = Duration::from_secs(300);

/// The route that challenges are asked for on.
pub(super) fn routes(core: Core) -> Router {
    Router::new().route("/v1/devices/{device}/challenge", post(challenge)).with_state(core)
}

async fn challenge(
    State(core): State<Core>,
    Path(device): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match give(&core, device, &asked_for(&method, uri.path()), &headers).await {
        Ok((device, nonce, expires)) => {
            let expires = timestamp::format(expires);
            Json(json!({ "device": device, "nonce": nonce, "expires": expires })).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn give(
    core: &Core,
    device: String,
    request: &str,
    headers: &HeaderMap,
) -> Result<(DeviceId, Nonce, SystemTime), Refusal> {
    let device = known(core, device)?;
    let signed = headers.contains_key(header::AUTHORIZATION);
    if signed {
        whether_device(core, &device, request, headers)?;
    }
    let (nonce, expires) = new(core, &device, signed).await?;
    Ok((device, nonce, expires))
}

/// Makes a challenge for a device, and remembers it.
///
/// # Errors
/// When it can't be remembered now.
pub(super) async fn new(
    core: &Core,
    device: &DeviceId,
    signed: bool,
) -> Result<(Nonce, SystemTime), Refusal> {
    let unavailable = |reason: String| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason);
    let mut bytes = [0; Nonce::LEN];
    getrandom::fill(&mut bytes).map_err(|error| unavailable(format!("no random numbers: {error}")))?;
    let nonce = Nonce::from_bytes(bytes);
    let now = core.clock.now();
    let expires = now + VALID;
    let kept = core.devices.challenge(device, nonce, signed, now, expires).await;
    kept.map_err(|error| unavailable(told(&error)))?;
    Ok((nonce, expires))
}

/// The device of this id, if one of its keys is trusted.
pub(super) fn known(core: &Core, device: String) -> Result<DeviceId, Refusal> {
    let device =
        DeviceId::new(device).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, told(&error)))?;
    let trust = core.trust.current()?;
    let is_known =
        trust.iter().any(|key| key.kind == KeyKind::DeviceAttestation && key.name == device.as_str());
    if is_known {
        return Ok(device);
    }
    Err(Refusal::new(StatusCode::NOT_FOUND, format!("no key of a device {device} is trusted")))
}

/// What a device signs to make a request.
pub(super) fn asked_for(method: &Method, path: &str) -> String {
    format!("{method} {path}")
}

/// Whether the device itself makes this request.
pub(super) fn whether_device(
    core: &Core,
    device: &DeviceId,
    request: &str,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let trust = core.trust.current()?;
    Ok(device_request::check(header, device, request, &trust, core.clock.now())?)
}

impl From<NotTheDevice> for Refusal {
    fn from(error: NotTheDevice) -> Self {
        let status = match error {
            NotTheDevice::Other { .. } => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self::new(status, told(&error))
    }
}

/// Whether a report answers a challenge of its device that no other event has answered. Other events need none.
///
/// # Errors
/// The refusal of the report, with a code that begins with `nonce-`.
pub(super) async fn check(core: &Core, event: &Event) -> Result<(), Refusal> {
    let EventBody::DeviceReported(body) = &event.body else { return Ok(()) };
    let refuse = |code, reason: &str| Err(Refusal::new(StatusCode::FORBIDDEN, reason).with_code(code));
    let Some(nonce) = body.report.nonce else {
        if core.require_nonce {
            return refuse("nonce-missing", "the report answers no challenge: it may be of any time");
        }
        return Ok(());
    };
    let device = DeviceId::new(body.report.device.as_str())
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, told(&error)))?;
    let answered = core.devices.answer(&device, nonce, &event.identity(), core.clock.now()).await;
    match answered.map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, told(&error)))? {
        Ok(()) => Ok(()),
        Err(Unfit::OtherDevice) => {
            refuse("nonce-other-device", "the challenge that the report answers was given to another device")
        }
        Err(Unfit::Expired) => refuse("nonce-expired", "the challenge that the report answers has expired"),
        Err(Unfit::Used) => refuse(
            "nonce-used",
            "the challenge that the report answers was answered by another report before",
        ),
        Err(_) => {
            refuse("nonce-unknown", "the challenge that the report answers was never given, or long ago")
        }
    }
}
