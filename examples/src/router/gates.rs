//! `GET /v1/gates/{build}`: a build waits here until its change request is approved.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, Gate, GateState};
use openfactory_sn::lifecycle::id::BuildId;
use openfactory_sn::lifecycle::state::StateError;
use serde_json::{Value, json};

use super::core::Core;
use crate::told::told;

/// The longest that one request waits, in seconds.
const MAX_WAIT: u64 = 60;

/// The route that gates are waited for on.
pub(super) fn routes(core: Core) -> Router {
    Router::new().route("/v1/gates/{build}", get(gate)).with_state(core)
}

async fn gate(
    State(core): State<Core>,
    Path(build): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let refuse =
        |status: StatusCode, reason: String| (status, Json(json!({ "error": reason }))).into_response();
    let build = match BuildId::new(build) {
        Ok(build) => build,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, told(&error)),
    };
    let wait = match query.get("wait").map(|text| text.parse::<u64>()) {
        None => 0,
        Some(Ok(seconds)) => seconds.min(MAX_WAIT),
        Some(Err(_)) => return refuse(StatusCode::BAD_REQUEST, "wait is a number of seconds".to_owned()),
    };
    match settled(&core, &build, Duration::from_secs(wait)).await {
        Ok(Some(gate)) => Json(rendered(&build, &gate)).into_response(),
        Ok(None) => refuse(StatusCode::NOT_FOUND, format!("no build {build} has asked for a gate")),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, told(&error)),
    }
}

/// The gate as soon as it waits no longer, or as it is when the time is over.
async fn settled(core: &Core, build: &BuildId, wait: Duration) -> Result<Option<Gate>, StateError> {
    let mut changes = core.gates.subscribe();
    let over = tokio::time::sleep(wait);
    tokio::pin!(over);
    loop {
        changes.mark_unchanged();
        let gate = look_up(core, build).await?;
        if gate.as_ref().is_some_and(|gate| gate.state != GateState::Waiting) {
            return Ok(gate);
        }
        tokio::select! {
            () = &mut over => return Ok(gate),
            changed = changes.changed() => if changed.is_err() { return Ok(gate) },
        }
    }
}

async fn look_up(core: &Core, build: &BuildId) -> Result<Option<Gate>, StateError> {
    let change_request = SysId::derived(&core.mapping.tables.change_request, &correlation::change(build));
    let found = core.state.load(&[EntityKey::Gate(change_request)]).await?;
    Ok(found.into_iter().find_map(|(_, kept)| match kept?.value {
        Entity::Gate(gate) => Some(gate),
        _ => None,
    }))
}

fn rendered(build: &BuildId, gate: &Gate) -> Value {
    let (state, since, reason) = match &gate.state {
        GateState::Open { since } => ("open", Some(*since), None),
        GateState::Refused { since, reason } => ("refused", Some(*since), Some(reason.as_str())),
        _ => ("waiting", None, None),
    };
    let since = since.map(openfactory_sn::lifecycle::timestamp::format);
    json!({ "build_id": build, "state": state, "since": since, "reason": reason })
}
