//! What a device says of itself: its files against the baseline that was signed when its image was built, and what
//! guards its image and runs on it.

mod nonce;
mod service;
mod verity;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::manifest::Difference;

pub use nonce::{Nonce, ParseNonceError};
pub use service::{Expected, MAX_SERVICES, ServiceFault, ServiceState, Services, ServicesError};
pub use verity::{VerityProof, VerityState};

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
    /// The challenge that it answers. Without one it tells what was, and proves nothing about now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// Digest of the manifest that it compared with; the verification document of its build has to name the same.
    pub manifest_digest: Sha256Digest,
    /// Digest of the verification document by which it knew manifest and root hash, as
    /// [`Envelope::payload_digest`](crate::envelope::Envelope::payload_digest) computes it: whether it took a document
    /// that was signed anew. Absent in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_digest: Option<Sha256Digest>,
    /// Entries of the manifest that were compared.
    pub checked_entries: u64,
    /// All that differs.
    pub findings: Vec<Difference>,
    /// What guards its image; absent where the device was not asked to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verity: Option<VerityState>,
    /// Its services; absent where the device was not asked to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// What the device was to look at and could not, with the reason. Says nothing about what is there; whoever wants
    /// proof has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
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
            nonce: None,
            manifest_digest,
            document_digest: None,
            checked_entries,
            findings: Vec::new(),
            verity: None,
            services: None,
            not_checked: Vec::new(),
        }
    }

    /// The same report with what differs.
    #[must_use]
    pub fn with_findings(self, findings: Vec<Difference>) -> Self {
        Self { findings, ..self }
    }

    /// The same report, by this verification document.
    #[must_use]
    pub fn with_document(self, digest: Sha256Digest) -> Self {
        Self { document_digest: Some(digest), ..self }
    }

    /// The same report as the answer to a challenge.
    #[must_use]
    pub fn with_nonce(self, nonce: Nonce) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// The same report with what guards the image.
    #[must_use]
    pub fn with_verity(self, verity: VerityState) -> Self {
        Self { verity: Some(verity), ..self }
    }

    /// The same report with the services.
    #[must_use]
    pub fn with_services(self, services: Services) -> Self {
        Self { services: Some(services), ..self }
    }

    /// Whether the device is as it was built, as far as it looked: something was compared, nothing differs, its
    /// image was not found broken, no service is in a state that it must not be in, and it could look at all that it was to.
    #[must_use]
    pub fn compliant(&self) -> bool {
        let image = !matches!(self.verity, Some(VerityState::Broken { .. }));
        let services = self.services.as_ref().is_none_or(|services| services.faults().next().is_none());
        self.findings.is_empty()
            && self.not_checked.is_empty()
            && self.checked_entries > 0
            && image
            && services
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(checked: u64) -> DeviceReport {
        let digest = Sha256Digest::of(b"manifest");
        DeviceReport::new("press-1", "build-1", SystemTime::UNIX_EPOCH, digest, checked)
    }

    #[test]
    fn a_report_that_looked_at_nothing_is_not_compliant() {
        assert!(report(1).compliant());
        assert!(!report(0).compliant());
        let json = serde_json::to_value(report(1)).unwrap();
        assert_eq!(json["time"], "1970-01-01T00:00:00Z");
        assert_eq!(serde_json::from_value::<DeviceReport>(json).unwrap(), report(1));
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read_and_what_it_lacks_is_not_written() {
        let text = format!(
            r#"{{"device":"press-1","build_id":"build-1","time":"1970-01-01T00:00:00Z","manifest_digest":"{}","checked_entries":1,"findings":[]}}"#,
            Sha256Digest::of(b"manifest")
        );
        assert_eq!(serde_json::from_str::<DeviceReport>(&text).unwrap(), report(1));
        assert_eq!(serde_json::to_string(&report(1)).unwrap(), text);
    }

    #[test]
    fn a_broken_image_or_a_service_fault_is_not_compliant_but_what_nobody_could_look_at_is_no_fault() {
        let root = Sha256Digest::of(b"root");
        let full = report(1).with_nonce(Nonce::from_bytes([7; 32]));
        let proved = VerityState::Proved { root_hash: root, by: VerityProof::File };
        assert!(full.clone().with_verity(proved).compliant());
        let broken = VerityState::Broken { root_hash: root, by: VerityProof::Kernel, reason: "C".to_owned() };
        assert!(!full.clone().with_verity(broken).compliant());
        let unknown = VerityState::NotChecked { reason: "no dm-verity".to_owned() };
        assert!(full.clone().with_verity(unknown).compliant());
        let stopped = ServiceState::new("ssh.service", "inactive", false, Expected::Required);
        let services = Services::new([stopped]).unwrap();
        assert!(!full.clone().with_services(services.clone()).compliant());
        let json = serde_json::to_string(&full.clone().with_services(services.clone())).unwrap();
        assert_eq!(serde_json::from_str::<DeviceReport>(&json).unwrap(), full.with_services(services));
    }
}
