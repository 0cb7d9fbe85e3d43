//! Orders to the platform: given, performed, awaited.

use std::time::SystemTime;

use super::super::compliance::Compliance;
use super::super::entity::{Device, Entity, EntityKey, OpenIncident, OrderRecord, timer_name};
use super::super::event::device::{Awaited, ReportOverdue};
use super::super::event::order::{OrderGiven, OrderPerformed};
use super::super::event::{Event, EventBody};
use super::super::id::{DeviceId, EventId, OrderId};
use super::super::platform::{Action, ActionOutcome, Order, Performed};
use super::super::state::commit::Commit;
use super::super::state::timer::Timer;
use super::{Context, Step, Stop, instruction, refuse, rollout};

pub(super) fn publish(context: &Context<'_>, step: &mut Step, order: Order, label: &str) {
    let record = OrderRecord { order: order.clone(), performed: None, performed_at: None, proved: false };
    step.write(EntityKey::Order(order.id.clone()), 0, Entity::Order(record));
    let body = EventBody::OrderGiven(Box::new(OrderGiven::new(order)));
    step.publish(context.derived(label, context.now, body));
}

/// The inbox id under which the end of an order is committed; if it is applied, the act need not be repeated.
#[must_use]
pub fn is_performed_key(ordered: &Event) -> EventId {
    EventId::derived(&ordered.identity(), "performed")
}

/// What to commit when the platform has performed the order of a `order.given` event: the event that
/// tells of it. `None` if the event is another one.
#[must_use]
pub fn performed(ordered: &Event, performed: Performed, now: SystemTime) -> Option<Commit> {
    let EventBody::OrderGiven(body) = &ordered.body else { return None };
    let mut commit = Commit::new(is_performed_key(ordered));
    let told = EventBody::OrderPerformed(Box::new(OrderPerformed::new(body.order.clone(), performed)));
    commit.outbox.push(Event::derived(&ordered.identity(), "performed", now, told));
    Some(commit)
}

/// What becomes of an order that must not be performed any more: the release of a device that by now has an open
/// incident for which, or for whose author, it is to be kept apart. `None` if the order stands.
#[must_use]
pub fn withheld(order: &Order, device: &Device) -> Option<Performed> {
    if !order.actions.contains(&Action::Release) {
        return None;
    }
    let incident = device.held.as_ref().or_else(|| critical(device).map(|open| &open.incident))?;
    let reason = format!("device {} stays apart: incident {incident} is open", order.device);
    Some(failed(order, &reason))
}

/// An order of which nothing could be done, for this reason.
#[must_use]
pub fn failed(order: &Order, reason: &str) -> Performed {
    Performed::new(order.actions.iter().map(|action| ActionOutcome::failed(action.clone(), reason)).collect())
}

/// The open incident for which a device is to be kept apart, if there is one.
pub(super) fn critical(device: &Device) -> Option<&OpenIncident> {
    device.incidents.iter().find(|open| open.priority.automation().quarantine)
}

pub(super) fn outcome(context: &Context<'_>, body: &OrderPerformed) -> Result<Step, Stop> {
    let order = &body.order;
    let Some((order_version, record)) = context.view.order(&order.id)? else {
        return refuse(format!("order {} was never given", order.id));
    };
    let Some((version, device)) = context.view.device(&order.device)? else {
        return refuse(format!("order {} is for the unknown device {}", order.id, order.device));
    };
    let mut device = device.clone();
    if let Some(key) = &order.compromised_key {
        device.compromised_key = Some(*key);
    }
    let mut step = context.step(String::new());
    for done in body.performed.outcomes.iter().filter(|outcome| outcome.is_done()) {
        match &done.act {
            Action::Quarantine => {
                device.quarantined = true;
                device.compliance = Compliance::Quarantined;
            }
            Action::Release => {
                device.quarantined = false;
                if device.compliance == Compliance::Quarantined {
                    device.compliance = Compliance::Unknown;
                }
            }
            Action::RollBack { to_build } => {
                if *to_build != device.build_id {
                    device.supersedes = Some(device.build_id.clone());
                    device.build_id = to_build.clone();
                }
                device.compliance = Compliance::Remediated;
                device.reports_count_from = context.event.time;
                await_proof(context, &mut step, order);
            }
            Action::Rebuild { .. } => {
                device.compliance = Compliance::Remediated;
                device.reports_count_from = context.event.time;
                await_proof(context, &mut step, order);
            }
            // What was reported before the start says nothing about it.
            Action::RestartService { .. } => device.reports_count_from = context.event.time,
            Action::PushDocument { .. } => {
                device.compliance = Compliance::Remediated;
                device.reports_count_from = context.event.time;
            }
            Action::Deploy { build } => rollout::deployed(context, &mut step, order, build)?,
        }
    }
    let ended = OrderRecord {
        performed: Some(body.performed.clone()),
        performed_at: Some(context.event.time),
        ..record.clone()
    };
    step.write(EntityKey::Order(order.id.clone()), order_version, Entity::Order(ended.clone()));
    failures(context, &mut step, body, &mut device);
    instruction::performed(context, &mut step, order, &body.performed, &mut device)?;
    instruction::resume_after(context, &mut step, &order.device, &mut device, &ended)?;
    step.remark = if body.performed.is_complete() {
        format!("order {} for device {} is performed", order.id, order.device)
    } else {
        format!(
            "order {} for device {} could not be performed in full: a person has to look",
            order.id, order.device
        )
    };
    step.write(EntityKey::Device(order.device.clone()), version, Entity::Device(device));
    Ok(step)
}

/// What follows from what could not be done.
fn failures(context: &Context<'_>, step: &mut Step, body: &OrderPerformed, device: &mut Device) {
    let (order, performed) = (&body.order, &body.performed);
    for failed in performed.outcomes.iter().filter(|outcome| !outcome.is_done()) {
        match &failed.act {
            Action::Deploy { build } => {
                rollout::not_deployed(context, step, &order.device, device, build, &failed.to_string());
                if device.order.as_ref() == Some(&order.id) {
                    device.order = None;
                }
            }
            // What can't be rolled back is held.
            Action::RollBack { .. } if !order.actions.contains(&Action::Quarantine) => {
                hold(context, step, &order.device, device, order, &failed.to_string());
            }
            _ => {}
        }
    }
}

fn hold(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    failed: &Order,
    why: &str,
) {
    let order_id = OrderId::derived(&context.event.identity(), "hold");
    let mut order = Order::new(
        order_id.clone(),
        id.clone(),
        device.fleet.clone(),
        device.build_id.clone(),
        vec![Action::Quarantine],
        format!("{why}: quarantine, a person has to look"),
    );
    order.incidents.clone_from(&failed.incidents);
    order.rollout.clone_from(&failed.rollout);
    device.order = Some(order_id);
    publish(context, step, order, "held");
}

fn await_proof(context: &Context<'_>, step: &mut Step, order: &Order) {
    let Some(due) = context.now.checked_add(context.policy.proof_within) else { return };
    let awaited = Awaited::Proof { order: order.id.clone() };
    let build_id = order.rolls_back_to().unwrap_or(&order.build_id).clone();
    step.set_timer(Timer::new(
        timer_name(&order.device, &awaited),
        due,
        EventBody::ReportOverdue(Box::new(ReportOverdue {
            device: order.device.clone(),
            build_id,
            awaited,
            since: context.event.time,
        })),
    ));
}
