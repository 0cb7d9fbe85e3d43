//! Stage 6: what is ordered about a device that is not what it should be, and when that ends.

use super::super::entity::{Device, RolloutState};
use super::super::event::device::DriftKind;
use super::super::id::{BuildId, DeviceId, OrderId};
use super::super::platform::{Action, Order};
use super::order::publish;
use super::{Context, Step, Stop, known_good};
use crate::id::CorrelationId;

/// What is to be done about a device beside keeping it apart, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// Nothing: a person has to look.
    Nothing,
    /// It is to run the last known-good build, if there is one.
    RollBack,
    /// What it runs is to be built anew.
    Rebuild,
}

impl Wanted {
    /// What the guide's "Automated Remediation Actions" and its tables about Zone 2 say of a P1 of this kind.
    pub(super) const fn by(kind: DriftKind) -> Self {
        match kind {
            DriftKind::Files => Self::RollBack,
            DriftKind::Verity => Self::Rebuild,
            DriftKind::RequiredService | DriftKind::UnauthorizedService | DriftKind::Overlay { .. } => {
                Self::Nothing
            }
        }
    }
}

/// What is wanted of an order.
pub(super) struct Remedy<'a> {
    /// Whether the device is to be kept apart, even if it can be rolled back.
    pub(super) hold: bool,
    /// What else is to be done.
    pub(super) remedy: Wanted,
    /// The build whose rollout it leaves by this: it is not rolled back to that one.
    pub(super) leaves: Option<&'a BuildId>,
    /// The incidents that are answered.
    pub(super) incidents: &'a [CorrelationId],
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
    let target = match remedy.remedy {
        Wanted::RollBack => known_good::newest(context, device, remedy.leaves)?,
        Wanted::Nothing | Wanted::Rebuild => None,
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
        None if remedy.remedy == Wanted::Rebuild => {
            format!("{why}: quarantine, and rebuild build {} from its recipe", device.build_id)
        }
        None if remedy.remedy == Wanted::RollBack => {
            format!("{why}: quarantine; no build is known to be good on it, a person has to look")
        }
        None => format!("{why}: quarantine"),
    };
    actions.extend(target.map(|to_build| Action::RollBack { to_build }));
    if remedy.remedy == Wanted::Rebuild {
        actions.push(Action::Rebuild { build: device.build_id.clone() });
    }
    let order_id = OrderId::derived(&context.event.identity(), "remediation");
    let mut order = Order::new(
        order_id.clone(),
        id.clone(),
        device.fleet.clone(),
        device.build_id.clone(),
        actions,
        reason,
    );
    order.incidents.extend(remedy.incidents.iter().map(|incident| incident.as_str().to_owned()));
    order.rollout = remedy.leaves.cloned();
    if remedy.leaves.is_some() {
        device.rollout = None;
    }
    device.order = Some(order_id.clone());
    publish(context, step, order, "ordered");
    Ok(order_id)
}

/// Answers incidents that call for a quarantine: as `remedy` says or, while another order is under way that keeps
/// nothing apart, by a quarantine beside it. Whether something was ordered.
pub(super) fn contain(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    remedy: &Remedy<'_>,
) -> Result<bool, Stop> {
    let Some(under_way) = device.order.clone() else {
        return order(context, step, id, device, remedy).map(|_order| true);
    };
    let holds = |order: &Order| order.actions.contains(&Action::Quarantine);
    let held = context.view.order(&under_way)?.is_some_and(|(_, record)| holds(&record.order));
    if held || device.quarantined {
        return Ok(false);
    }
    let reason = format!("{}: quarantine, beside order {under_way}", remedy.why);
    let order_id = OrderId::derived(&context.event.identity(), "containment");
    let actions = vec![Action::Quarantine];
    let mut order =
        Order::new(order_id, id.clone(), device.fleet.clone(), device.build_id.clone(), actions, reason);
    order.incidents.extend(remedy.incidents.iter().map(|incident| incident.as_str().to_owned()));
    publish(context, step, order, "contained");
    Ok(true)
}

/// The end of a quarantine, after proof or at a person's word; whether it is ordered. A device that proves to be a build whose rollout
/// has failed stays apart: it is as it was built, but what was built is not good.
pub(super) fn release(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &Device,
    incidents: &[CorrelationId],
    why: String,
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
        why,
    );
    order.incidents = incidents.iter().map(|incident| incident.as_str().to_owned()).collect();
    publish(context, step, order, "released");
    Ok(true)
}
