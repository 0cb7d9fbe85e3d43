//! `GET /v1/devices/{device}/commands`: a device waits here for signed commands, for it has no inbound port; and
//! `POST /v1/devices/{device}/attest`: an operator wants a fresh report of it.
//!
//! A command is handed out until the device has handled it or it has expired. The router itself signs only one kind,
//! "report now", with a challenge in it; it stays wanted until a report has answered a challenge that was given since.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use openfactory_attest::envelope::Envelope;
use openfactory_queue::Outcome;
use openfactory_sn::lifecycle::event::command::{CommandHandled, CommandIssued};
use openfactory_sn::lifecycle::event::order::OrderPerformed;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{CommandId, DeviceId};
use openfactory_sn::lifecycle::platform::Action;
use openfactory_zone2::command::{self, Authority, Command, Target};
use serde_json::json;

use super::challenge::{asked_for, known, new, whether_device};
use super::core::Core;
use super::operator;
use super::refusal::Refusal;
use super::step::state;
use crate::told::told;

/// The longest that one request waits, in seconds.
const MAX_WAIT: u64 = 60;
/// How often a wait looks by itself: a command of another router's making rings no bell.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The routes of devices' commands.
pub(super) fn routes(core: Core) -> Router {
    Router::new()
        .route("/v1/devices/{device}/commands", get(commands))
        .route("/v1/devices/{device}/attest", post(attest))
        .with_state(core)
}

async fn commands(
    State(core): State<Core>,
    Path(device): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let request = asked_for(&method, uri.path());
    match handed_out(&core, device, &query, &request, &headers).await {
        Ok(commands) => Json(json!({ "commands": commands })).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn handed_out(
    core: &Core,
    device: String,
    query: &BTreeMap<String, String>,
    request: &str,
    headers: &HeaderMap,
) -> Result<Vec<Envelope>, Refusal> {
    let device = known(core, device)?;
    whether_device(core, &device, request, headers)?;
    let wait = match query.get("wait").map(|text| text.parse::<u64>()) {
        None => 0,
        Some(Ok(seconds)) => seconds.min(MAX_WAIT),
        Some(Err(_)) => {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "wait is a number of seconds"));
        }
    };
    let mut changes = core.commands.subscribe();
    let over = tokio::time::sleep(Duration::from_secs(wait));
    tokio::pin!(over);
    loop {
        changes.mark_unchanged();
        ask_for_wanted(core, &device).await?;
        let commands =
            core.devices.commands(&device, core.clock.now()).await.map_err(|error| unavailable(&error))?;
        if !commands.is_empty() {
            return Ok(commands);
        }
        tokio::select! {
            () = &mut over => return Ok(commands),
            changed = changes.changed() => if changed.is_err() { return Ok(commands) },
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Makes the command "report now", if a report is wanted and nothing asks for it.
async fn ask_for_wanted(core: &Core, device: &DeviceId) -> Result<(), Refusal> {
    let Some(signer) = &core.signer else { return Ok(()) };
    let now = core.clock.now();
    if !core.devices.is_report_unasked(device, now).await.map_err(|error| unavailable(&error))? {
        return Ok(());
    }
    let (nonce, expires) = new(core, device, true).await?;
    let nonce = nonce.to_string();
    let id = format!("attest-{nonce:.16}");
    let broken = |reason: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, reason);
    let command = Command::new(
        &id,
        command::Action::Attest { nonce },
        Target::Device(device.to_string()),
        Authority::new("", "", ""),
        now,
        expires,
    );
    let command = command.map_err(|error| broken(told(&error)))?;
    let signed = command.sign(signer.as_ref()).map_err(|error| broken(told(&error)))?;
    let id = CommandId::new(id).map_err(|error| broken(told(&error)))?;
    core.devices.ask_for_report(device, &id, &signed, expires).await.map_err(|error| unavailable(&error))
}

async fn attest(State(core): State<Core>, Path(device): Path<String>, headers: HeaderMap) -> Response {
    match wanted_by_operator(&core, device, &headers).await {
        Ok(device) => {
            (StatusCode::ACCEPTED, Json(json!({ "device": device, "wanted": true }))).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn wanted_by_operator(core: &Core, device: String, headers: &HeaderMap) -> Result<DeviceId, Refusal> {
    let forbidden = |reason: &str| Refusal::new(StatusCode::FORBIDDEN, reason);
    operator::check(core, headers)?;
    let device = known(core, device)?;
    if core.signer.is_none() {
        return Err(forbidden("this router has no [signing] key_file: it can't sign a command"));
    }
    core.audit.wanted(&device, "an operator asked for it").await.map_err(Refusal::from)?;
    want(core, &device, "an operator asked for it").await.map_err(|error| unavailable(&error))?;
    Ok(device)
}

async fn want(
    core: &Core,
    device: &DeviceId,
    reason: &str,
) -> Result<(), openfactory_sn::lifecycle::state::StateError> {
    core.devices.want_report(device, core.clock.now(), reason).await?;
    core.commands.send_modify(|changes| *changes = changes.wrapping_add(1));
    Ok(())
}

fn unavailable(error: &openfactory_sn::lifecycle::state::StateError) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, told(error))
}

/// What an event that was decided means for the commands of its device.
///
/// # Errors
/// What becomes of the message when the store does not answer now.
pub(super) async fn follow(core: &Core, event: &Event) -> Result<(), Outcome> {
    match &event.body {
        EventBody::CommandIssued(body) => keep(core, body).await,
        EventBody::CommandHandled(body) => {
            let CommandHandled { device, command_id, .. } = body.as_ref();
            core.devices.command_handled(device, command_id).await.map_err(|error| state(&error))
        }
        EventBody::OrderPerformed(body) if core.signer.is_some() && awaits_proof(body) => {
            let reason = format!("order {} awaits its proof", body.order.id);
            want(core, &body.order.device, &reason).await.map_err(|error| state(&error))
        }
        _ => Ok(()),
    }
}

async fn keep(core: &Core, body: &CommandIssued) -> Result<(), Outcome> {
    let poison = |reason: String| Outcome::Poison { reason };
    let trust = core.trust.current();
    let trust = trust.map_err(|error| Outcome::NotYet { after: LOOK_AGAIN, reason: told(&error) })?;
    let command = Command::open(&body.command, &trust).map_err(|error| poison(told(&error)))?;
    let id = CommandId::new(command.get().id()).map_err(|error| poison(told(&error)))?;
    let kept = core.devices.keep_command(&body.device, &id, &body.command, command.get().expires()).await;
    kept.map_err(|error| state(&error))?;
    core.commands.send_modify(|changes| *changes = changes.wrapping_add(1));
    Ok(())
}

/// Whether the device now has to show by a report that the order had its effect.
fn awaits_proof(body: &OrderPerformed) -> bool {
    body.performed
        .outcomes
        .iter()
        .any(|outcome| outcome.is_done() && !matches!(outcome.act, Action::Quarantine | Action::Release))
}
