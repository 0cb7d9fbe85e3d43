//! A rollout in the lane of one device: assigned, deployed, looked at, withdrawn.

use std::time::SystemTime;

use super::super::super::entity::{Device, Entity, EntityKey, Rollout, RolloutState, Standing};
use super::super::super::event::EventBody;
use super::super::super::event::device::{Deployment, DeviceDeployed};
use super::super::super::event::rollout::{DeviceAssigned, DeviceChecked, DeviceWithdrawn};
use super::super::super::id::{BuildId, DeviceId, OrderId};
use super::super::super::platform::{Action, Order};
use super::super::super::timestamp;
use super::super::order::publish;
use super::super::remediation::{self, Remedy, Wanted};
use super::super::{Context, Step, Stop, refuse};

/// The device is to run the build. It is ordered at once, unless the device has to prove itself first.
pub(in super::super) fn assigned(context: &Context<'_>, body: &DeviceAssigned) -> Result<Step, Stop> {
    let (id, build) = (&body.device, &body.build_id);
    if under_way(context, build)?.is_none() {
        return Ok(context.step(format!("the rollout of build {build} has ended")));
    }
    let mut step = context.step(String::new());
    let (version, mut device) = match context.view.device(id)? {
        None => (0, Device::new(body.fleet.clone(), body.build_id.clone(), timestamp::truncate(context.now))),
        Some((version, known)) => (version, known.clone()),
    };
    if let Some(other) = device.rollout.clone().filter(|other| other != build)
        && under_way(context, &other)?.is_some()
    {
        let fault = format!("it takes part in the rollout of build {other}");
        tell(context, &mut step, id, build, context.now, vec![fault.clone()], Some(End::NotDeployed));
        step.remark = format!("device {id} is not deployed: {fault}");
        return Ok(step);
    }
    device.rollout = Some(build.clone());
    step.remark = if version > 0 && device.build_id == *build {
        format!("device {id} runs build {build} already: its reports count from now on")
    } else if device.order.is_some() || device.quarantined {
        format!("device {id} has to prove itself before build {build} is deployed to it")
    } else {
        deploy(context, &mut step, id, &mut device, build);
        format!("device {id} is to run build {build}")
    };
    step.write(EntityKey::Device(id.clone()), version, Entity::Device(device));
    Ok(step)
}

fn deploy(context: &Context<'_>, step: &mut Step, id: &DeviceId, device: &mut Device, build: &BuildId) {
    let order_id = OrderId::derived(&context.event.identity(), "deploy");
    let mut order = Order::new(
        order_id.clone(),
        id.clone(),
        device.fleet.clone(),
        device.build_id.clone(),
        vec![Action::Deploy { build: build.clone() }],
        format!("the rollout of build {build} has come to device {id}"),
    );
    order.rollout = Some(build.clone());
    device.order = Some(order_id);
    publish(context, step, order, "deploy");
}

/// What a device that had to prove itself first has waited for: the deployment, or the way back. Whether there was
/// something.
pub(in super::super) fn after_proof(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
) -> Result<bool, Stop> {
    let Some(build) = device.rollout.clone() else { return Ok(false) };
    let runs_it = build == device.build_id;
    match context.view.rollout(&build)?.map(|(_, rollout)| &rollout.state) {
        Some(RolloutState::Running { .. } | RolloutState::Passed { .. }) => {
            let may = !runs_it && !device.quarantined;
            if may {
                deploy(context, step, id, device, &build);
            }
            Ok(may)
        }
        Some(RolloutState::Failed { reason, .. }) if runs_it => {
            withdraw(context, step, id, device, &build, reason)?;
            Ok(true)
        }
        _ => {
            device.rollout = None;
            Ok(false)
        }
    }
}

/// The platform has deployed the build: publishes the deployment, with what the rollout's request says of it. The
/// device counts as running the build once that is handled.
pub(in super::super) fn deployed(
    context: &Context<'_>,
    step: &mut Step,
    order: &Order,
    build: &BuildId,
) -> Result<(), Stop> {
    let Some((_, rollout)) = context.view.rollout(build)? else {
        return refuse(format!("order {} deploys build {build}, which has no rollout", order.id));
    };
    let image = rollout.image.clone();
    let mut body = DeviceDeployed::new(Deployment {
        device: order.device.clone(),
        serial: rollout.devices.get(&order.device).map_or_else(String::new, |member| member.serial.clone()),
        fleet: rollout.fleet.clone(),
        build_id: build.clone(),
        base_image: image.base_image,
        base_version: image.base_version,
        os_version: image.os_version,
        distribution: image.distribution,
        recipe_hash: image.recipe_hash,
        root_hash: image.root_hash,
        document_digest: image.document_digest,
    });
    body.features = image.features;
    body.security_level = image.security_level;
    let body = EventBody::DeviceDeployed(Box::new(body));
    step.publish(context.derived("deployed", context.event.time, body));
    Ok(())
}

/// The platform could not deploy the build.
pub(in super::super) fn not_deployed(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    build: &BuildId,
    why: &str,
) {
    if device.rollout.as_ref() == Some(build) {
        device.rollout = None;
    }
    tell(context, step, id, build, context.event.time, vec![why.to_owned()], Some(End::NotDeployed));
}

/// A deployment that was ordered before the rollout failed, and came after it: the device goes back at once.
pub(in super::super) fn deployed_too_late(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
) -> Result<(), Stop> {
    let build = device.build_id.clone();
    if under_way(context, &build)?.is_none() {
        let why = format!("the rollout of build {build} had failed when it was deployed to device {id}");
        withdraw(context, step, id, device, &build, &why)?;
    }
    Ok(())
}

/// The build whose rollout watches the device's reports, if one does: the device runs it, and the rollout is
/// under way. A rollout that has ended is forgotten, unless an order has to be proved first.
pub(in super::super) fn watched(
    context: &Context<'_>,
    id: &DeviceId,
    device: &mut Device,
) -> Result<Option<BuildId>, Stop> {
    let Some(build) = device.rollout.clone() else { return Ok(None) };
    match under_way(context, &build)? {
        Some(rollout) if rollout.devices.contains_key(id) => {
            Ok(Some(build).filter(|build| *build == device.build_id))
        }
        _ => {
            if device.order.is_none() {
                device.rollout = None;
            }
            Ok(None)
        }
    }
}

/// Tells the rollout what a report says of the device's health, if that is news to it.
pub(in super::super) fn reported(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    build: &BuildId,
    reported_at: SystemTime,
    faults: Vec<String>,
    order: Option<OrderId>,
) -> Result<(), Stop> {
    let has_passed = under_way(context, build)?
        .and_then(|rollout| rollout.devices.get(id))
        .is_some_and(|member| member.standing == Standing::Passed);
    if !(faults.is_empty() && has_passed) {
        // A device whose clock is ahead does not soak faster.
        let at = reported_at.min(timestamp::truncate(context.now));
        tell(context, step, id, build, at, faults, order.map(End::GoesBack));
    }
    Ok(())
}

/// What the device's own lane has done about its part in the rollout.
#[derive(Debug, PartialEq, Eq)]
enum End {
    GoesBack(OrderId),
    NotDeployed,
}

fn tell(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    build: &BuildId,
    at: SystemTime,
    faults: Vec<String>,
    end: Option<End>,
) {
    let body = DeviceChecked {
        device: id.clone(),
        build_id: build.clone(),
        at: timestamp::truncate(at),
        faults,
        not_deployed: end == Some(End::NotDeployed),
        order: match end {
            Some(End::GoesBack(order)) => Some(order),
            Some(End::NotDeployed) | None => None,
        },
    };
    step.publish(context.derived("checked", context.now, EventBody::RolloutDeviceChecked(Box::new(body))));
}

/// The rollout has failed: the device leaves the build, if it runs it.
pub(in super::super) fn withdrawn(context: &Context<'_>, body: &DeviceWithdrawn) -> Result<Step, Stop> {
    let (id, build) = (&body.device, &body.build_id);
    let Some((version, known)) = context.view.device(id)? else {
        return Ok(context.step(format!("device {id} is not known")));
    };
    let mut device = known.clone();
    let mut step = context.step(String::new());
    let order = match &known.order {
        None => None,
        Some(order) => context.view.order(order)?.map(|(_, record)| &record.order),
    };
    step.remark = if order.is_some_and(|order| order.deploys() == Some(build)) {
        format!("device {id} goes back as soon as build {build}, which is under way, is deployed to it")
    } else if known.build_id != *build {
        device.rollout = None;
        format!("device {id} does not run build {build}")
    } else if let Some(order) = order {
        device.rollout = Some(build.clone());
        format!("device {id} leaves build {build} when order {} is proved", order.id)
    } else {
        withdraw(context, &mut step, id, &mut device, build, &body.reason)?;
        format!("device {id} is to leave build {build}")
    };
    step.write(EntityKey::Device(id.clone()), version, Entity::Device(device));
    Ok(step)
}

fn withdraw(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    build: &BuildId,
    why: &str,
) -> Result<(), Stop> {
    let remedy = Remedy { hold: false, remedy: Wanted::RollBack, leaves: Some(build), incidents: &[], why };
    remediation::order(context, step, id, device, &remedy).map(|_order| ())
}

fn under_way<'a>(context: &Context<'a>, build: &BuildId) -> Result<Option<&'a Rollout>, Stop> {
    let rollout = context.view.rollout(build)?.map(|(_, rollout)| rollout);
    Ok(rollout.filter(|rollout| rollout.is_under_way()))
}
