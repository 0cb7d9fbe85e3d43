//! From what a device found to what it means.

use std::collections::BTreeSet;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::drift::{self, DriftType};
use openfactory_attest::manifest::Difference;
use openfactory_attest::report::{DeviceReport, ServiceFault, ServiceState, Services, VerityState};

use super::super::event::device::{Finding, MAX_FINDINGS};
use super::super::priority::Priority;

/// What a report's findings come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assessment {
    /// The most urgent priority among them.
    pub(super) priority: Priority,
    /// The most urgent ones, at most [`MAX_FINDINGS`].
    pub(super) findings: Vec<Finding>,
    /// How many there are.
    pub(super) total: usize,
    /// Digest over which paths differ and how, not over what stands in them: a file that is tampered with again
    /// and again is one cause.
    pub(super) cause: Sha256Digest,
}

/// `None` if there are no findings.
pub(super) fn assess(report: &DeviceReport) -> Option<Assessment> {
    let services = report.services.iter().flat_map(Services::faults).map(service);
    let mut findings: Vec<Finding> =
        report.findings.iter().map(classify).chain(services).chain(broken(report)).collect();
    findings.sort();
    let priority = findings.first()?.priority;
    let mut cause = String::from("openfactory/drift_cause/v1");
    for (path, kind) in findings.iter().map(|finding| (&finding.path, &finding.kind)).collect::<BTreeSet<_>>()
    {
        for part in [path, kind] {
            cause.push('\0');
            cause.push_str(part);
        }
    }
    let total = findings.len();
    findings.truncate(MAX_FINDINGS);
    Some(Assessment { priority, findings, total, cause: Sha256Digest::of(cause.as_bytes()) })
}

/// A service that is not as it has to be: the guide's "Service state deviation".
fn service((service, fault): (&ServiceState, ServiceFault)) -> Finding {
    let class = DriftType::ServiceState;
    Finding::new(
        class.priority().into(),
        service.name.as_str(),
        match fault {
            ServiceFault::RequiredStopped => "stopped",
            _ => "started",
        },
        format!("{class}: {}", fault.as_str()),
        format!("is {}", service.state),
    )
}

/// An image that is not the one with the signed root hash: the guide's "dm-verity failure".
fn broken(report: &DeviceReport) -> Option<Finding> {
    let Some(VerityState::Broken { reason, .. }) = &report.verity else { return None };
    Some(Finding::new(
        Priority::P1,
        "dm-verity",
        "broken",
        "dm-verity failure: the image is not the signed one",
        reason,
    ))
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
