//! What a device found in its overlay, against what is known of it.

use std::collections::BTreeSet;

use openfactory_attest::digest::Sha256Digest;
use openfactory_zone2::overlay_report::OverlayFinding;
use openfactory_zone2::violation::Automation;
use openfactory_zone2::{LockdownState, OverlayReport, Row};

use super::super::super::entity::Overlay;
use super::super::super::event::device::{DeviceReported, DriftKind, Finding, MAX_FINDINGS};
use super::{Assessment, cause_of, key};

/// The flag of a configuration item whose device has an expired certificate, or one of a wrong issuer.
const CERT_EXPIRED: &str = "Cert Expired";

/// The findings by cause: those of one path or place have one. Against the guide's tables about Zone 2.
pub(super) fn causes(report: &OverlayReport, known: Option<&Overlay>) -> Vec<Assessment> {
    let mut causes = differences(&report.findings);
    let other = other_seal(report, known).and_then(|detail| {
        OverlayFinding::new(
            Row::HashMismatch,
            "seal",
            None,
            detail,
            "only a signed lock or a migration seals anew",
            "take the device off the network; find out who sealed it; provision it anew",
        )
    });
    causes.extend(other.and_then(|finding| one_cause("seal", &[&finding])));
    causes
}

/// Such findings by cause.
pub(in super::super) fn differences(findings: &[OverlayFinding]) -> Vec<Assessment> {
    let subjects: BTreeSet<&str> = findings.iter().map(|finding| finding.subject.as_str()).collect();
    let causes = subjects.into_iter().filter_map(|subject| {
        let of_it: Vec<&OverlayFinding> =
            findings.iter().filter(|finding| finding.subject == subject).collect();
        one_cause(subject, &of_it)
    });
    causes.collect()
}

fn one_cause(subject: &str, findings: &[&OverlayFinding]) -> Option<Assessment> {
    let leading = findings.iter().min()?;
    let key = key(&["overlay", subject]);
    let cause = cause_of("overlay", &BTreeSet::from([key.as_str()]));
    let found = findings.iter().map(|finding| (told(finding), key.clone())).collect();
    Assessment::of(DriftKind::Overlay { row: leading.row }, found, cause)
}

fn told(finding: &OverlayFinding) -> Finding {
    let OverlayFinding { priority, row, subject, value, detail, rule, advice, .. } = finding;
    let value = value.as_ref().map_or_else(String::new, |value| format!("{value:?}: "));
    let detail = format!("{value}{detail}; wanted: {rule}; to do: {advice}");
    Finding::new((*priority).into(), subject, row.id(), row.headline(), detail)
}

/// Whether another seal is in force than the one that the latest known transition left; a device that says itself that
/// it lost seal or record is another matter.
fn other_seal(report: &OverlayReport, known: Option<&Overlay>) -> Option<String> {
    let known = known?;
    let lost = |subject: &str| subject == "seal" || subject.starts_with("lockdown");
    if report.not_checked.iter().any(|what| lost(&what.subject)) {
        return None;
    }
    let (_, expected) = latest(report, known);
    let word = |seal: Option<Sha256Digest>| seal.map_or("none".to_owned(), |seal| seal.to_string());
    (report.seal_digest != expected).then(|| {
        format!(
            "the seal in force is {}, but the last transition left {}: it changed without one",
            word(report.seal_digest),
            word(expected)
        )
    })
}

/// The latest transition that is known, from the report or from before, and the seal that it left.
fn latest(report: &OverlayReport, known: &Overlay) -> (u64, Option<Sha256Digest>) {
    match report.transitions.last() {
        Some(last) if last.sequence > known.sequence => (last.sequence, last.seal),
        _ => (known.sequence, known.seal),
    }
}

/// What is known of the overlay after this report. A seal that changed without a transition is not learned.
pub(in super::super) fn learn(known: Option<Overlay>, report: &OverlayReport) -> Overlay {
    let policy = Some(report.policy_digest);
    match known {
        Some(known) => {
            let (sequence, seal) = latest(report, &known);
            Overlay { lockdown: report.lockdown, seal, policy, sequence, ..known }
        }
        None => Overlay {
            lockdown: report.lockdown,
            seal: report.seal_digest,
            policy,
            sequence: report.transitions.last().map_or(0, |last| last.sequence),
            recorded: 0,
            unlock: None,
        },
    }
}

/// The flags that the device's configuration item is to have.
pub(in super::super) fn flags(report: &OverlayReport) -> Vec<String> {
    let expired =
        report.findings.iter().any(|finding| finding.automation().contains(&Automation::FlagCertificate));
    if expired { vec![CERT_EXPIRED.to_owned()] } else { Vec::new() }
}

/// What the device could not look at: why, in words, and each as an open incident remembers it.
pub(in super::super) fn unchecked(body: &DeviceReported) -> Vec<(String, String)> {
    let of = |subject: &str, text: String| (text, key(&["unchecked", subject]));
    let unseen = body.report.not_checked.iter().take(MAX_FINDINGS).map(|what| of(what, what.clone()));
    unseen.chain(body.overlay.iter().flat_map(unchecked_overlay)).collect()
}

fn unchecked_overlay(report: &OverlayReport) -> Vec<(String, String)> {
    let of = |subject: &str, text: String| (text, key(&["unchecked", subject]));
    let listed = report.not_checked.iter().take(MAX_FINDINGS);
    let mut unchecked: Vec<(String, String)> =
        listed.map(|what| of(&what.subject, format!("{}: {}", what.subject, what.reason))).collect();
    let looked = report.checked_entries.saturating_add(report.checked_constraints) > 0;
    if unchecked.is_empty() && !looked {
        unchecked.push(of("overlay", "the overlay: nothing was looked at".to_owned()));
    }
    if unchecked.is_empty() && report.lockdown == LockdownState::Locked && report.seal_digest.is_none() {
        unchecked.push(of("seal", "seal: the device is Locked without one".to_owned()));
    }
    unchecked
}
