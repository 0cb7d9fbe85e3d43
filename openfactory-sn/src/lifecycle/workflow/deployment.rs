//! Stage 4: a device runs a build. Only a verified one counts.

use std::time::{Duration, SystemTime};

use super::super::compliance::Compliance;
use super::super::entity::{BuildStage, Device, Entity, EntityKey, timer_name};
use super::super::event::EventBody;
use super::super::event::device::{Awaited, DeviceDeployed, ReportOverdue};
use super::super::id::DeviceId;
use super::super::state::timer::Timer;
use super::super::timestamp;
use super::{Context, Step, Stop, not_yet, refuse, rollout};

/// How soon to look again for the build's verification.
const WAIT_FOR_BUILD: Duration = Duration::from_secs(5);

pub(super) fn deployed(context: &Context<'_>, body: &DeviceDeployed) -> Result<Step, Stop> {
    check_build(context, body)?;
    let key = EntityKey::Device(body.device.clone());
    let (version, mut device) = match context.view.device(&body.device)? {
        None => (0, Device::new(body.fleet.clone(), body.build_id.clone(), context.event.time)),
        Some((version, known)) => {
            if context.event.time < known.reports_count_from {
                return Ok(context.step(format!("device {} was deployed anew since", body.device)));
            }
            (version, again(known, body, context.event.time))
        }
    };
    let mut step = context.step(format!("device {} runs build {}", body.device, body.build_id));
    if by_rollout(context, &device)? {
        device.order = None;
        rollout::deployed_too_late(context, &mut step, &body.device, &mut device)?;
    }
    await_report(context, &mut step, &body.device, &mut device);
    step.write(key, version, Entity::Device(device));
    Ok(step)
}

/// Whether the device's order is the deployment of the build that it now runs.
fn by_rollout(context: &Context<'_>, device: &Device) -> Result<bool, Stop> {
    let Some(order) = &device.order else { return Ok(false) };
    let record = context.view.order(order)?;
    Ok(record.is_some_and(|(_, record)| record.order.deploys() == Some(&device.build_id)))
}

fn check_build(context: &Context<'_>, body: &DeviceDeployed) -> Result<(), Stop> {
    let build = context.view.build(&body.build_id)?.map(|(_, build)| build);
    let verified = build.is_some_and(|build| build.stage == BuildStage::Verified);
    if let Some(build) = build
        && verified
    {
        if build.document_digest != Some(body.document_digest) || build.root_hash != Some(body.root_hash) {
            return refuse(format!(
                "device {} was given another image than build {}",
                body.device, body.build_id
            ));
        }
        return Ok(());
    }
    if build.is_some_and(|build| build.stage == BuildStage::Rejected) {
        return refuse(format!("build {} is rejected, yet deployed to {}", body.build_id, body.device));
    }
    let waited = context.now.duration_since(context.event.time).unwrap_or_default();
    if waited < context.policy.wait_for_build {
        return not_yet(
            format!("the verification of build {} is not known yet", body.build_id),
            WAIT_FOR_BUILD,
        );
    }
    refuse(format!("build {} was deployed to {} but never verified", body.build_id, body.device))
}

/// Deployed again. Open incidents and holds stay: only a report of its own clears them.
fn again(known: &Device, body: &DeviceDeployed, since: SystemTime) -> Device {
    let supersedes =
        if known.build_id == body.build_id { known.supersedes.clone() } else { Some(known.build_id.clone()) };
    let compliance = if known.quarantined { Compliance::Quarantined } else { Compliance::Unknown };
    Device {
        fleet: body.fleet.clone(),
        build_id: body.build_id.clone(),
        compliance,
        reports_count_from: since,
        supersedes,
        ..known.clone()
    }
}

/// From now on a report is awaited, if reports are.
pub(super) fn await_report(context: &Context<'_>, step: &mut Step, id: &DeviceId, device: &mut Device) {
    let due = context.policy.report_within(&device.fleet).and_then(|within| context.now.checked_add(within));
    let awaited = Awaited::Report;
    let name = timer_name(id, &awaited);
    let Some(due) = due else {
        device.awaiting_since = None;
        step.cancel_timer(name);
        return;
    };
    let since = timestamp::truncate(context.now);
    device.awaiting_since = Some(since);
    let overdue = ReportOverdue { device: id.clone(), build_id: device.build_id.clone(), awaited, since };
    step.set_timer(Timer::new(name, due, EventBody::ReportOverdue(Box::new(overdue))));
}
