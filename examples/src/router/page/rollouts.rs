//! Rollouts, and how many devices of each have passed.

use openfactory_sn::SysId;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind, RolloutState, Standing};
use openfactory_sn::lifecycle::state::StateError;
use openfactory_sn::lifecycle::{correlation, timestamp};
use serde::Serialize;

use super::super::core::Core;
use super::listed::{all, word};

/// A build on its way to a fleet.
#[derive(Debug, Serialize)]
pub(super) struct OneRollout {
    pub(super) build: String,
    pub(super) fleet: String,
    /// `running`, `passed` (a stage; the next one is about to begin), `completed` or `failed`.
    pub(super) state: &'static str,
    /// The stage that it is in, or came to its end in.
    pub(super) stage: Option<String>,
    pub(super) since: String,
    pub(super) reason: Option<String>,
    pub(super) devices: usize,
    pub(super) passed: usize,
    pub(super) failed: usize,
    /// The `sys_id` of its change request.
    pub(super) change: String,
}

/// All of them, the latest first.
pub(super) async fn look_up(core: &Core) -> Result<Vec<OneRollout>, StateError> {
    let (rows, _complete) = all(core, EntityKind::Rollout).await?;
    let table = &core.mapping.tables.change_request;
    let mut rollouts = Vec::with_capacity(rows.len());
    for (key, entity) in rows {
        let (EntityKey::Rollout(build), Entity::Rollout(found)) = (key, entity) else { continue };
        let (state, stage, since, reason) = match &found.state {
            RolloutState::Running { stage, since } => ("running", Some(stage), since, None),
            RolloutState::Passed { stage, since } => ("passed", Some(stage), since, None),
            RolloutState::Completed { since } => ("completed", None, since, None),
            RolloutState::Failed { stage, since, reason } => {
                ("failed", Some(stage), since, Some(reason.clone()))
            }
            _ => continue,
        };
        let standing = |of: Standing| found.devices.values().filter(|member| member.standing == of).count();
        rollouts.push(OneRollout {
            build: build.to_string(),
            fleet: found.fleet.to_string(),
            state,
            stage: stage.map(word),
            since: timestamp::format(*since),
            reason,
            devices: found.devices.len(),
            passed: standing(Standing::Passed),
            failed: standing(Standing::Failed),
            change: SysId::derived(table, &correlation::change(&build)).as_str().to_owned(),
        });
    }
    rollouts.sort_by(|one, other| other.since.cmp(&one.since));
    Ok(rollouts)
}
