//! Facts about devices.
//!
//! What is sent about a device, and by it:
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use openfactory_attest::{Sha256Digest, report::DeviceReport};
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::device::{Deployment, DeviceDeployed, DeviceReported};
//! use openfactory_sn::lifecycle::id::{BuildId, DeviceId, FleetId};
//! use openfactory_zone2::{LockdownRecord, OverlayReport};
//!
//! let digest = |of: &str| Sha256Digest::of(of.as_bytes());
//! let mut deployed = DeviceDeployed::new(Deployment {
//!     device: DeviceId::new("press-7")?,
//!     serial: "SN-0007".to_owned(),
//!     fleet: FleetId::new("line-7")?,
//!     build_id: BuildId::new("b-1")?,
//!     base_image: "debian-trixie".to_owned(),
//!     base_version: "13.1".to_owned(),
//!     os_version: "13.1-b-1".to_owned(),
//!     distribution: "Debian".to_owned(),
//!     recipe_hash: digest("recipe"),
//!     root_hash: digest("root"),
//!     document_digest: digest("document"),
//! });
//! deployed.features.push("ssh".to_owned());
//! deployed.security_level = "strict".to_owned();
//! assert_eq!(EventBody::DeviceDeployed(Box::new(deployed)).key(), "device:press-7");
//!
//! // The device compares its files with the signed manifest, and says how its overlay stands.
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let report = DeviceReport::new("press-7", "b-1", now, digest("manifest"), 1234);
//! let overlay = OverlayReport::new(&LockdownRecord::born(now), digest("policy"));
//! let reported = DeviceReported::new(report).with_overlay(overlay);
//! assert!(reported.report.compliant());
//! assert!(!reported.overlay.as_ref().is_some_and(OverlayReport::compliant), "it is not locked yet");
//! assert_eq!(EventBody::DeviceReported(Box::new(reported)).speaker(), Some("press-7"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the workflow makes of it, as a page for operators could put it:
//!
//! ```
//! use openfactory_sn::lifecycle::event::device::{
//!     DeviceComplied, DeviceDrifted, DeviceUnattested, DriftKind, Finding, OverlayFacts, ProvedOrder, Unattested,
//! };
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::priority::Priority;
//! use openfactory_zone2::LockdownState;
//!
//! fn line(told: &Event) -> Option<String> {
//!     match &told.body {
//!         EventBody::DeviceDrifted(drifted) => Some(deviation(drifted)),
//!         EventBody::DeviceUnattested(unattested) => Some(no_proof(unattested)),
//!         EventBody::DeviceComplied(complied) => Some(proof(complied)),
//!         _ => None,
//!     }
//! }
//!
//! fn deviation(drifted: &DeviceDrifted) -> String {
//!     let what = match drifted.about {
//!         DriftKind::Files => "file(s)",
//!         DriftKind::Verity => "image",
//!         DriftKind::RequiredService | DriftKind::UnauthorizedService => "service(s)",
//!         _ => "overlay",
//!     };
//!     let worst = drifted.findings.first().map_or("", |finding| &finding.path);
//!     format!("{}: {} {} {what}, first {worst}", drifted.device, drifted.priority, drifted.findings_total)
//! }
//!
//! fn no_proof(unattested: &DeviceUnattested) -> String {
//!     let why = match &unattested.cause {
//!         Unattested::Refused { reason } => format!("its report is refused, {reason}"),
//!         Unattested::Silent { .. } => "it is silent".to_owned(),
//!         Unattested::Unproved { order, .. } => format!("nothing proves order {order}"),
//!         Unattested::Unchecked { what } => format!("it could not look at {}", what.join(", ")),
//!         _ => "it is not attested".to_owned(),
//!     };
//!     format!("{}: {} {why}", unattested.device, unattested.priority)
//! }
//!
//! fn proof(complied: &DeviceComplied) -> String {
//!     let sealed = |overlay: &OverlayFacts| overlay.lockdown == LockdownState::Locked && overlay.seal.is_some();
//!     let sealed = if complied.overlay.as_ref().is_some_and(sealed) { " and sealed" } else { "" };
//!     let after = |proved: &ProvedOrder| format!(", order {} is proved", proved.order);
//!     let after = complied.proves.as_ref().map(after).unwrap_or_default();
//!     format!("{}: as {} was built{sealed}{after}", complied.device, complied.build_id)
//! }
//!
//! let drifted = r#"{
//!     "id": "1", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:43:25.120Z",
//!     "type": "tech.openfactory.device.drifted.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "priority": "P1", "findings_total": 1,
//!         "findings": [{"priority": "P1", "path": "etc/shadow", "kind": "content", "class": "security file"}],
//!         "cause": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
//!         "incident": "incident/press-7/39fffec3e6c3d26e", "compliance": "drifted",
//!         "reported_at": "2026-11-25T14:43:20.000Z"
//!     }
//! }"#;
//! let told = Event::parse(drifted.as_bytes())?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: P1 1 file(s), first etc/shadow"));
//!
//! // Findings are in the order of their urgency, whoever sorts them.
//! let EventBody::DeviceDrifted(body) = told.body else { panic!("{told:?}") };
//! let mut findings = body.findings;
//! findings.insert(0, Finding::new(Priority::P3, "etc/motd", "content", "configuration", "edited by hand"));
//! findings.sort();
//! assert_eq!(findings[0].path, "etc/shadow");
//!
//! let told = Event::parse(br#"{
//!     "id": "2", "source": "/openfactory/lifecycle", "time": "2026-11-26T14:43:25.120Z",
//!     "type": "tech.openfactory.device.unattested.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "priority": "P2", "compliance": "drifted",
//!         "cause": {"why": "silent", "since": "2026-11-25T14:43:20.000Z"},
//!         "incident": "incident/press-7/8a1ab7a8adaf0889"
//!     }
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: P2 it is silent"));
//!
//! let told = Event::parse(br#"{
//!     "id": "3", "source": "/openfactory/lifecycle", "time": "2026-11-26T15:43:25.120Z",
//!     "type": "tech.openfactory.device.complied.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "reported_at": "2026-11-26T15:43:20.000Z",
//!         "manifest_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
//!         "checked_entries": 1234, "record_compliance": true,
//!         "proves": {"order": "o-1", "complete": true, "change_request": true}
//!     }
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: as b-1 was built, order o-1 is proved"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the clock says when nothing came:
//!
//! ```
//! use openfactory_sn::lifecycle::event::device::{Awaited, ReportOverdue};
//! use openfactory_sn::lifecycle::timestamp;
//!
//! fn missing(overdue: &ReportOverdue) -> String {
//!     let since = timestamp::format(overdue.since);
//!     match &overdue.awaited {
//!         Awaited::Proof { order } => format!("{} owes the proof of {order} since {since}", overdue.device),
//!         _ => format!("{} owes a report since {since}", overdue.device),
//!     }
//! }
//!
//! let overdue: ReportOverdue = serde_json::from_str(r#"{
//!     "device": "press-7", "build_id": "b-1", "awaited": {"awaited": "proof", "order": "o-1"},
//!     "since": "2026-11-25T14:43:25.120Z"
//! }"#)?;
//! assert_eq!(missing(&overdue), "press-7 owes the proof of o-1 since 2026-11-25T14:43:25.120Z");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::report::DeviceReport;
use openfactory_zone2::{LockdownState, OverlayReport, Row};
use serde::{Deserialize, Serialize};

use crate::id::CorrelationId;
use crate::lifecycle::compliance::Compliance;
use crate::lifecycle::id::{BuildId, DeviceId, FleetId, OrderId};
use crate::lifecycle::priority::Priority;
use crate::lifecycle::timestamp;

/// Type name of [`DeviceDeployed`].
pub const DEPLOYED: &str = "tech.openfactory.device.deployed.v1";
/// Type name of [`DeviceReported`].
pub const REPORTED: &str = "tech.openfactory.device.reported.v1";
/// Type name of [`DeviceDrifted`].
pub const DRIFTED: &str = "tech.openfactory.device.drifted.v1";
/// Type name of [`DeviceUnattested`].
pub const UNATTESTED: &str = "tech.openfactory.device.unattested.v1";
/// Type name of [`DeviceComplied`].
pub const COMPLIED: &str = "tech.openfactory.device.complied.v1";
/// Type name of [`ReportOverdue`].
pub const REPORT_OVERDUE: &str = "tech.openfactory.device.report_overdue.v1";

/// Findings that one event lists at most; their number is told in full.
pub const MAX_FINDINGS: usize = 200;

/// A device was made to run a build (guide, Stage 4, "CMDB Configuration Item Mapping").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceDeployed {
    /// The device: `asset_tag`.
    pub device: DeviceId,
    /// Its serial number.
    pub serial: String,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it runs now.
    pub build_id: BuildId,
    /// The base image that the build was made from, such as `debian-trixie`.
    pub base_image: String,
    /// The base image's version.
    pub base_version: String,
    /// The OS version.
    pub os_version: String,
    /// The distribution: `Ubuntu`, `Debian`, `Fedora`, `Elster OS`.
    pub distribution: String,
    /// The recipe's features.
    pub features: Vec<String>,
    /// `minimal`, `standard`, `strict`, or empty if the recipe has none.
    #[serde(default)]
    pub security_level: String,
    /// The recipe's hash.
    pub recipe_hash: Sha256Digest,
    /// The image's dm-verity root hash.
    pub root_hash: Sha256Digest,
    /// The verification document's digest.
    pub document_digest: Sha256Digest,
}

/// What [`DeviceDeployed::new`] must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it names the required fields of an event of version 1")]
pub struct Deployment {
    /// The device.
    pub device: DeviceId,
    /// Its serial number.
    pub serial: String,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it runs now.
    pub build_id: BuildId,
    /// The base image.
    pub base_image: String,
    /// The base image's version.
    pub base_version: String,
    /// The OS version.
    pub os_version: String,
    /// The distribution.
    pub distribution: String,
    /// The recipe's hash.
    pub recipe_hash: Sha256Digest,
    /// The image's dm-verity root hash.
    pub root_hash: Sha256Digest,
    /// The verification document's digest.
    pub document_digest: Sha256Digest,
}

impl DeviceDeployed {
    /// Without features and security level.
    #[must_use]
    pub fn new(deployment: Deployment) -> Self {
        let Deployment {
            device,
            serial,
            fleet,
            build_id,
            base_image,
            base_version,
            os_version,
            distribution,
            recipe_hash,
            root_hash,
            document_digest,
        } = deployment;
        Self {
            device,
            serial,
            fleet,
            build_id,
            base_image,
            base_version,
            os_version,
            distribution,
            features: Vec::new(),
            security_level: String::new(),
            recipe_hash,
            root_hash,
            document_digest,
        }
    }
}

/// A device's signed account of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceReported {
    /// The report; its members stand at the top of the data.
    #[serde(flatten)]
    pub report: DeviceReport,
    /// What it found in its overlay; absent on a device without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<OverlayReport>,
}

impl DeviceReported {
    /// A report of a device without an overlay.
    #[must_use]
    pub const fn new(report: DeviceReport) -> Self {
        Self { report, overlay: None }
    }

    /// The same with what the device found in its overlay.
    #[must_use]
    pub fn with_overlay(self, overlay: OverlayReport) -> Self {
        Self { overlay: Some(overlay), ..self }
    }
}

/// One deviation from what was built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its priority, by the guide's drift severity mapping.
    pub priority: Priority,
    /// The path inside the image.
    pub path: String,
    /// What is different: `content`, `added`, `removed`, ...
    pub kind: String,
    /// The row of the drift severity mapping that applies.
    pub class: String,
    /// What was found and what was expected, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Finding {
    /// All there is to say.
    pub fn new(
        priority: Priority,
        path: impl Into<String>,
        kind: impl Into<String>,
        class: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { priority, path: path.into(), kind: kind.into(), class: class.into(), detail: detail.into() }
    }
}

/// What sort of thing a deviation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DriftKind {
    /// Files differ from the signed manifest.
    #[default]
    Files,
    /// Its image is not the one with the signed dm-verity root hash.
    Verity,
    /// Required services do not run.
    RequiredService,
    /// Services run that no list allows.
    UnauthorizedService,
    /// Something in its overlay, or its lockdown (guide, the tables about Zone 2).
    Overlay {
        /// The row of the most urgent finding.
        row: Row,
    },
}

impl DriftKind {
    /// Whether it is about files, which is what a document without a kind means.
    pub(crate) const fn is_files(&self) -> bool {
        matches!(self, Self::Files)
    }
}

/// A device is not what was built (guide, Stages 5 and 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceDrifted {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running as it was built.
    pub build_id: BuildId,
    /// The highest priority among the findings.
    pub priority: Priority,
    /// At most [`MAX_FINDINGS`] of them, the most urgent first.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub findings_total: usize,
    /// What is known about the device's compliance now: drifted, or still kept apart.
    pub compliance: Compliance,
    /// Digest of the findings: the same deviation has the same cause.
    pub cause: Sha256Digest,
    /// The incident that this opens.
    pub incident: CorrelationId,
    /// The report's own time.
    #[serde(with = "timestamp")]
    pub reported_at: SystemTime,
    /// What sort of thing it is.
    #[serde(default, skip_serializing_if = "DriftKind::is_files")]
    pub about: DriftKind,
    /// The flags that the device's configuration item has by now, such as `Cert Expired`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// Why a device is not attested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unattested {
    /// Its report came and was refused.
    Refused {
        /// What is wrong with it.
        reason: String,
    },
    /// No report came.
    Silent {
        /// Since when one is awaited.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// A remediation was not followed by a report that proves it.
    Unproved {
        /// The order that was performed.
        order: OrderId,
        /// When it was performed.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// Its report came and was accepted, but the device could not look at all that it was to.
    Unchecked {
        /// What, and why not; at most [`MAX_FINDINGS`].
        what: Vec<String>,
    },
}

/// A device's report is missing or was refused: an attestation failure (guide, Stage 6, P2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceUnattested {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// P2, as the matrix has it.
    pub priority: Priority,
    /// What is known about the device's compliance now.
    pub compliance: Compliance,
    /// Why.
    pub cause: Unattested,
    /// The incident that this opens.
    pub incident: CorrelationId,
}

/// The order that a proof of compliance completes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProvedOrder {
    /// The order.
    pub order: OrderId,
    /// Whether the platform had said that all of it was done.
    pub complete: bool,
    /// Whether it has an emergency change request, which is to be closed.
    pub change_request: bool,
}

/// A device proved that it is what was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceComplied {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it runs.
    pub build_id: BuildId,
    /// The report's own time.
    #[serde(with = "timestamp")]
    pub reported_at: SystemTime,
    /// How many entries of the manifest were compared.
    pub checked_entries: u64,
    /// The manifest's digest.
    pub manifest_digest: Sha256Digest,
    /// Whether the compliance records are to be written: the status changed, or the daily heartbeat is due.
    pub record_compliance: bool,
    /// The incidents that this resolves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolves: Vec<CorrelationId>,
    /// The order that this proves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proves: Option<ProvedOrder>,
    /// The build whose relation to the device ends with this proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<BuildId>,
    /// What its overlay was found to be, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<OverlayFacts>,
}

/// An overlay that was found to be as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OverlayFacts {
    /// Whether it may be written.
    pub lockdown: LockdownState,
    /// The seal in force.
    pub seal: Option<Sha256Digest>,
    /// The policy that was applied.
    pub policy: Sha256Digest,
}

/// What a timer waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "awaited", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Awaited {
    /// Any report of the device.
    Report,
    /// A report that proves this order.
    Proof {
        /// The order.
        order: OrderId,
    },
}

/// A report did not come in time; whether that still matters is decided when this is handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReportOverdue {
    /// The device.
    pub device: DeviceId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// What is awaited.
    pub awaited: Awaited,
    /// Since when.
    #[serde(with = "timestamp")]
    pub since: SystemTime,
}
