//! A device's overlay was opened or closed: each transition is a record (guide, "Lockdown State Transitions").

use openfactory_zone2::LockdownState;
use openfactory_zone2::lockdown::{Cause, TransitionRecord};

use super::super::compliance::Compliance;
use super::super::correlation;
use super::super::entity::{Device, Entity, EntityKey, Overlay};
use super::super::event::EventBody;
use super::super::event::lockdown::{LockdownChanged, LockdownRecorded, TransitionRecordedAs};
use super::super::id::DeviceId;
use super::super::timestamp;
use super::remediation::{Remedy, Wanted, contain};
use super::{Context, Step, Stop, finding, incident, refuse};
use crate::id::CorrelationId;

pub(super) fn changed(context: &Context<'_>, body: &LockdownChanged) -> Result<Step, Stop> {
    let (id, transition) = (&body.device, &body.transition);
    if !is_one(transition) {
        return refuse(format!(
            "there is no transition from {} to {} by this cause",
            transition.from, transition.to
        ));
    }
    let Some((version, known)) = context.view.device(id)? else {
        // A device that is being provisioned. Its first report will say what its overlay is by then.
        return Ok(context.step(format!(
            "device {id}, which is not known yet, went from {} to {}",
            transition.from, transition.to
        )));
    };
    let recorded = known.overlay.as_ref().map_or(0, |overlay| overlay.recorded);
    if transition.sequence <= recorded {
        return Ok(
            context.step(format!("transition {} of device {id} was recorded before", transition.sequence))
        );
    }
    let mut device = known.clone();
    let mut step = context.step(format!(
        "device {id} went from {} to {}, its transition {}",
        transition.from, transition.to, transition.sequence
    ));
    if transition.to != LockdownState::Locked && device.compliance == Compliance::Compliant {
        device.compliance = Compliance::Unknown;
        device.recorded_at = Some(context.now);
    }
    let recorded = recorded_as(id, &mut device, transition);
    let incidents = tampered(context, &mut step, id, &mut device, body)?;
    let event = LockdownRecorded {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        transition: transition.clone(),
        expires: body.expires,
        recorded,
        differences: body.findings.len(),
        incidents,
        compliance: device.compliance,
    };
    step.publish(context.derived(
        "lockdown recorded",
        context.now,
        EventBody::LockdownRecorded(Box::new(event)),
    ));
    step.write(EntityKey::Device(id.clone()), version, Entity::Device(device));
    Ok(step)
}

/// Whether the guide has such a transition, and the cause is one that leads to it.
fn is_one(transition: &TransitionRecord) -> bool {
    use LockdownState::{Locked, Migration, Unlocked};
    match (transition.from, transition.to) {
        (Locked, Unlocked | Migration) => matches!(transition.cause, Cause::Command { .. }),
        (Unlocked, Locked) => matches!(transition.cause, Cause::Command { .. } | Cause::Expired),
        (Migration, Locked) => true,
        _ => false,
    }
}

/// Where the transition is recorded, and what is known of the overlay after it.
fn recorded_as(id: &DeviceId, device: &mut Device, transition: &TransitionRecord) -> TransitionRecordedAs {
    use LockdownState::{Locked, Unlocked};
    let mut overlay = device.overlay.take().unwrap_or(Overlay {
        lockdown: transition.to,
        seal: transition.seal,
        policy: None,
        sequence: 0,
        recorded: 0,
        unlock: None,
    });
    if transition.sequence > overlay.sequence {
        overlay.sequence = transition.sequence;
        overlay.lockdown = transition.to;
        overlay.seal = transition.seal;
    }
    overlay.recorded = transition.sequence;
    let by_command = matches!(transition.cause, Cause::Command { .. });
    let recorded = match (transition.from, transition.to) {
        (Locked, Unlocked) => {
            let change_request = correlation::unlock(id, transition.sequence);
            overlay.unlock = Some(change_request.clone());
            Some(TransitionRecordedAs::Opened { change_request })
        }
        (Unlocked, Locked) => overlay.unlock.take().map(|change_request| match by_command {
            true => TransitionRecordedAs::Closed { change_request },
            false => TransitionRecordedAs::Review { change_request },
        }),
        _ => None,
    };
    device.overlay = Some(overlay);
    // A migration belongs to the rollout; the first lock of all to the deployment of the build.
    recorded.unwrap_or_else(|| TransitionRecordedAs::Note {
        build_id: device.rollout.clone().unwrap_or_else(|| device.build_id.clone()),
    })
}

/// What differs from the seal that is in force again: each a P1, and the device is kept apart.
fn tampered(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    body: &LockdownChanged,
) -> Result<Vec<CorrelationId>, Stop> {
    let at = timestamp::truncate(body.transition.at);
    let causes = finding::differences(&body.findings);
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    if !device.quarantined {
        device.compliance = Compliance::Drifted;
    }
    let mut opened = Vec::new();
    let mut critical = Vec::new();
    for cause in causes {
        let quarantine = cause.priority.automation().quarantine;
        if let Some(incident) = incident::open(context, step, id, device, at, cause) {
            critical.extend(quarantine.then(|| incident.clone()));
            opened.push(incident);
        }
    }
    if !critical.is_empty() {
        let why = format!("the overlay of device {id} differs from the seal that is in force again");
        let remedy =
            Remedy { hold: true, remedy: Wanted::Nothing, leaves: None, incidents: &critical, why: &why };
        contain(context, step, id, device, &remedy)?;
    }
    Ok(opened)
}
