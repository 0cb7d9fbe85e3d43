//! Stage 6, "Bidirectional Sync": who works on an incident is told, and what a person closes is closed here.

use super::super::compliance::Compliance;
use super::super::entity::Device;
use super::super::entity::timer_name;
use super::super::event::EventBody;
use super::super::event::device::{Awaited, ReportOverdue};
use super::super::event::incident::{IncidentAssigned, IncidentClosed};
use super::super::id::DeviceId;
use super::super::state::timer::Timer;
use super::super::timestamp;
use super::order::critical;
use super::view::Observed;
use super::{Context, Step, Stop, instruction, promise, remediation};
use crate::id::CorrelationId;
use crate::models::incident::State;

/// Whether the incident has ended. One that is resolved has not: that is to be confirmed.
pub(super) fn is_closed(record: &Observed) -> bool {
    matches!(State::from_raw(record.text("state")), State::Closed | State::Canceled)
}

/// Whether somebody else is to work on it than before; in words, if so. The group that it is first seen with is the one that
/// it was made with.
pub(super) fn assigned(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    incident: &CorrelationId,
    record: &Observed,
) -> Option<String> {
    let (fleet, build_id) = (device.fleet.clone(), device.build_id.clone());
    let open = device.incidents.iter_mut().find(|open| open.incident == *incident)?;
    let seen = |field| Some(record.text(field).to_owned()).filter(|text| !text.is_empty());
    let (user, group) = (seen("assigned_to"), seen("assignment_group"));
    let other_user = user.is_some() && user != open.assigned_to;
    let other_group = open.group.is_some() && group.is_some() && group != open.group;
    open.assigned_to.clone_from(&user);
    if group.is_some() {
        open.group.clone_from(&group);
    }
    if !other_user && !other_group {
        return None;
    }
    let event = IncidentAssigned {
        device: id.clone(),
        fleet,
        build_id,
        incident: incident.clone(),
        number: record.text("number").to_owned(),
        priority: open.priority,
        assigned_to: user.unwrap_or_default(),
        group: group.unwrap_or_default(),
        updated_by: record.text("sys_updated_by").to_owned(),
    };
    step.publish(context.derived("assigned", context.now, EventBody::IncidentAssigned(Box::new(event))));
    Some("somebody else is to work on the incident".to_owned())
}

/// Closed by a person: holds because of it end, and a fresh report is awaited. What became of it, in words.
pub(super) fn closed(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    incident: &CorrelationId,
    record: &Observed,
) -> Result<String, Stop> {
    if device.incidents.iter().all(|open| open.incident != *incident) {
        return Ok(format!("incident {incident} was over before"));
    }
    device.incidents.retain(|open| open.incident != *incident);
    promise::over(step, std::slice::from_ref(incident));
    instruction::closed(context, step, device, incident)?;
    if device.held.as_ref() == Some(incident) {
        device.held = None;
    }
    let (number, updated_by) = (record.text("number"), record.text("sys_updated_by"));
    let why = format!("{updated_by} has closed incident {number}, the last that kept device {id} apart");
    let released = may_go(context, device)?
        && remediation::release(context, step, id, device, std::slice::from_ref(incident), why)?;
    if released {
        device.order = None;
    }
    if !device.quarantined && device.incidents.is_empty() {
        device.compliance = Compliance::Unknown;
    }
    attest_anew(context, step, id, device);
    let event = IncidentClosed {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        incident: incident.clone(),
        number: number.to_owned(),
        updated_by: updated_by.to_owned(),
        compliance: device.compliance,
        released,
    };
    step.publish(context.derived("closed", context.now, EventBody::IncidentClosed(Box::new(event))));
    let end = if released { "; its quarantine is to end" } else { "" };
    Ok(format!("incident {incident} is closed, device {id} is {}{end}", device.compliance))
}

/// Whether nothing else keeps the device apart: no other incident or key, and no order whose proof is to end that.
fn may_go(context: &Context<'_>, device: &Device) -> Result<bool, Stop> {
    if !device.quarantined
        || device.held.is_some()
        || device.compromised_key.is_some()
        || critical(device).is_some()
    {
        return Ok(false);
    }
    let Some(order) = &device.order else { return Ok(true) };
    Ok(context.view.order(order)?.is_some_and(|(_, record)| {
        record.performed.is_some() && !record.order.is_change() && record.order.deploys().is_none()
    }))
}

/// What was reported before says nothing about now, and the next report is to come soon.
fn attest_anew(context: &Context<'_>, step: &mut Step, id: &DeviceId, device: &mut Device) {
    let now = timestamp::truncate(context.now);
    device.reports_count_from = now;
    let Some(due) = context
        .policy
        .report_within(&device.fleet)
        .and_then(|within| now.checked_add(within.min(context.policy.proof_within)))
    else {
        return;
    };
    device.awaiting_since = Some(now);
    let overdue = ReportOverdue {
        device: id.clone(),
        build_id: device.build_id.clone(),
        awaited: Awaited::Report,
        since: now,
    };
    let name = timer_name(id, &Awaited::Report);
    step.set_timer(Timer::new(name, due, EventBody::ReportOverdue(Box::new(overdue))));
}
