//! Compromised keys, and how far the response to each has come.

use openfactory_sn::SysId;
use openfactory_sn::lifecycle::entity::{Entity, EntityKind};
use openfactory_sn::lifecycle::state::StateError;
use openfactory_sn::lifecycle::timestamp;
use serde::Serialize;

use super::super::core::Core;
use super::listed::{all, word};

/// A key that is, or was, in other hands.
#[derive(Debug, Serialize)]
pub(super) struct CompromisedKey {
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) detected: String,
    /// `containing`, `remediating` or `recovered`.
    pub(super) stage: String,
    /// The `sys_id` of its incident.
    pub(super) incident: String,
    pub(super) revoked: Option<String>,
    /// Builds that it touched, and how many of them were signed anew.
    pub(super) builds: usize,
    pub(super) resigned: usize,
    /// Devices that have to prove themselves, and how many of them did.
    pub(super) devices: usize,
    pub(super) converged: usize,
    pub(super) reviewed: bool,
}

/// All of them, the latest first.
pub(super) async fn look_up(core: &Core) -> Result<Vec<CompromisedKey>, StateError> {
    let (rows, _complete) = all(core, EntityKind::Compromise).await?;
    let table = &core.mapping.tables.incident;
    let mut keys = Vec::with_capacity(rows.len());
    for (_, entity) in rows {
        let Entity::Compromise(found) = entity else { continue };
        keys.push(CompromisedKey {
            key: found.key.key_id.to_string(),
            kind: found.key.kind.to_string(),
            name: found.key.name.clone(),
            detected: timestamp::format(found.detected_at),
            stage: word(&found.stage),
            incident: SysId::derived(table, &found.incident).as_str().to_owned(),
            revoked: found.revocation.as_ref().map(|revocation| timestamp::format(revocation.revoked_at)),
            builds: found.radius.len(),
            resigned: found.resigned.len(),
            devices: found.devices.len(),
            converged: found.converged.intersection(&found.devices).count(),
            reviewed: found.review.is_some(),
        });
    }
    keys.sort_by(|one, other| other.detected.cmp(&one.detected));
    Ok(keys)
}
