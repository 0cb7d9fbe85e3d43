//! Time limits of the response to a compromised key: timers that are set and stopped with its phases, and what is told
//! when one of them ends too early.

use std::time::SystemTime;

use openfactory_attest::key::KeyId;

use super::super::entity::compromise::{Compromise, CompromiseStage};
use super::super::event::EventBody;
use super::super::event::deadline::{Deadline, DeadlineReached, ResponseLate};
use super::super::state::timer::Timer;
use super::{Context, Step, Stop};

/// Those that run from the detection.
const FROM_DETECTION: [Deadline; 3] = [Deadline::Contained, Deadline::Assessed, Deadline::Remediated];
/// Those that run from the start of phase 4.
const FROM_RECOVERY: [Deadline; 2] = [Deadline::MostConverged, Deadline::Converged];

fn timer_name(key: &KeyId, deadline: Deadline) -> String {
    let word = match deadline {
        Deadline::Contained => "contained",
        Deadline::Assessed => "assessed",
        Deadline::Remediated => "remediated",
        Deadline::MostConverged => "most-converged",
        Deadline::Converged => "converged",
    };
    format!("compromise:{key}:{word}")
}

fn set(step: &mut Step, key: &KeyId, deadlines: &[Deadline], from: SystemTime) {
    for deadline in deadlines {
        let Some(due) = from.checked_add(deadline.within()) else { continue };
        let body = DeadlineReached { key_id: *key, deadline: *deadline };
        let body = EventBody::DeadlineReached(Box::new(body));
        step.set_timer(Timer::new(timer_name(key, *deadline), due, body));
    }
}

fn stop(step: &mut Step, key: &KeyId, deadlines: &[Deadline]) {
    deadlines.iter().for_each(|deadline| step.cancel_timer(timer_name(key, *deadline)));
}

/// The clocks of the first three phases start.
pub(super) fn detected(step: &mut Step, compromise: &Compromise) {
    set(step, &compromise.key.key_id, &FROM_DETECTION, compromise.detected_at);
}

/// The clocks of what was done since stop, and phase 4 begins once all that can be is signed anew.
pub(super) fn went_on(context: &Context<'_>, step: &mut Step, compromise: &mut Compromise) {
    let key = compromise.key.key_id;
    match compromise.stage {
        CompromiseStage::Containing => {}
        CompromiseStage::Remediating => {
            stop(step, &key, &[Deadline::Contained, Deadline::Assessed]);
            if compromise.is_remediated() && compromise.recovering_since.is_none() {
                compromise.recovering_since = Some(context.now);
                stop(step, &key, &[Deadline::Remediated]);
                set(step, &key, &FROM_RECOVERY, context.now);
            }
        }
        CompromiseStage::Recovered => stop(step, &key, &Deadline::ALL),
    }
}

/// A deadline is here: what is not done by now is told.
pub(super) fn reached(context: &Context<'_>, body: &DeadlineReached) -> Result<Step, Stop> {
    let DeadlineReached { key_id, deadline } = body;
    let Some((_, compromise)) = context.view.compromise(key_id)? else {
        return Ok(context.step(format!("key {key_id} is not known to be compromised any more")));
    };
    let Some(reason) = missed(compromise, *deadline) else {
        return Ok(context.step(format!("the compromise of key {key_id} was {deadline} in time")));
    };
    let mut step = context.step(format!("told to a person: {reason}"));
    let waits_for = if FROM_RECOVERY.contains(deadline) {
        compromise.devices.difference(&compromise.converged).cloned().collect()
    } else {
        Vec::new()
    };
    let late = ResponseLate {
        key_id: *key_id,
        incident: compromise.incident.clone(),
        deadline: *deadline,
        reason,
        waits_for,
    };
    step.publish(context.derived("late", context.now, EventBody::ResponseLate(Box::new(late))));
    Ok(step)
}

/// What is not done that should be; `None` if all is.
fn missed(compromise: &Compromise, deadline: Deadline) -> Option<String> {
    let contained = compromise.stage != CompromiseStage::Containing;
    let (devices, converged) =
        (compromise.devices.len(), compromise.devices.intersection(&compromise.converged).count());
    match deadline {
        _ if compromise.stage == CompromiseStage::Recovered => None,
        Deadline::Contained | Deadline::Assessed if contained => None,
        Deadline::Contained => Some("The vault has not revoked the key.".to_owned()),
        Deadline::Assessed => Some("What the key touched is not known.".to_owned()),
        Deadline::Remediated if compromise.is_remediated() => None,
        Deadline::Remediated => {
            let builds: Vec<&str> = compromise.to_resign().map(|build| build.as_str()).collect();
            Some(match builds.as_slice() {
                [] => "The vault has not revoked the key.".to_owned(),
                builds => format!("Not signed anew: {}.", builds.join(", ")),
            })
        }
        Deadline::MostConverged | Deadline::Converged if converged >= deadline.needs(devices) => None,
        Deadline::MostConverged | Deadline::Converged => {
            Some(format!("{converged} of {devices} devices have proved themselves without the key."))
        }
    }
}
