//! What a device says of itself: its files against the baseline that was signed when its image was built.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::manifest::Difference;

/// A device's report: plain data, believed only out of an envelope that the device's own key has signed.
///
/// As JSON the time is RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceReport {
    /// The device.
    pub device: String,
    /// The build that it runs.
    pub build_id: String,
    /// When the device looked.
    #[serde(with = "crate::instant")]
    pub time: SystemTime,
    /// Digest of the manifest that it compared with; the verification document of its build has to name the same.
    pub manifest_digest: Sha256Digest,
    /// Entries of the manifest that were compared.
    pub checked_entries: u64,
    /// All that differs.
    pub findings: Vec<Difference>,
}

impl DeviceReport {
    /// A report without findings.
    pub fn new(
        device: impl Into<String>,
        build_id: impl Into<String>,
        time: SystemTime,
        manifest_digest: Sha256Digest,
        checked_entries: u64,
    ) -> Self {
        Self {
            device: device.into(),
            build_id: build_id.into(),
            time,
            manifest_digest,
            checked_entries,
            findings: Vec::new(),
        }
    }

    /// The same report with what differs.
    #[must_use]
    pub fn with_findings(self, findings: Vec<Difference>) -> Self {
        Self { findings, ..self }
    }

    /// Whether the device is as it was built, as far as it looked: something was compared, nothing differs.
    #[must_use]
    pub fn compliant(&self) -> bool {
        self.findings.is_empty() && self.checked_entries > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_looked_at_nothing_is_not_compliant() {
        let report = |checked| {
            let digest = Sha256Digest::of(b"manifest");
            DeviceReport::new("press-1", "build-1", SystemTime::UNIX_EPOCH, digest, checked)
        };
        assert!(report(1).compliant());
        assert!(!report(0).compliant());
        let json = serde_json::to_value(report(1)).unwrap();
        assert_eq!(json["time"], "1970-01-01T00:00:00Z");
        assert_eq!(serde_json::from_value::<DeviceReport>(json).unwrap(), report(1));
    }
}
