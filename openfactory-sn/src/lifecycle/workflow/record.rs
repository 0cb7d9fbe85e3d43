//! A hint that a record changed: the record is read, and what it says decides.

use super::super::correlation;
use super::super::entity::{Device, Entity, EntityKey};
use super::super::event::record::RecordChanged;
use super::super::id::DeviceId;
use super::view::Observed;
use super::{Context, Step, Stop, closure, gate, instruction};
use crate::id::{CorrelationId, SysId};

pub(super) fn changed(context: &Context<'_>, body: &RecordChanged) -> Result<Step, Stop> {
    if body.table == context.policy.change_request_table {
        return gate::change_request(context, body);
    }
    if body.table == context.policy.incident_table {
        return incident(context, body);
    }
    Ok(context.step(format!("nothing waits for a record of {}", body.table)))
}

/// The incident, if it is one that we opened for a device: its sys_id follows from its correlation id, so that nobody
/// makes another record pass for it.
fn ours(record: &Observed) -> Option<(CorrelationId, DeviceId)> {
    let correlation = CorrelationId::new(record.text("correlation_id")).ok()?;
    let device = correlation::device_of(&correlation)?;
    (SysId::derived(&record.table, &correlation) == record.sys_id).then_some((correlation, device))
}

fn incident(context: &Context<'_>, body: &RecordChanged) -> Result<Step, Stop> {
    let record = context.view.record(&body.table, &body.sys_id)?;
    if record.fields.is_none() {
        return Ok(context.step("the incident can not be read"));
    }
    let Some((incident, id)) = ours(record) else {
        return Ok(context.step("the incident is none of ours"));
    };
    let Some((version, known)) = context.view.device(&id)? else {
        return Ok(context.step(format!("the incident is about device {id}, which is not known")));
    };
    let mut device: Device = known.clone();
    let mut step = context.step(String::new());
    step.remark = if closure::is_closed(record) {
        closure::closed(context, &mut step, &id, &mut device, &incident, record)?
    } else {
        let assigned = closure::assigned(context, &mut step, &id, &mut device, &incident, record);
        let instructed = instruction::instructed(context, &mut step, &id, &mut device, &incident, record)?;
        assigned.into_iter().chain([instructed]).collect::<Vec<_>>().join("; ")
    };
    if device != *known {
        step.write(EntityKey::Device(id), version, Entity::Device(device));
    }
    Ok(step)
}
