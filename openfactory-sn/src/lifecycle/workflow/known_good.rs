//! Which build a device can be rolled back to.

use super::super::entity::{BuildStage, Device, RolloutState};
use super::super::id::BuildId;
use super::{Context, Stop};

/// The last known-good build: what the device should be running, if it ran compliant on it; else the newest of
/// those that ran compliant on it or reached the whole of its fleet. Only a build that is verified counts, whose
/// rollout has not failed, and that is not `except`.
pub(super) fn newest(
    context: &Context<'_>,
    device: &Device,
    except: Option<&BuildId>,
) -> Result<Option<BuildId>, Stop> {
    let fleet = context.view.fleet(&device.fleet)?.map(|(_, fleet)| fleet.reached_full.as_slice());
    let candidates = device.known_good.iter().rev().chain(fleet.unwrap_or_default().iter().rev());
    let mut best = None;
    for id in candidates.filter(|id| except != Some(*id)) {
        let Some((_, build)) = context.view.build(id)? else { continue };
        let has_failed = context
            .view
            .rollout(id)?
            .is_some_and(|(_, rollout)| matches!(rollout.state, RolloutState::Failed { .. }));
        if build.stage != BuildStage::Verified || has_failed {
            continue;
        }
        if *id == device.build_id {
            return Ok(Some(id.clone()));
        }
        if best.is_none_or(|(verified_at, _)| build.verified_at > verified_at) {
            best = Some((build.verified_at, id));
        }
    }
    Ok(best.map(|(_, id)| id.clone()))
}
