//! Stage 5: a device's report against what was built; Stage 6 begins where they differ.

use std::collections::BTreeSet;
use std::time::SystemTime;

use openfactory_attest::report::DeviceReport;
use openfactory_zone2::LockdownState;

use super::super::compliance::Compliance;
use super::super::entity::{BuildStage, Device, Entity, EntityKey};
use super::super::event::device::{DeviceReported, Unattested};
use super::super::id::{BuildId, DeviceId};
use super::super::timestamp;
use super::deployment::await_report;
use super::finding::{Assessment, assess};
use super::remediation::{Remedy, Wanted, contain, order};
use super::rollout::Health;
use super::{Context, Step, Stop, comply, daily, finding, incident, refuse, restart, rollout};
use crate::id::CorrelationId;

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
    let health = match &watched {
        None => None,
        Some(build) => Some(health(context, &device, body, build, refused.as_deref(), assessment.as_ref())?),
    };

    if let Some(reason) = refused {
        let (why, about) = (Unattested::Refused { reason }, incident::about_attestation());
        let opened = incident::unattested(context, &mut step, &id, &mut device, why, about);
        step.remark =
            format!("a report of device {id} is refused{}", if opened { "" } else { ", as before" });
    } else {
        step.remark = judged(context, &mut step, &id, &mut device, body, watched.as_ref())?;
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
    device: &Device,
    body: &DeviceReported,
    build: &BuildId,
    refused: Option<&str>,
    assessment: Option<&Assessment>,
) -> Result<Health, Stop> {
    let requires_verity = context.view.rollout(build)?.is_some_and(|(_, rollout)| rollout.requires_verity);
    let build = context.view.build(build)?.map(|(_, build)| build);
    let left_out = finding::left_out(device, body);
    Ok(rollout::judge(body, build, refused, assessment, requires_verity, &left_out))
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
    let incidents: Vec<CorrelationId> =
        device.incidents.last().map(|open| open.incident.clone()).into_iter().collect();
    let remedy = Remedy {
        hold: false,
        remedy: Wanted::RollBack,
        leaves: Some(build),
        incidents: &incidents,
        why: &why,
    };
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

/// What follows from a report that is believed.
fn judged(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    body: &DeviceReported,
    leaves: Option<&BuildId>,
) -> Result<String, Stop> {
    let report = &body.report;
    let reported_at = timestamp::truncate(report.time);
    let build = context.view.build(&device.build_id)?.map(|(_, build)| build);
    let causes = finding::causes(body, build, device);
    let left_out = finding::left_out(device, body);
    let mut present = kept_open(device, !left_out.is_empty());
    let unchecked: Vec<(String, String)> = finding::unchecked(body).into_iter().chain(left_out).collect();
    device.shown = Some(finding::show(device, body));
    let flags = device.flags.clone();
    if let Some(overlay) = &body.overlay {
        device.overlay = Some(finding::learn(device.overlay.take(), overlay));
        device.flags = finding::flags(overlay);
    }
    let open =
        body.overlay.as_ref().map(|overlay| overlay.lockdown).filter(|state| *state != LockdownState::Locked);
    if causes.is_empty() && unchecked.is_empty() && open.is_none() {
        restart::follow(context, step, id, device, report.services.as_ref())?;
        return comply::complied(context, step, id, device, body);
    }
    present.extend(causes.iter().flat_map(Assessment::present));
    present.extend(unchecked.iter().map(|(_, key)| key.clone()));
    let resolves = incident::clear(device, &present);
    let (mut remark, opened) = drifted(context, step, id, device, reported_at, causes, leaves)?;
    if let Some(state) = open {
        remark.push(format!("its overlay is open ({state}), so it is not compliant"));
    }
    if !unchecked.is_empty() {
        let (what, about) = unchecked.into_iter().unzip();
        incident::unattested(context, step, id, device, Unattested::Unchecked { what }, about);
        remark.push("parts of it could not be checked".to_owned());
    }
    let lost = flags.iter().any(|flag| !device.flags.contains(flag));
    let untold = !opened && device.flags != flags;
    if !resolves.is_empty() || lost || untold {
        remark.push(format!("{} incident(s) resolved", resolves.len()));
        incident::tell_cleared(context, step, id, device, reported_at, resolves);
    }
    // A device that is not healthy in a rollout is rolled back instead.
    if leaves.is_none() {
        remark.extend(restart::follow(context, step, id, device, report.services.as_ref())?);
    }
    Ok(format!("device {id}: {}", remark.join("; ")))
}

/// What a report that leaves something out can't end: all that incidents are about, but for the report itself.
fn kept_open(device: &Device, leaves_out: bool) -> BTreeSet<String> {
    if !leaves_out {
        return BTreeSet::new();
    }
    let mut kept: BTreeSet<String> =
        device.incidents.iter().flat_map(|open| open.about.iter().cloned()).collect();
    for about in incident::about_attestation() {
        kept.remove(&about);
    }
    kept
}

/// Opens the incidents, and orders what the most urgent ones call for: a P1 a quarantine, and by its trigger a rebuild
/// (dm-verity failure), a roll back (critical file tampered) or nothing else. What was done, in words, and whether an
/// incident was opened.
fn drifted(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    reported_at: SystemTime,
    causes: Vec<Assessment>,
    leaves: Option<&BuildId>,
) -> Result<(Vec<String>, bool), Stop> {
    let Some(worst) = causes.iter().map(|cause| cause.priority).min() else { return Ok((Vec::new(), false)) };
    let total: usize = causes.iter().map(|cause| cause.total).sum();
    let mut remark = vec![format!("{total} finding(s), the worst {worst}")];
    daily::keep(context, step, id, device, &causes)?;
    let causes: Vec<Assessment> =
        causes.into_iter().filter(|cause| cause.priority.automation().incident).collect();
    if causes.is_empty() {
        remark.push("logged, no incident".to_owned());
        return Ok((remark, false));
    }
    if !device.quarantined {
        device.compliance = Compliance::Drifted;
    }
    let (mut opened, mut critical, mut wanted) = (0_usize, Vec::new(), Wanted::Nothing);
    let mut logged = 0_usize;
    for cause in causes {
        let (kind, priority) = (cause.kind, cause.priority);
        let known = incident::is_open(device, &cause);
        match incident::open(context, step, id, device, reported_at, cause) {
            Some(incident) => {
                opened += 1;
                if priority.automation().quarantine {
                    wanted = wanted.max(Wanted::by(kind));
                    critical.push(incident);
                }
            }
            None if known => {}
            None => logged += 1,
        }
    }
    remark.push(match opened {
        0 => "it has an open incident about that".to_owned(),
        _ => format!("{opened} incident(s) opened"),
    });
    if logged > 0 {
        remark.push(format!("{logged} cause(s) logged only, so many incidents are open"));
    }
    if !critical.is_empty() {
        let why = format!("a {worst} deviation on device {id}");
        let remedy = if leaves.is_some() { Wanted::RollBack } else { wanted };
        let remedy = Remedy { hold: true, remedy, leaves, incidents: &critical, why: &why };
        if contain(context, step, id, device, &remedy)? {
            remark.push("remediation ordered".to_owned());
        }
    }
    Ok((remark, opened > 0))
}
