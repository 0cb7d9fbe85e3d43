//! A report that did not come raises an incident by itself.

use super::super::entity::{Device, Entity, EntityKey};
use super::super::event::device::{Awaited, ReportOverdue, Unattested};
use super::{Context, Step, Stop, incident, instruction};

pub(super) fn overdue(context: &Context<'_>, body: &ReportOverdue) -> Result<Step, Stop> {
    let id = &body.device;
    let Some((version, known)) = context.view.device(id)? else {
        return Ok(context.step(format!("device {id} is not known any more")));
    };
    let why = match &body.awaited {
        Awaited::Report => {
            // The clock runs anew from each report; one that came in between makes this one void.
            if known.awaiting_since != Some(body.since) {
                return Ok(context.step(format!("device {id} has reported since")));
            }
            Unattested::Silent { since: body.since }
        }
        Awaited::Proof { order } => {
            if known.order.as_ref() != Some(order) {
                return Ok(context.step(format!("order {order} was proved since")));
            }
            Unattested::Unproved { order: order.clone(), since: body.since }
        }
    };
    let mut device: Device = known.clone();
    let mut step = context.step(String::new());
    // Any accepted report ends an incident about silence, but only a proof one about a missing proof.
    let about = match &why {
        Unattested::Silent { .. } => incident::about_attestation(),
        _ => Vec::new(),
    };
    let opened = incident::unattested(context, &mut step, id, &mut device, why, about);
    if let Awaited::Proof { order } = &body.awaited {
        if let Some((_, record)) = context.view.order(order)? {
            instruction::overdue(context, &mut step, record)?;
        }
        instruction::resume(context, &mut step, id, &mut device)?;
    }
    step.remark = if opened {
        format!("no report of device {id} in time: incident")
    } else {
        format!("no report of device {id} in time; it has an open incident about that")
    };
    step.write(EntityKey::Device(id.clone()), version, Entity::Device(device));
    Ok(step)
}
