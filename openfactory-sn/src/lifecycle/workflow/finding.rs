//! From what a device found to what it means: its findings by cause, each cause one incident.

mod left_out;
mod overlay;

use std::collections::BTreeSet;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::drift;
use openfactory_attest::manifest::Difference;
use openfactory_attest::report::{DeviceReport, ServiceFault, VerityState};

use super::super::entity::{Build, Device};
use super::super::event::device::{DeviceReported, DriftKind, Finding, MAX_FINDINGS};
use super::super::id::hashed;
use super::super::priority::Priority;

pub(super) use self::left_out::{left_out, show};
pub(super) use self::overlay::{differences, flags, learn, unchecked};

/// Findings of which an open incident remembers which they were; of more it knows only that there were more.
const MAX_ABOUT: usize = 200;

/// Findings that have one cause.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assessment {
    /// What sort of thing it is.
    pub(super) kind: DriftKind,
    /// The most urgent priority among them.
    pub(super) priority: Priority,
    /// The most urgent ones, at most [`MAX_FINDINGS`].
    pub(super) findings: Vec<Finding>,
    /// How many there are.
    pub(super) total: usize,
    /// Digest over which things differ and how, not over what stands in them: a file that is tampered with again
    /// and again is one cause.
    pub(super) cause: Sha256Digest,
    /// Each finding as a short hash, which says what differs and how.
    pub(super) keys: BTreeSet<String>,
}

impl Assessment {
    /// What an incident remembers of it.
    pub(super) fn about(&self) -> Vec<String> {
        let mut about: Vec<String> = self.keys.iter().take(MAX_ABOUT).cloned().collect();
        if self.keys.len() > MAX_ABOUT {
            about.push(more(self.kind));
        }
        about
    }

    /// All of which an incident about it may remember one.
    pub(super) fn present(&self) -> impl Iterator<Item = String> {
        self.keys.iter().cloned().chain([more(self.kind)])
    }

    fn of(kind: DriftKind, mut found: Vec<(Finding, String)>, cause: Sha256Digest) -> Option<Self> {
        found.sort();
        let keys = found.iter().map(|(_, key)| key.clone()).collect();
        let mut findings: Vec<Finding> = found.into_iter().map(|(finding, _)| finding).collect();
        let priority = findings.first()?.priority;
        let total = findings.len();
        findings.truncate(MAX_FINDINGS);
        Some(Self { kind, priority, findings, total, cause, keys })
    }
}

/// A thing that can be wrong, as an open incident remembers it.
pub(super) fn key(parts: &[&str]) -> String {
    let mut hash = hashed("openfactory/finding/v1", parts);
    hash.truncate(16);
    hash
}

fn more(kind: DriftKind) -> String {
    let word = match kind {
        DriftKind::Files => "files",
        DriftKind::Verity => "verity",
        DriftKind::RequiredService => "required",
        DriftKind::UnauthorizedService => "unauthorized",
        DriftKind::Overlay { .. } => "overlay",
    };
    key(&["more", word])
}

fn cause_of(kind: &str, keys: &BTreeSet<&str>) -> Sha256Digest {
    let mut text = format!("openfactory/cause/v1\0{kind}");
    for key in keys {
        text.push('\0');
        text.push_str(key);
    }
    Sha256Digest::of(text.as_bytes())
}

/// All that a report says is wrong, by cause, the most urgent first.
pub(super) fn causes(body: &DeviceReported, build: Option<&Build>, device: &Device) -> Vec<Assessment> {
    let report = &body.report;
    let mut causes: Vec<Assessment> = assess(report).into_iter().chain(verity(report, build)).collect();
    causes.extend(services(report, ServiceFault::RequiredStopped));
    causes.extend(services(report, ServiceFault::UnauthorizedStarted));
    if let Some(overlay) = &body.overlay {
        causes.extend(overlay::causes(overlay, device.overlay.as_ref()));
    }
    causes.sort_by_key(|cause| cause.priority);
    causes
}

/// The files that differ from the signed manifest: one cause, however many. `None` if there are none.
pub(super) fn assess(report: &DeviceReport) -> Option<Assessment> {
    let found: Vec<(Finding, String)> = report
        .findings
        .iter()
        .map(classify)
        .map(|finding| {
            let key = key(&["file", &finding.path, &finding.kind]);
            (finding, key)
        })
        .collect();
    let mut cause = String::from("openfactory/drift_cause/v1");
    let differs: BTreeSet<_> = found.iter().map(|(finding, _)| (&finding.path, &finding.kind)).collect();
    for (path, kind) in differs {
        for part in [path, kind] {
            cause.push('\0');
            cause.push_str(part);
        }
    }
    Assessment::of(DriftKind::Files, found, Sha256Digest::of(cause.as_bytes()))
}

fn classify(difference: &Difference) -> Finding {
    let class = drift::classify(difference);
    let detail = match (&difference.expected, &difference.found) {
        (Some(expected), Some(found)) => format!("{found} instead of {expected}"),
        (Some(expected), None) => format!("was {expected}"),
        (None, Some(found)) => format!("is {found}"),
        (None, None) => String::new(),
    };
    let path = difference.path.to_string();
    Finding::new(
        class.priority.into(),
        path,
        difference.kind.name(),
        format!("{}: {}", class.drift_type, class.why),
        detail,
    )
}

/// "dm-verity failure": blocks that differ, or another image than the signed one.
fn verity(report: &DeviceReport, build: Option<&Build>) -> Option<Assessment> {
    let signed = build.and_then(|build| build.root_hash);
    let detail = match (&report.verity, signed) {
        (Some(VerityState::Broken { reason, .. }), _) => reason.clone(),
        (Some(VerityState::Proved { root_hash, .. }), Some(signed)) if *root_hash != signed => {
            format!("root hash {root_hash} instead of {signed}, the signed one")
        }
        _ => return None,
    };
    let finding = Finding::new(
        Priority::P1,
        "dm-verity",
        "broken",
        "dm-verity failure: the image is not the signed one",
        detail,
    );
    let key = key(&["verity"]);
    let cause = cause_of("verity", &BTreeSet::from([key.as_str()]));
    Assessment::of(DriftKind::Verity, vec![(finding, key)], cause)
}

/// "Service state deviation", one cause for each of the guide's two examples.
fn services(report: &DeviceReport, wanted: ServiceFault) -> Option<Assessment> {
    let faults = report.services.as_ref()?.faults().filter(|(_, fault)| *fault == wanted);
    let found: Vec<(Finding, String)> = faults
        .map(|(service, fault)| {
            let class = format!("Service state deviation: {}", fault.as_str());
            let state = format!("its state is {}", service.state);
            let key = service_key(&service.name, fault);
            (Finding::new(Priority::P2, &service.name, "service", class, state), key)
        })
        .collect();
    let kind = match wanted {
        ServiceFault::RequiredStopped => DriftKind::RequiredService,
        _ => DriftKind::UnauthorizedService,
    };
    let keys: BTreeSet<&str> = found.iter().map(|(_, key)| key.as_str()).collect();
    let cause = cause_of(wanted.as_str(), &keys);
    Assessment::of(kind, found, cause)
}

pub(super) fn service_key(name: &str, fault: ServiceFault) -> String {
    key(&["service", fault.as_str(), name])
}
