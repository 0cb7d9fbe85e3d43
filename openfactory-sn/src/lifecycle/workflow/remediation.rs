//! Stage 6: what is ordered about a device that is not what it should be, and when that ends.

use super::super::entity::{Device, RolloutState};
use super::super::id::{BuildId, DeviceId, OrderId};
use super::super::platform::{Action, Order};
use super::order::publish;
use super::{Context, Step, Stop, known_good};
use crate::id::CorrelationId;

/// What is wanted of an order.
pub(super) struct Remedy<'a> {
    /// Whether the device is to be kept apart, even if it can be rolled back.
    pub(super) hold: bool,
    /// Whether it is to be rolled back, if it can.
    pub(super) roll_back: bool,
    /// The build whose rollout it leaves by this: it is not rolled back to that one.
    pub(super) leaves: Option<&'a BuildId>,
    /// The incident that is answered.
    pub(super) incident: Option<&'a CorrelationId>,
    /// What has happened.
    pub(super) why: &'a str,
}

/// Orders a quarantine, and a roll back to the last known-good build if that is wanted and there is one. Where
/// there is none the device is held, wanted or not.
pub(super) fn order(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    remedy: &Remedy<'_>,
) -> Result<OrderId, Stop> {
    let target = match remedy.roll_back {
        true => known_good::newest(context, device, remedy.leaves)?,
        false => None,
    };
    let mut actions = Vec::new();
    if remedy.hold || target.is_none() {
        actions.push(Action::Quarantine);
    }
    let why = remedy.why;
    let reason = match &target {
        Some(build) if remedy.hold => {
            format!("{why}: quarantine, and roll back to build {build}, the last known to be good on it")
        }
        Some(build) => format!("{why}: roll back to build {build}, the last known to be good on it"),
        None if remedy.roll_back => {
            format!("{why}: quarantine; no build is known to be good on it, a person has to look")
        }
        None => format!("{why}: quarantine"),
    };
    actions.extend(target.map(|to_build| Action::RollBack { to_build }));
    let order_id = OrderId::derived(&context.event.identity(), "remediation");
    let mut order = Order::new(
        order_id.clone(),
        id.clone(),
        device.fleet.clone(),
        device.build_id.clone(),
        actions,
        reason,
    );
    order.incidents.extend(remedy.incident.map(|incident| incident.as_str().to_owned()));
    order.rollout = remedy.leaves.cloned();
    if remedy.leaves.is_some() {
        device.rollout = None;
    }
    device.order = Some(order_id.clone());
    publish(context, step, order, "ordered");
    Ok(order_id)
}

/// The end of a quarantine, after proof; whether it is ordered. A device that proves to be a build whose rollout
/// has failed stays apart: it is as it was built, but what was built is not good.
pub(super) fn release(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &Device,
    incidents: &[CorrelationId],
) -> Result<bool, Stop> {
    let rollout = context.view.rollout(&device.build_id)?;
    if rollout.is_some_and(|(_, rollout)| matches!(rollout.state, RolloutState::Failed { .. })) {
        return Ok(false);
    }
    let order_id = OrderId::derived(&context.event.identity(), "release");
    let mut order = Order::new(
        order_id,
        id.clone(),
        device.fleet.clone(),
        device.build_id.clone(),
        vec![Action::Release],
        format!("device {id} proved that it is build {}", device.build_id),
    );
    order.incidents = incidents.iter().map(|incident| incident.as_str().to_owned()).collect();
    publish(context, step, order, "released");
    Ok(true)
}
