//! P4 (guide, "Incident Priority Matrix"): logged, batched into the daily report.

use std::time::{Duration, SystemTime};

use super::super::entity::{Device, Entity, EntityKey, Fleet, Minor, MinorFinding};
use super::super::event::EventBody;
use super::super::event::fleet::{DAY, DayOver, DayReported};
use super::super::id::DeviceId;
use super::super::state::timer::Timer;
use super::finding::Assessment;
use super::{Context, Step, Stop};

/// Findings that one report lists at most.
const MAX_FINDINGS: usize = 500;

/// Keeps findings that have no incident of their own for the report of the day.
pub(super) fn keep(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &Device,
    causes: &[Assessment],
) -> Result<(), Stop> {
    let minor = causes.iter().filter(|cause| !cause.priority.automation().incident);
    let found: Vec<MinorFinding> = minor
        .flat_map(|cause| &cause.findings)
        .map(|finding| MinorFinding { device: id.clone(), finding: finding.clone() })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let known = context.view.fleet(&device.fleet)?;
    let (version, mut fleet) =
        known.map_or((0, Fleet::default()), |(version, fleet)| (version, fleet.clone()));
    let seconds = context.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let today = seconds / DAY;
    let mut minor = match fleet.minor.take() {
        Some(minor) if minor.day == today => minor,
        earlier => {
            if let Some(minor) = earlier {
                report(context, step, device, minor);
            }
            let over = DayOver { fleet: device.fleet.clone(), day: today };
            let due = SystemTime::UNIX_EPOCH + Duration::from_secs((today + 1).saturating_mul(DAY));
            let name = format!("day:{}", device.fleet);
            step.set_timer(Timer::new(name, due, EventBody::DayOver(Box::new(over))));
            Minor { day: today, findings: Vec::new(), left_out: 0 }
        }
    };
    let before = (minor.findings.len(), minor.left_out);
    for finding in found {
        if minor.findings.contains(&finding) {
            continue;
        }
        if minor.findings.len() < MAX_FINDINGS {
            minor.findings.push(finding);
        } else {
            minor.left_out = minor.left_out.saturating_add(1);
        }
    }
    let is_new = before != (minor.findings.len(), minor.left_out);
    fleet.minor = Some(minor);
    if is_new {
        step.write(EntityKey::Fleet(device.fleet.clone()), version, Entity::Fleet(fleet));
    }
    Ok(())
}

/// The timer of an earlier day was late: what it was to tell is told now.
fn report(context: &Context<'_>, step: &mut Step, device: &Device, minor: Minor) {
    let event = DayReported { fleet: device.fleet.clone(), minor };
    step.publish(context.derived("day", context.now, EventBody::DayReported(Box::new(event))));
}

/// The day is over: its report is told, once.
pub(super) fn over(context: &Context<'_>, body: &DayOver) -> Result<Step, Stop> {
    let Some((version, fleet)) = context.view.fleet(&body.fleet)? else {
        return Ok(context.step(format!("fleet {} is not known any more", body.fleet)));
    };
    let mut fleet = fleet.clone();
    let Some(minor) = fleet.minor.take().filter(|minor| minor.day == body.day) else {
        return Ok(context.step("the report of that day was told before"));
    };
    let mut step = context.step(format!("{} minor finding(s) of fleet {}", minor.findings.len(), body.fleet));
    step.write(EntityKey::Fleet(body.fleet.clone()), version, Entity::Fleet(fleet));
    let event = DayReported { fleet: body.fleet.clone(), minor };
    step.publish(context.derived("day", context.now, EventBody::DayReported(Box::new(event))));
    Ok(step)
}
