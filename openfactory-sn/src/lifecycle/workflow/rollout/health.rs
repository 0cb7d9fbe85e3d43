//! Whether a device's own report speaks of a healthy device (guide, Stage 3, "Pass Criteria").

use openfactory_attest::report::{DeviceReport, VerityState};
use openfactory_zone2::OverlayReport;
use openfactory_zone2::lockdown::LockdownState;

use super::super::super::entity::Build;
use super::super::super::event::device::DeviceReported;
use super::super::super::priority::Priority;
use super::super::finding::Assessment;

/// What a report says of the device's health.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Health {
    /// All that is asked for is proved.
    Healthy,
    /// Nothing is wrong, but not everything is proved: it does not count, and does no harm.
    Unproved(String),
    /// This is wrong.
    Faulty(Vec<String>),
}

/// Judges a report of the build that is rolled out. `refused` is why the report proves nothing, if it doesn't.
/// Findings of P4 are no drift. Where the device reports an overlay, that counts, too,
/// and what it used to report (`left_out`) is missed.
pub(in super::super) fn judge(
    reported: &DeviceReported,
    build: Option<&Build>,
    refused: Option<&str>,
    assessment: Option<&Assessment>,
    requires_verity: bool,
    left_out: &[(String, String)],
) -> Health {
    let report = &reported.report;
    let mut faults = Vec::new();
    if let Some(reason) = refused {
        faults.push(format!("its report is refused: {reason}"));
    }
    if let Some(found) = assessment.filter(|found| found.priority < Priority::P4) {
        let first = found.findings.first().map_or("", |finding| finding.path.as_str());
        faults.push(format!(
            "it differs from what was built in {} place(s), the worst of {}, first {first}",
            found.total, found.priority
        ));
    }
    let mut unproved = Vec::new();
    verity(report, build, requires_verity, &mut faults, &mut unproved);
    if let Some(services) = &report.services {
        let told = services.faults().map(|(service, fault)| format!("{}: {}", fault.as_str(), service.name));
        faults.extend(told.take(20));
    }
    if let Some(first) = report.not_checked.first() {
        unproved.push(format!("the device could not look at all that it was to: {first}"));
    }
    unproved.extend(left_out.iter().map(|(words, _)| words.clone()));
    if let Some(overlay) = &reported.overlay {
        judge_overlay(overlay, &mut faults, &mut unproved);
    }
    match (faults.is_empty(), unproved.is_empty()) {
        (false, _) => Health::Faulty(faults),
        (true, false) => Health::Unproved(unproved.join("; ")),
        (true, true) => Health::Healthy,
    }
}

fn verity(
    report: &DeviceReport,
    build: Option<&Build>,
    required: bool,
    faults: &mut Vec<String>,
    unproved: &mut Vec<String>,
) {
    let signed = build.and_then(|build| build.root_hash);
    match &report.verity {
        Some(VerityState::Proved { root_hash, .. }) if Some(*root_hash) != signed => {
            faults.push(format!(
                "its image has the dm-verity root hash {root_hash}, which is not the signed one"
            ));
        }
        Some(VerityState::Broken { reason, .. }) => faults.push(format!("its image is broken: {reason}")),
        Some(VerityState::NotChecked { reason }) if required => {
            unproved.push(format!("its image could not be checked by dm-verity: {reason}"));
        }
        None if required => unproved.push("its report says nothing of dm-verity".to_owned()),
        _ => {}
    }
}

fn judge_overlay(overlay: &OverlayReport, faults: &mut Vec<String>, unproved: &mut Vec<String>) {
    let urgent = overlay.findings.iter().filter(|found| Priority::from(found.priority) < Priority::P4);
    faults.extend(urgent.map(|found| format!("its overlay: {}: {}", found.subject, found.detail)).take(20));
    if overlay.lockdown != LockdownState::Locked {
        unproved.push(format!("its overlay is not locked: {}", overlay.lockdown));
    }
    if let Some(first) = overlay.not_checked.first() {
        unproved.push(format!("its overlay could not be checked whole: {}: {}", first.subject, first.reason));
    }
}
