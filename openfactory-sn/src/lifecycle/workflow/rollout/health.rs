//! Whether a device's own report speaks of a healthy device (guide, Stage 3, "Pass Criteria").

use openfactory_attest::report::DeviceReport;

use super::super::super::priority::Priority;
use super::super::finding::Assessment;

/// What is wrong, in words; healthy if nothing is. `refused` is why the report proves nothing, if it doesn't.
/// Findings of P4 are no drift.
pub(in super::super) fn faults(
    report: &DeviceReport,
    refused: Option<&str>,
    assessment: Option<&Assessment>,
) -> Vec<String> {
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
    if report.checked_entries == 0 && refused.is_none() {
        faults.push("its report compared nothing".to_owned());
    }
    faults
}
