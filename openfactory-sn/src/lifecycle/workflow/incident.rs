//! A device's incidents: opened once per cause, resolved when a report no longer has the cause.

use std::collections::BTreeSet;
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;

use super::super::compliance::Compliance;
use super::super::correlation;
use super::super::entity::{Device, OpenIncident};
use super::super::event::EventBody;
use super::super::event::device::{DeviceDrifted, DeviceUnattested, Unattested};
use super::super::event::incident::DeviceCleared;
use super::super::id::DeviceId;
use super::super::priority::Priority;
use super::finding::{Assessment, key};
use super::{Context, Step, promise};
use crate::id::CorrelationId;

/// Incidents that one device has open at most; further causes are then logged only.
const MAX_OPEN_INCIDENTS: usize = 16;
/// Incidents that it has open at most before a P1, too, is logged only.
const MAX_WITH_CRITICAL: usize = 32;

fn has_room(device: &Device, priority: Priority) -> bool {
    let most = if priority == Priority::P1 { MAX_WITH_CRITICAL } else { MAX_OPEN_INCIDENTS };
    device.incidents.len() < most
}

/// Whether open incidents, as urgent at least, are about all of it.
pub(super) fn is_open(device: &Device, assessment: &Assessment) -> bool {
    let as_urgent = || device.incidents.iter().filter(|open| open.priority <= assessment.priority);
    as_urgent().any(|open| open.cause == assessment.cause)
        || assessment.keys.iter().all(|key| as_urgent().any(|open| open.about.contains(key)))
}

/// Opens an incident about a cause, unless there is one or no room for another.
pub(super) fn open(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    reported_at: SystemTime,
    assessment: Assessment,
) -> Option<CorrelationId> {
    if is_open(device, &assessment) || !has_room(device, assessment.priority) {
        return None;
    }
    let about = assessment.about();
    let Assessment { kind, priority, findings, total, cause, .. } = assessment;
    let incident = correlation::incident(id, &cause, &context.event.identity());
    device.incidents.push(OpenIncident::new(incident.clone(), cause, priority, about));
    promise::give(context, step, id, &incident, priority);
    device.recorded_at = Some(context.now);
    let event = DeviceDrifted {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        priority,
        findings,
        findings_total: total,
        compliance: device.compliance,
        cause,
        incident: incident.clone(),
        reported_at,
        about: kind,
        flags: device.flags.clone(),
    };
    let label = if kind.is_files() { "drifted".to_owned() } else { format!("drifted {cause}") };
    step.publish(context.derived(&label, context.now, EventBody::DeviceDrifted(Box::new(event))));
    Some(incident)
}

/// Opens an incident about a missing or refused report, or about what could not be checked, unless one of that cause is
/// open; whether it did.
pub(super) fn unattested(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    why: Unattested,
    about: Vec<String>,
) -> bool {
    if device.compliance == Compliance::Compliant {
        device.compliance = Compliance::Unknown;
    }
    let what = match &why {
        Unattested::Refused { reason } => format!("refused\0{reason}"),
        Unattested::Silent { .. } => format!("silent\0{}", device.build_id),
        Unattested::Unproved { order, .. } => format!("unproved\0{order}"),
        Unattested::Unchecked { .. } => format!("unchecked\0{}", about.join("\0")),
    };
    let cause = Sha256Digest::of(format!("openfactory/attestation_cause/v1\0{what}").as_bytes());
    let (priority, incidents) = (Priority::P2, &device.incidents);
    let known = |key: &String| incidents.iter().any(|open| open.about.contains(key));
    let unchecked = matches!(why, Unattested::Unchecked { .. });
    let is_open = incidents.iter().any(|open| open.cause == cause) || (unchecked && about.iter().all(known));
    if is_open || !has_room(device, priority) {
        return false;
    }
    let incident = correlation::incident(id, &cause, &context.event.identity());
    device.incidents.push(OpenIncident::new(incident.clone(), cause, priority, about));
    promise::give(context, step, id, &incident, priority);
    device.recorded_at = Some(context.now);
    let event = DeviceUnattested {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        priority,
        compliance: device.compliance,
        cause: why,
        incident,
    };
    step.publish(context.derived("unattested", context.now, EventBody::DeviceUnattested(Box::new(event))));
    true
}

/// What an incident about a report that did not come, or was refused, is about: any report that is accepted ends it.
pub(super) fn about_attestation() -> Vec<String> {
    vec![key(&["attestation"])]
}

/// Takes out the incidents of which a report has nothing any more, `present` being all that it has.
pub(super) fn clear(device: &mut Device, present: &BTreeSet<String>) -> Vec<CorrelationId> {
    let held = device.held.clone();
    let over = |open: &OpenIncident| {
        // What a person investigates is over when the person says so.
        let investigated = held.as_ref() == Some(&open.incident);
        !investigated && !open.about.is_empty() && open.about.iter().all(|about| !present.contains(about))
    };
    let resolved = device.incidents.iter().filter(|open| over(open));
    let resolved = resolved.map(|open| open.incident.clone()).collect();
    device.incidents.retain(|open| !over(open));
    resolved
}

/// Publishes that incidents are resolved, though the device does not comply, and which flags it has by now.
pub(super) fn tell_cleared(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &Device,
    reported_at: SystemTime,
    resolves: Vec<CorrelationId>,
) {
    promise::over(step, &resolves);
    let event = DeviceCleared {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        reported_at,
        resolves,
        open: device.incidents.len(),
        flags: device.flags.clone(),
    };
    step.publish(context.derived("cleared", context.now, EventBody::DeviceCleared(Box::new(event))));
}
