//! Builds and their gates.

use std::collections::BTreeMap;

use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind, Gate, GateState};
use openfactory_sn::lifecycle::state::StateError;
use openfactory_sn::lifecycle::timestamp;
use serde::Serialize;

use super::super::core::Core;
use super::listed::{all, word};

/// Builds that are shown.
const SHOWN: usize = 50;

/// Builds with their gates.
#[derive(Debug, Serialize)]
pub(super) struct Builds {
    /// How many there are; where `complete` is false, at least so many.
    pub(super) total: usize,
    pub(super) complete: bool,
    /// How many wait for their approval.
    pub(super) waiting: usize,
    /// Those that wait first; at most 50.
    pub(super) shown: Vec<Build>,
}

/// A build.
#[derive(Debug, Serialize)]
pub(super) struct Build {
    pub(super) build: String,
    pub(super) fleet: String,
    /// `requested`, `completed`, `verified` or `rejected`.
    pub(super) stage: String,
    pub(super) change_request: String,
    /// `waiting`, `open`, `refused`, or empty where it has none.
    pub(super) gate: &'static str,
    /// Since when the gate is as it is; for one that waits, since ServiceNow has had its change request.
    pub(super) since: Option<String>,
    pub(super) reason: String,
}

pub(super) async fn look_up(core: &Core) -> Result<Builds, StateError> {
    let (rows, gates_complete) = all(core, EntityKind::Gate).await?;
    let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
    for (_, entity) in rows {
        if let Entity::Gate(gate) = entity {
            gates.insert(gate.build_id.as_str().to_owned(), gate);
        }
    }
    let (rows, builds_complete) = all(core, EntityKind::Build).await?;
    let mut builds = Vec::with_capacity(rows.len());
    for (key, entity) in rows {
        if let (EntityKey::Build(id), Entity::Build(build)) = (key, entity) {
            let gate = gates.remove(id.as_str());
            builds.push((id, build, gate));
        }
    }
    let waits = |gate: &Option<Gate>| gate.as_ref().is_some_and(|gate| gate.state == GateState::Waiting);
    let waiting = builds.iter().filter(|(.., gate)| waits(gate)).count();
    builds.sort_by_key(|(.., gate)| !waits(gate));
    let total = builds.len();
    let mut shown = Vec::new();
    for (id, build, gate) in builds.into_iter().take(SHOWN) {
        let (gate, since, reason) = match gate {
            None => ("", None, String::new()),
            Some(gate) => stands(core, gate).await?,
        };
        shown.push(Build {
            build: id.as_str().to_owned(),
            fleet: build.fleet.as_str().to_owned(),
            stage: word(&build.stage),
            change_request: build.change_request.as_str().to_owned(),
            gate,
            since,
            reason,
        });
    }
    Ok(Builds { total, complete: gates_complete && builds_complete, waiting, shown })
}

async fn stands(core: &Core, gate: Gate) -> Result<(&'static str, Option<String>, String), StateError> {
    Ok(match gate.state {
        GateState::Open { since } => ("open", Some(timestamp::format(since)), String::new()),
        GateState::Refused { since, reason } => ("refused", Some(timestamp::format(since)), reason),
        _ => {
            let receipt = core.state.receipt(&gate.requested_by).await?;
            ("waiting", receipt.map(|receipt| timestamp::format(receipt.applied_at)), String::new())
        }
    })
}
