//! Stage 6, "Bidirectional Sync": what a person writes into the field of an incident is done to its device.
//!
//! The hint names the incident, nothing more: the record is read. Who wrote the instruction, and when, the instance
//! itself records beside it; both are part of the instruction's identity. So it is begun once, however often and in
//! which order hints come, and whatever we write on the incident meanwhile.

mod begin;
mod machine;

pub(super) use self::begin::{resume, resume_after};
use self::machine::{Change, Input, next};
use super::super::correlation;
use super::super::entity::{
    Device, Entity, EntityKey, Instruction, OrderRecord, Remediation, RemediationState,
};
use super::super::event::EventBody;
use super::super::event::incident::DeviceEscalated;
use super::super::event::remediation::RemediationChanged;
use super::super::id::{DeviceId, EventId, OrderId, hashed};
use super::super::platform::{Order, Performed};
use super::view::Observed;
use super::{Context, Step, Stop};
use crate::id::{CorrelationId, SysId};

/// The longest name of a user that is taken, in bytes.
const MAX_USER: usize = 100;

/// What an incident's field says.
struct Written<'a> {
    instruction: Instruction,
    by: &'a str,
    at: &'a str,
}

/// Reads the field; `Err` says why nothing in it can be followed.
fn written<'a>(context: &Context<'_>, record: &'a Observed) -> Result<Option<Written<'a>>, String> {
    let policy = context.policy;
    let (Some(field), Some(by), Some(at)) =
        (&policy.instruction_column, &policy.instructed_by_column, &policy.instructed_at_column)
    else {
        return Ok(None);
    };
    let raw = record.text(field);
    if raw.is_empty() {
        return Ok(None);
    }
    let Some(instruction) = Instruction::from_raw(raw) else {
        let raw: String = raw.chars().take(40).collect();
        return Err(format!("{raw:?} is no instruction"));
    };
    let (by, at) = (record.text(by), record.text(at));
    if by.is_empty() || by.len() > MAX_USER || at.is_empty() {
        return Err(format!("the instance does not say who instructed the {instruction}, or when"));
    }
    Ok(Some(Written { instruction, by, at }))
}

/// The order by which an instruction is carried out, and the key under which it is remembered.
fn key_of(context: &Context<'_>, order: &OrderId) -> SysId {
    SysId::derived(&context.policy.change_request_table, &correlation::order_change(order))
}

/// What follows from what stands in the incident's field now. What was done, in words.
pub(super) fn instructed(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    incident: &CorrelationId,
    record: &Observed,
) -> Result<String, Stop> {
    let written = match written(context, record) {
        Ok(Some(written)) => written,
        Ok(None) => return withdrawn(context, step, device, incident),
        Err(reason) => return Ok(reason),
    };
    let Written { instruction, by, at } = written;
    let name = hashed("instruction", &[record.sys_id.as_str(), instruction.as_str(), by, at]);
    let order = OrderId::derived(&EventId::from_hash(name), "instructed");
    let key = key_of(context, &order);
    if context.view.remediation(&key)?.is_some() {
        // Known. If it waits for another order, that may have ended by now.
        resume(context, step, id, device)?;
        return Ok(format!("the {instruction} that {by} instructed is known"));
    }
    let mut remediation = Remediation {
        incident: incident.clone(),
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        instruction,
        by: by.to_owned(),
        order,
        waits: false,
        state: RemediationState::Waiting,
        since: context.now,
    };
    if let Some(reason) = no_right(context, device, &remediation) {
        remediation.state = RemediationState::Dropped { reason };
        return Ok(store(context, step, 0, &key, remediation, None, None));
    }
    replace(context, step, device, &format!("a {instruction} by {by}"))?;
    if context.policy.instructions_that_wait.contains(&instruction) {
        let proposed = match begin::proposal(context, id, device, &remediation)? {
            Ok(proposed) => proposed,
            Err(reason) => {
                remediation.state = RemediationState::Dropped { reason };
                return Ok(store(context, step, 0, &key, remediation, None, None));
            }
        };
        device.instructed = Some(key.clone());
        remediation.waits = true;
        return Ok(store(context, step, 0, &key, remediation, Some(proposed), None));
    }
    begin::begin(context, step, id, device, (0, &key, remediation), None)
}

/// Why the instruction does not count.
fn no_right(context: &Context<'_>, device: &Device, remediation: &Remediation) -> Option<String> {
    let by = &remediation.by;
    if *by == context.policy.own_user {
        return Some(format!("{by} is the integration's own user"));
    }
    if !context.policy.instructors.contains(by) {
        return Some(format!("{by} is not among those whose instructions count"));
    }
    let open = device.incidents.iter().any(|open| open.incident == remediation.incident);
    (!open).then(|| "the incident is over: the device has proved itself, or it was closed".to_owned())
}

/// The field is empty: an instruction of this incident that has not begun is withdrawn.
fn withdrawn(
    context: &Context<'_>,
    step: &mut Step,
    device: &mut Device,
    incident: &CorrelationId,
) -> Result<String, Stop> {
    let said = give_up(context, step, device, Input::Withdrawn, Some(incident))?;
    Ok(said.unwrap_or_else(|| "the incident has no instruction".to_owned()))
}

fn replace(context: &Context<'_>, step: &mut Step, device: &mut Device, by: &str) -> Result<(), Stop> {
    give_up(context, step, device, Input::Replaced { by }, None).map(|_said| ())
}

/// A person has closed the incident: what was instructed on it and has not begun, is not done.
pub(super) fn closed(
    context: &Context<'_>,
    step: &mut Step,
    device: &mut Device,
    incident: &CorrelationId,
) -> Result<(), Stop> {
    give_up(context, step, device, Input::Closed, Some(incident)).map(|_said| ())
}

/// The device has proved itself: what has not begun need not.
pub(super) fn needless(context: &Context<'_>, step: &mut Step, device: &mut Device) -> Result<(), Stop> {
    give_up(context, step, device, Input::Proved, None).map(|_said| ())
}

/// Has what waits take an input that ends it; only if it is of this incident, where one is named.
fn give_up(
    context: &Context<'_>,
    step: &mut Step,
    device: &mut Device,
    input: Input<'_>,
    of: Option<&CorrelationId>,
) -> Result<Option<String>, Stop> {
    let Some(key) = device.instructed.clone() else { return Ok(None) };
    let Some((version, known)) = context.view.remediation(&key)? else { return Ok(None) };
    if of.is_some_and(|incident| *incident != known.incident) {
        return Ok(None);
    }
    let mut remediation = known.clone();
    device.instructed = None;
    if next(&mut remediation.state, input) == Change::None {
        return Ok(None);
    }
    Ok(Some(store(context, step, version, &key, remediation, None, None)))
}

/// A change request that an instruction waits for was read: whether it may begin.
pub(super) fn decided(
    context: &Context<'_>,
    key: &SysId,
    version: u64,
    known: &Remediation,
    rejected: Option<&str>,
) -> Result<Step, Stop> {
    let mut step = context.step(String::new());
    let Some((device_version, device)) = context.view.device(&known.device)? else {
        return Ok(context.step(format!("device {} is not known any more", known.device)));
    };
    let (id, mut device) = (known.device.clone(), device.clone());
    let mut remediation = known.clone();
    let input = rejected.map_or(Input::Approved, |why| Input::Rejected { why });
    step.remark = match next(&mut remediation.state, input) {
        Change::None => format!("the {} of device {id} does not wait for it any more", known.instruction),
        Change::Begin => {
            begin::begin(context, &mut step, &id, &mut device, (version, key, remediation), None)?
        }
        Change::Moved | Change::Escalate => {
            device.instructed = None;
            store(context, &mut step, version, key, remediation, None, None)
        }
    };
    step.write(EntityKey::Device(id), device_version, Entity::Device(device));
    Ok(step)
}

/// The platform has ended an order that carries out an instruction.
pub(super) fn performed(
    context: &Context<'_>,
    step: &mut Step,
    order: &Order,
    ended: &Performed,
    device: &mut Device,
) -> Result<(), Stop> {
    let failed: Vec<String> =
        ended.outcomes.iter().filter(|outcome| !outcome.is_done()).map(ToString::to_string).collect();
    let why = failed.join("; ");
    let input = if failed.is_empty() { Input::Performed } else { Input::Failed { why: &why } };
    let holds = !order.is_change();
    if holds && !failed.is_empty() {
        device.held = None;
    }
    go_on(context, step, order, input, holds)
}

/// A report has proved an order that carries out an instruction.
pub(super) fn proved(context: &Context<'_>, step: &mut Step, order: &Order) -> Result<(), Stop> {
    go_on(context, step, order, Input::Proved, false)
}

/// No report has proved an order in time.
pub(super) fn overdue(context: &Context<'_>, step: &mut Step, record: &OrderRecord) -> Result<(), Stop> {
    go_on(context, step, &record.order, Input::Overdue, false)
}

/// Has the instruction that an order carries out take an input. A quarantine is what it should be as soon as it is in
/// force.
fn go_on(
    context: &Context<'_>,
    step: &mut Step,
    order: &Order,
    input: Input<'_>,
    holds: bool,
) -> Result<(), Stop> {
    if order.instructed_by.is_none() {
        return Ok(());
    }
    let key = key_of(context, &order.id);
    let Some((version, known)) = context.view.remediation(&key)? else { return Ok(()) };
    let mut remediation = known.clone();
    match next(&mut remediation.state, input) {
        Change::None | Change::Begin => {}
        Change::Moved => {
            if holds {
                next(&mut remediation.state, Input::Proved);
            }
            remediation.since = context.now;
            step.write(EntityKey::Remediation(key), version, Entity::Remediation(Box::new(remediation)));
        }
        Change::Escalate => {
            let RemediationState::Failed { reason } = &remediation.state else { return Ok(()) };
            let event = DeviceEscalated {
                device: remediation.device.clone(),
                fleet: remediation.fleet.clone(),
                build_id: remediation.build_id.clone(),
                incident: Some(remediation.incident.clone()),
                reason: format!(
                    "The {} that {} instructed has failed: {reason}. It is not tried again.",
                    remediation.instruction, remediation.by
                ),
            };
            step.publish(context.derived(
                "instruction escalated",
                context.now,
                EventBody::DeviceEscalated(Box::new(event)),
            ));
            store(context, step, version, &key, remediation, None, None);
        }
    }
    Ok(())
}

/// Keeps the instruction as it is now, and tells of it. What it is, in words.
fn store(
    context: &Context<'_>,
    step: &mut Step,
    version: u64,
    key: &SysId,
    mut remediation: Remediation,
    proposed: Option<Order>,
    supersedes: Option<OrderId>,
) -> String {
    remediation.since = context.now;
    let said = in_words(&remediation);
    step.write(
        EntityKey::Remediation(key.clone()),
        version,
        Entity::Remediation(Box::new(remediation.clone())),
    );
    let label = format!("instruction {key}");
    let event = RemediationChanged { remediation, proposed, supersedes };
    step.publish(context.derived(&label, context.now, EventBody::RemediationChanged(Box::new(event))));
    said
}

/// How an instruction stands, for a person.
fn in_words(remediation: &Remediation) -> String {
    let Remediation { device, instruction, by, state, .. } = remediation;
    let how = match state {
        RemediationState::Waiting => "waits for its approval".to_owned(),
        RemediationState::Queued => "waits for the order that is under way".to_owned(),
        RemediationState::Ordered => "is ordered".to_owned(),
        RemediationState::Performed => "is performed".to_owned(),
        RemediationState::Done => "is done".to_owned(),
        RemediationState::Failed { reason } => format!("has failed: {reason}"),
        RemediationState::Dropped { reason } => format!("is not done: {reason}"),
    };
    format!("the {instruction} of device {device} that {by} instructed {how}")
}
