//! Stage 5: a device's report against what was built; Stage 6 begins where they differ.

use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;
use openfactory_attest::report::DeviceReport;

use super::super::compliance::Compliance;
use super::super::correlation;
use super::super::entity::{BuildStage, Device, Entity, EntityKey, OpenIncident, OrderRecord, timer_name};
use super::super::event::EventBody;
use super::super::event::device::{
    Awaited, DeviceComplied, DeviceDrifted, DeviceReported, DeviceUnattested, ProvedOrder, Unattested,
};
use super::super::event::key::DeviceConverged;
use super::super::id::{BuildId, DeviceId};
use super::super::priority::Priority;
use super::super::timestamp;
use super::deployment::await_report;
use super::finding::{Assessment, assess};
use super::remediation::{Remedy, order, release};
use super::rollout::Health;
use super::{Context, Step, Stop, refuse, rollout};
use crate::id::CorrelationId;

/// Incidents that one device has open at most; further causes are then logged only.
const MAX_OPEN_INCIDENTS: usize = 16;
/// Builds that a device is known to have run well; older ones are forgotten.
const MAX_KNOWN_GOOD: usize = 8;

pub(super) fn reported(context: &Context<'_>, body: &DeviceReported) -> Result<Step, Stop> {
    let report = &body.report;
    let (Ok(id), Ok(build_id)) =
        (DeviceId::new(report.device.as_str()), BuildId::new(report.build_id.as_str()))
    else {
        return refuse("the report's device or build is not an id");
    };
    let Some((version, known)) = context.view.device(&id)? else {
        return Ok(context.step(format!("a report of the unknown device {id} is ignored")));
    };
    let reported_at = timestamp::truncate(report.time);
    if let Some(remark) = out_of_time(context, known, reported_at) {
        return Ok(context.step(format!("a report of device {id} is ignored: {remark}")));
    }
    if is_ahead(context, known, &build_id)? {
        return Ok(context.step(format!(
            "a report of device {id} is ignored: it speaks of build {build_id}, whose order is under way"
        )));
    }
    let mut device = Device { last_report: Some(reported_at), ..known.clone() };
    let mut step = context.step(String::new());
    await_report(context, &mut step, &id, &mut device);
    let watched = rollout::watched(context, &id, &mut device)?;
    let before = device.order.clone();
    let refused = no_proof(context, &device, &build_id, report)?;
    let assessment = if refused.is_none() { assess(report) } else { None };
    let refused = if assessment.is_none() { refused.or_else(|| unseen(report)) } else { refused };
    let health = match &watched {
        None => None,
        Some(build) => Some(health(context, body, build, refused.as_deref(), assessment.as_ref())?),
    };

    if let Some(reason) = refused {
        let opened = unattested(context, &mut step, &id, &mut device, Unattested::Refused { reason });
        step.remark =
            format!("a report of device {id} is refused{}", if opened { "" } else { ", as before" });
    } else if let Some(assessment) = assessment {
        let leaves = watched.as_ref();
        step.remark = drifted(context, &mut step, &id, &mut device, reported_at, assessment, leaves)?;
    } else {
        let proof = Proof {
            reported_at,
            checked_entries: report.checked_entries,
            manifest_digest: report.manifest_digest,
        };
        step.remark = complied(context, &mut step, &id, &mut device, &proof)?;
    }
    match (watched, health) {
        (Some(build), Some(Health::Healthy)) => {
            rollout::reported(context, &mut step, &id, &build, reported_at, Vec::new(), None)?;
        }
        (Some(build), Some(Health::Faulty(faults))) => {
            if device.order.is_none() {
                leave(context, &mut step, &id, &mut device, &build, &faults)?;
            }
            let order = device.order.clone().filter(|order| before.as_ref() != Some(order));
            rollout::reported(context, &mut step, &id, &build, reported_at, faults, order)?;
        }
        (Some(build), Some(Health::Unproved(why))) => {
            step.remark =
                format!("{}; it does not count for the rollout of build {build}: {why}", step.remark);
        }
        _ => {}
    }
    step.write(EntityKey::Device(id), version, Entity::Device(device));
    Ok(step)
}

/// Why a report says nothing about now.
fn out_of_time(context: &Context<'_>, device: &Device, time: SystemTime) -> Option<&'static str> {
    if time > context.now + context.policy.clock_tolerance {
        return Some("it is from the future; the device's clock is wrong");
    }
    if time < device.reports_count_from {
        return Some("it is from before the device was last changed");
    }
    if device.last_report.is_some_and(|last| time <= last) {
        return Some("a later one, or this one, was taken before");
    }
    None
}

/// Whether a report speaks of the build that an order is about to bring, or has just brought: what the device
/// should be running is not decided yet.
fn is_ahead(context: &Context<'_>, device: &Device, build_id: &BuildId) -> Result<bool, Stop> {
    let Some(order) = &device.order else { return Ok(false) };
    let Some((_, record)) = context.view.order(order)? else { return Ok(false) };
    let deploys = record.order.deploys() == Some(build_id);
    let rolls_back = record.order.rolls_back_to() == Some(build_id) && *build_id != device.build_id;
    Ok(deploys || rolls_back)
}

/// What the report says of the device's health in the rollout of `build`.
fn health(
    context: &Context<'_>,
    body: &DeviceReported,
    build: &BuildId,
    refused: Option<&str>,
    assessment: Option<&Assessment>,
) -> Result<Health, Stop> {
    let requires_verity = context.view.rollout(build)?.is_some_and(|(_, rollout)| rollout.requires_verity);
    let build = context.view.build(build)?.map(|(_, build)| build);
    Ok(rollout::judge(body, build, refused, assessment, requires_verity))
}

/// A device that is not healthy leaves the build that is being rolled out.
fn leave(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    build: &BuildId,
    faults: &[String],
) -> Result<(), Stop> {
    let why = format!("device {id} is not healthy in the rollout of build {build}: {}", faults.join("; "));
    let incident = device.incidents.last().map(|open| open.incident.clone());
    let remedy =
        Remedy { hold: false, roll_back: true, leaves: Some(build), incident: incident.as_ref(), why: &why };
    order(context, step, id, device, &remedy).map(|_order| ())
}

/// Why a report does not tell whether the device is what it should be.
fn no_proof(
    context: &Context<'_>,
    device: &Device,
    build_id: &BuildId,
    report: &DeviceReport,
) -> Result<Option<String>, Stop> {
    if *build_id != device.build_id {
        return Ok(Some(format!("it speaks of build {build_id}, the device should run {}", device.build_id)));
    }
    let Some((_, build)) = context.view.build(build_id)? else {
        return refuse(format!("build {build_id} is not known"));
    };
    if build.stage != BuildStage::Verified {
        return Ok(Some(format!("build {build_id} has no valid verification document")));
    }
    if build.manifest_digest != Some(report.manifest_digest) {
        return Ok(Some("its baseline is not the manifest of the verification document".to_owned()));
    }
    if report.checked_entries == 0 {
        return Ok(Some("it compared nothing".to_owned()));
    }
    Ok(None)
}

/// A report that found nothing proves nothing either, where the device could not look at all that it was to.
fn unseen(report: &DeviceReport) -> Option<String> {
    let first = report.not_checked.first()?;
    let others = match report.not_checked.len() {
        1 => String::new(),
        all => format!(" and {} more", all - 1),
    };
    Some(format!("the device could not look at all that it was to: {first}{others}"))
}

fn drifted(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    reported_at: SystemTime,
    assessment: Assessment,
    leaves: Option<&BuildId>,
) -> Result<String, Stop> {
    let Assessment { priority, findings, total, cause } = assessment;
    let automation = priority.automation();
    if !automation.incident {
        return Ok(format!("device {id} has {total} finding(s) of {priority}: logged, no incident"));
    }
    if !device.quarantined {
        device.compliance = Compliance::Drifted;
    }
    if device.incidents.iter().any(|open| open.cause == cause) {
        return Ok(format!("device {id} still has the {total} finding(s) of its open incident"));
    }
    if device.incidents.len() >= MAX_OPEN_INCIDENTS {
        return Ok(format!(
            "device {id} has new findings and {MAX_OPEN_INCIDENTS} open incidents: logged only"
        ));
    }
    let incident = correlation::incident(id, &cause, &context.event.identity());
    device.incidents.push(OpenIncident { incident: incident.clone(), cause, priority });
    device.recorded_at = Some(context.now);
    let event = DeviceDrifted {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        priority,
        findings,
        findings_total: total,
        compliance: device.compliance,
        cause,
        incident: incident.clone(),
        reported_at,
    };
    step.publish(context.derived("drifted", context.now, EventBody::DeviceDrifted(Box::new(event))));
    if automation.quarantine && device.order.is_none() {
        let why = format!("a {priority} deviation on device {id}");
        let remedy = Remedy {
            hold: true,
            roll_back: automation.roll_back || leaves.is_some(),
            leaves,
            incident: Some(&incident),
            why: &why,
        };
        order(context, step, id, device, &remedy)?;
        return Ok(format!(
            "device {id} has {total} finding(s), the worst {priority}: incident and remediation"
        ));
    }
    Ok(format!("device {id} has {total} finding(s), the worst {priority}: incident"))
}

/// Opens an incident about a missing or refused report, unless one of that cause is open; whether it did.
pub(super) fn unattested(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    why: Unattested,
) -> bool {
    if device.compliance == Compliance::Compliant {
        device.compliance = Compliance::Unknown;
    }
    let what = match &why {
        Unattested::Refused { reason } => format!("refused\0{reason}"),
        Unattested::Silent { .. } => format!("silent\0{}", device.build_id),
        Unattested::Unproved { order, .. } => format!("unproved\0{order}"),
    };
    let cause = Sha256Digest::of(format!("openfactory/attestation_cause/v1\0{what}").as_bytes());
    if device.incidents.iter().any(|open| open.cause == cause) || device.incidents.len() >= MAX_OPEN_INCIDENTS
    {
        return false;
    }
    let priority = Priority::P2;
    let incident = correlation::incident(id, &cause, &context.event.identity());
    device.incidents.push(OpenIncident { incident: incident.clone(), cause, priority });
    device.recorded_at = Some(context.now);
    let event = DeviceUnattested {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        priority,
        compliance: device.compliance,
        cause: why,
        incident,
    };
    step.publish(context.derived("unattested", context.now, EventBody::DeviceUnattested(Box::new(event))));
    true
}

struct Proof {
    reported_at: SystemTime,
    checked_entries: u64,
    manifest_digest: Sha256Digest,
}

fn complied(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    proof: &Proof,
) -> Result<String, Stop> {
    let freed = match &device.compromised_key {
        None => None,
        Some(key) => {
            let signed_by = context.view.build(&device.build_id)?.and_then(|(_, build)| build.signed_by);
            if signed_by == Some(*key) && device.quarantined {
                return Ok(format!(
                    "device {id} matches its build, whose document the compromised key {key} has signed: held"
                ));
            }
            (signed_by != Some(*key)).then_some(*key)
        }
    };
    let under_way = match &device.order {
        None => None,
        Some(order) => match context.view.order(order)? {
            None => return refuse(format!("order {order} of device {id} is not known")),
            Some((version, record)) => Some((version, record)),
        },
    };
    if under_way.is_some_and(|(_, record)| record.performed.is_none()) {
        return Ok(format!(
            "device {id} matches its build, but an order is under way: its proof comes after it"
        ));
    }
    let proves = under_way.map(|(version, record)| prove(step, version, record));
    if let Some(proved) = &proves {
        step.cancel_timer(timer_name(id, &Awaited::Proof { order: proved.order.clone() }));
    }
    device.order = None;
    if let Some(key_id) = freed {
        device.compromised_key = None;
        converged(context, step, id, key_id, &device.build_id)?;
    }
    let resolves: Vec<CorrelationId> =
        std::mem::take(&mut device.incidents).into_iter().map(|open| open.incident).collect();
    let changed = device.compliance != Compliance::Compliant;
    let heartbeat_due = device.recorded_at.is_none_or(|last| {
        context.now.duration_since(last).is_ok_and(|age| age >= context.policy.compliance_heartbeat)
    });
    device.compliance = Compliance::Compliant;
    let record_compliance = changed || heartbeat_due;
    if record_compliance {
        device.recorded_at = Some(context.now);
    }
    device.known_good.retain(|build| *build != device.build_id);
    device.known_good.push(device.build_id.clone());
    let surplus = device.known_good.len().saturating_sub(MAX_KNOWN_GOOD);
    device.known_good.drain(..surplus);
    let event = DeviceComplied {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        reported_at: proof.reported_at,
        checked_entries: proof.checked_entries,
        manifest_digest: proof.manifest_digest,
        record_compliance,
        resolves: resolves.clone(),
        proves,
        supersedes: device.supersedes.take(),
    };
    step.publish(context.derived("complied", context.now, EventBody::DeviceComplied(Box::new(event))));
    if rollout::after_proof(context, step, id, device)? {
        return Ok(format!(
            "device {id} matches its build: compliant; what its rollout waited for is ordered"
        ));
    }
    if device.quarantined {
        return Ok(match release(context, step, id, device, &resolves)? {
            true => format!("device {id} matches its build: compliant, its quarantine is to end"),
            false => format!("device {id} matches its build, whose rollout has failed: it stays apart"),
        });
    }
    Ok(format!("device {id} matches its build: compliant"))
}

/// The device runs what another key than the compromised one has signed, and proved it.
fn converged(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    key_id: KeyId,
    build_id: &BuildId,
) -> Result<(), Stop> {
    let Some(document_digest) = context.view.build(build_id)?.and_then(|(_, build)| build.document_digest)
    else {
        return refuse(format!("build {build_id} has no document"));
    };
    let event = DeviceConverged { key_id, device: id.clone(), document_digest };
    step.publish(context.derived("converged", context.now, EventBody::DeviceConverged(Box::new(event))));
    Ok(())
}

/// The order is proved: remembered with it, told to whoever closes its change request.
fn prove(step: &mut Step, version: u64, record: &OrderRecord) -> ProvedOrder {
    let order = &record.order;
    let proved = ProvedOrder {
        order: order.id.clone(),
        complete: record.performed.as_ref().is_some_and(super::super::platform::Performed::is_complete),
        change_request: order.rolls_back_to().is_some(),
    };
    let record = OrderRecord { proved: true, ..record.clone() };
    step.write(EntityKey::Order(order.id.clone()), version, Entity::Order(record));
    proved
}
