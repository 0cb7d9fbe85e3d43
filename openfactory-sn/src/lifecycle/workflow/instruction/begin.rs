//! The beginning of what was instructed: one order, never beside another that is under way.

use super::super::super::entity::{Device, OrderRecord, Remediation, RemediationState};
use super::super::super::id::{DeviceId, OrderId};
use super::super::super::platform::{Action, Order};
use super::super::order::publish;
use super::super::{Context, Step, Stop, known_good};
use super::machine::{Change, Input, next};
use super::{Instruction, store};
use crate::id::SysId;

/// An instruction with its key, and the version that it is written over.
type Keyed<'a> = (u64, &'a SysId, Remediation);

/// What an order that is just being decided makes of the one that the view has.
type Just<'a> = Option<&'a OrderRecord>;

/// The order that would carry it out now; `Err` says why there is none.
pub(super) fn proposal(
    context: &Context<'_>,
    id: &DeviceId,
    device: &Device,
    remediation: &Remediation,
) -> Result<Result<Order, String>, Stop> {
    let Remediation { instruction, by, incident, .. } = remediation;
    let leaves = device.rollout.as_ref().filter(|build| **build == device.build_id);
    let mut actions = Vec::new();
    let what = match instruction {
        Instruction::Quarantine => {
            actions.push(Action::Quarantine);
            "quarantine".to_owned()
        }
        Instruction::Rebuild => {
            if !device.quarantined {
                actions.push(Action::Quarantine);
            }
            actions.push(Action::Rebuild { build: device.build_id.clone() });
            format!("rebuild build {} from its recipe", device.build_id)
        }
        Instruction::Rollback => match known_good::newest(context, device, leaves)? {
            None => return Ok(Err("no build is known to be good on it".to_owned())),
            Some(to_build) => {
                let what = format!("roll back to build {to_build}, the last known to be good on it");
                actions.push(Action::RollBack { to_build });
                what
            }
        },
    };
    let reason = format!("{by} instructed on the incident of device {id}: {what}");
    let (fleet, build) = (device.fleet.clone(), device.build_id.clone());
    let mut order = Order::new(remediation.order.clone(), id.clone(), fleet, build, actions, reason);
    order.incidents = vec![incident.as_str().to_owned()];
    order.instructed_by = Some(by.clone());
    if order.is_change() {
        order.rollout = leaves.cloned();
    }
    Ok(Ok(order))
}

/// Begins it, or has it wait for the order that is under way. What became of it, in words.
pub(super) fn begin(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    (version, key, mut remediation): Keyed<'_>,
    just: Just<'_>,
) -> Result<String, Stop> {
    device.instructed = None;
    let is_change = remediation.instruction != Instruction::Quarantine;
    let mut supersedes = None;
    if is_change && let Some(current) = device.order.clone() {
        match under_way(context, &current, just)? {
            UnderWay::Busy => {
                remediation.state = RemediationState::Queued;
                device.instructed = Some(key.clone());
                return Ok(store(context, step, version, key, remediation, None, None));
            }
            UnderWay::Unproved => supersedes = Some(current),
            UnderWay::No => {}
        }
    }
    let order = match proposal(context, id, device, &remediation)? {
        Ok(order) => order,
        Err(reason) => {
            remediation.state = RemediationState::Dropped { reason };
            return Ok(store(context, step, version, key, remediation, None, None));
        }
    };
    remediation.build_id = device.build_id.clone();
    if is_change {
        device.held = None;
        device.order = Some(order.id.clone());
        if order.rollout.is_some() {
            device.rollout = None;
        }
    } else {
        // Ordered even if it is kept apart now: a release may be under way.
        device.held = Some(remediation.incident.clone());
    }
    remediation.state = RemediationState::Ordered;
    let said = store(context, step, version, key, remediation, None, supersedes);
    publish(context, step, order, "instructed");
    Ok(said)
}

/// Begins what waits for another order, if that has ended without success. `just` is that order's record where this
/// very step changes it.
fn go_on(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    just: Just<'_>,
) -> Result<(), Stop> {
    let Some(key) = device.instructed.clone() else { return Ok(()) };
    let Some((version, known)) = context.view.remediation(&key)? else { return Ok(()) };
    if known.state != RemediationState::Queued {
        return Ok(());
    }
    if let Some(current) = &device.order
        && under_way(context, current, just)? == UnderWay::Busy
    {
        return Ok(());
    }
    let mut remediation = known.clone();
    if next(&mut remediation.state, Input::Free) == Change::Begin {
        begin(context, step, id, device, (version, &key, remediation), just)?;
    }
    Ok(())
}

/// The same, where nothing of this step is about the order.
pub(in super::super) fn resume(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
) -> Result<(), Stop> {
    go_on(context, step, id, device, None)
}

/// The same, when an order has just ended.
pub(in super::super) fn resume_after(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    ended: &OrderRecord,
) -> Result<(), Stop> {
    go_on(context, step, id, device, Some(ended))
}

/// Where an order stands for another that wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    /// It is not performed, or waits for its proof, and there is time yet.
    Busy,
    /// It has failed, or no proof has come in time: another takes its place.
    Unproved,
    /// It has changed nothing that another would take the place of.
    No,
}

fn under_way(context: &Context<'_>, id: &OrderId, just: Just<'_>) -> Result<UnderWay, Stop> {
    let kept = context.view.order(id)?.map(|(_, record)| record);
    let Some(record) = just.filter(|record| record.order.id == *id).or(kept) else {
        // It is given in this very step.
        return Ok(UnderWay::Busy);
    };
    let (Some(performed), Some(at)) = (&record.performed, record.performed_at) else {
        return Ok(UnderWay::Busy);
    };
    if !record.order.is_change() || record.proved {
        return Ok(UnderWay::No);
    }
    let waited = context.now.duration_since(at).unwrap_or_default();
    let busy = performed.is_complete() && waited < context.policy.proof_within;
    Ok(if busy { UnderWay::Busy } else { UnderWay::Unproved })
}
