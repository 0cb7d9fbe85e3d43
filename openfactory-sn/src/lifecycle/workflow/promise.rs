//! Times to respond and to resolve (guide, "Incident Priority Matrix"): each ends by itself, and what was not kept is told.

use std::time::Duration;

use super::super::event::EventBody;
use super::super::event::incident::{DeviceEscalated, IncidentOverdue, Promise};
use super::super::id::DeviceId;
use super::super::priority::Priority;
use super::super::state::timer::Timer;
use super::view::Observed;
use super::{Context, Step, Stop};
use crate::id::{CorrelationId, SysId};
use crate::models::incident::State;

fn timer_name(incident: &CorrelationId, promise: Promise) -> String {
    let word = match promise {
        Promise::Respond => "respond",
        Promise::Resolve => "resolve",
    };
    format!("{word}:{incident}")
}

/// How long it is good for.
const fn within(promise: Promise, priority: Priority) -> Duration {
    match promise {
        Promise::Respond => priority.respond_within(),
        Promise::Resolve => priority.resolve_within(),
    }
}

/// Stops the clocks of incidents that are over.
pub(super) fn over(step: &mut Step, incidents: &[CorrelationId]) {
    for incident in incidents {
        Promise::ALL.into_iter().for_each(|promise| step.cancel_timer(timer_name(incident, promise)));
    }
}

/// Starts the clocks of an incident that is being opened.
pub(super) fn give(
    context: &Context<'_>,
    step: &mut Step,
    device: &DeviceId,
    incident: &CorrelationId,
    priority: Priority,
) {
    for promise in Promise::ALL {
        let Some(due) = context.now.checked_add(within(promise, priority)) else { continue };
        let overdue =
            IncidentOverdue { device: device.clone(), incident: incident.clone(), priority, promise };
        let body = EventBody::IncidentOverdue(Box::new(overdue));
        step.set_timer(Timer::new(timer_name(incident, promise), due, body));
    }
}

/// The time is over: the record tells whether the promise was kept.
pub(super) fn overdue(context: &Context<'_>, body: &IncidentOverdue) -> Result<Step, Stop> {
    let IncidentOverdue { device: id, incident, priority, promise } = body;
    let Some((_, device)) = context.view.device(id)? else {
        return Ok(context.step(format!("device {id} is not known any more")));
    };
    if device.incidents.iter().all(|open| open.incident != *incident) {
        return Ok(context.step(format!("incident {incident} is over")));
    }
    let table = &context.policy.incident_table;
    let record = context.view.record(table, &SysId::derived(table, incident))?;
    if record.fields.is_none() {
        return Ok(
            context.step(format!("incident {incident} can not be read: whether it is late is not known"))
        );
    }
    if is_kept(*promise, record) {
        return Ok(context.step(format!("incident {incident} was looked after in time")));
    }
    let what = match promise {
        Promise::Respond => "responded to",
        Promise::Resolve => "resolved",
    };
    let reason = format!(
        "Incident {} ({priority}) was not {what} within {} min.",
        record.text("number"),
        within(*promise, *priority).as_secs() / 60
    );
    let mut step = context.step(format!("told to a person: {reason}"));
    let event = DeviceEscalated {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        incident: Some(incident.clone()),
        reason,
    };
    step.publish(context.derived("late", context.now, EventBody::DeviceEscalated(Box::new(event))));
    Ok(step)
}

fn is_kept(promise: Promise, record: &Observed) -> bool {
    let state = State::from_raw(record.text("state"));
    match promise {
        Promise::Respond => state != State::New || !record.text("assigned_to").is_empty(),
        Promise::Resolve => matches!(state, State::Resolved | State::Closed | State::Canceled),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_keeps_a_promise() {
        for (promise, state, user, kept) in [
            (Promise::Respond, "1", "", false),
            (Promise::Respond, "1", "u-1", true),
            (Promise::Respond, "2", "", true),
            (Promise::Respond, "6", "", true),
            (Promise::Resolve, "1", "u-1", false),
            (Promise::Resolve, "2", "u-1", false),
            (Promise::Resolve, "3", "", false),
            (Promise::Resolve, "42", "", false),
            (Promise::Resolve, "6", "", true),
            (Promise::Resolve, "7", "", true),
            (Promise::Resolve, "8", "", true),
        ] {
            let fields = [("state", state), ("assigned_to", user)];
            let fields = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).into();
            let record =
                Observed::found("incident", SysId::new("a").unwrap(), SystemTime::UNIX_EPOCH, fields);
            assert_eq!(is_kept(promise, &record), kept, "{promise:?} {state} {user:?}");
        }
    }
}
