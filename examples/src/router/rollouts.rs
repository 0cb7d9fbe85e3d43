//! `GET /v1/rollouts/{build}`: how the rollout of a build stands.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, Member, Rollout, RolloutState};
use openfactory_sn::lifecycle::id::BuildId;
use openfactory_sn::lifecycle::state::StateError;
use openfactory_sn::lifecycle::timestamp;
use serde_json::{Map, Value, json};

use super::core::Core;
use crate::told::told;

/// The route on which rollouts are asked for.
pub(super) fn routes(core: Core) -> Router {
    Router::new().route("/v1/rollouts/{build}", get(rollout)).with_state(core)
}

async fn rollout(State(core): State<Core>, Path(build): Path<String>) -> Response {
    let refuse =
        |status: StatusCode, reason: String| (status, Json(json!({ "error": reason }))).into_response();
    let build = match BuildId::new(build) {
        Ok(build) => build,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, told(&error)),
    };
    match look_up(&core, &build).await {
        Ok(Some(rollout)) => Json(rendered(&build, &rollout)).into_response(),
        Ok(None) => refuse(StatusCode::NOT_FOUND, format!("build {build} has no rollout")),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, told(&error)),
    }
}

async fn look_up(core: &Core, build: &BuildId) -> Result<Option<Rollout>, StateError> {
    let found = core.state.load(&[EntityKey::Rollout(build.clone())]).await?;
    Ok(found.into_iter().find_map(|(_, kept)| match kept?.value {
        Entity::Rollout(rollout) => Some(rollout),
        _ => None,
    }))
}

/// `state` is `running`, `passed` (of a stage; the next one is about to begin), `completed` or `failed`.
fn rendered(build: &BuildId, rollout: &Rollout) -> Value {
    let (state, stage, since, reason) = match &rollout.state {
        RolloutState::Running { stage, since } => ("running", Some(*stage), Some(*since), None),
        RolloutState::Passed { stage, since } => ("passed", Some(*stage), Some(*since), None),
        RolloutState::Completed { since } => ("completed", None, Some(*since), None),
        RolloutState::Failed { stage, since, reason } => {
            ("failed", Some(*stage), Some(*since), Some(reason.as_str()))
        }
        _ => ("unknown", None, None, None),
    };
    let devices: Map<String, Value> =
        rollout.devices.iter().map(|(device, member)| (device.to_string(), of_device(member))).collect();
    json!({
        "build_id": build,
        "fleet": rollout.fleet,
        "state": state,
        "stage": stage,
        "since": since.map(timestamp::format),
        "reason": reason,
        "begun_at": timestamp::format(rollout.begun_at),
        "soak_s": rollout.soak_s,
        "reports": rollout.reports,
        "stage_within_s": rollout.stage_within_s,
        "devices": devices,
    })
}

fn of_device(member: &Member) -> Value {
    json!({
        "stage": member.stage,
        "standing": member.standing,
        "reports": member.reports,
        "healthy_since": member.healthy_since.map(timestamp::format),
        "healthy_until": member.healthy_until.map(timestamp::format),
        "faults": member.faults,
    })
}
