//! What may a device's persistent overlay hold?
//!
//! Zone 2 is the part of a device that outlives a change of its base image: network configuration, certificates,
//! calibration, logs. This crate reads the two policy files that ship with an image, strictly, and checks values
//! against the constraints in them, purely: a value in, every finding out.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use openfactory_zone2::{Constraints, Observed, Outcome, Priority};
//!
//! let policy = Constraints::parse(br#"{
//!     "version": 1,
//!     "constraints": [{
//!         "id": "plant-address",
//!         "type": "subnet",
//!         "place": { "file": "/etc/plant/network.json", "key": "address" },
//!         "permitted": ["10.20.0.0/16", "fd00:20::/32"]
//!     }]
//! }"#)?;
//!
//! let constraint = policy.get("plant-address").ok_or("not in the policy")?;
//! let now = SystemTime::now();
//! assert!(constraint.check(&Observed::value("10.20.3.7/24"), now).is_empty());
//!
//! let findings = constraint.check(&Observed::value("192.168.3.7/24"), now);
//! assert_eq!(findings[0].priority(), Priority::P2);
//! assert!(matches!(findings[0].outcome(), Outcome::Violated(_)));
//!
//! // Not to know is a finding of its own, neither good nor bad.
//! let findings = constraint.check(&Observed::Absent, now);
//! assert!(matches!(findings[0].outcome(), Outcome::NotChecked(_)));
//!
//! // A policy that can't be read whole is refused whole, with the place.
//! let error = Constraints::parse(br#"{"version": 1, "constraints": [{"type": "tides"}]}"#).unwrap_err();
//! assert_eq!(error.location().path, "$.constraints[0].type");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How to ...
//!
//! - find the rule for a path: [`Manifest::rule_for`];
//! - show what is wrong with a policy file: [`PolicyError`] has line, JSON path and problem;
//! - tell "broken" from "nobody could look": [`Finding::outcome`];
//! - check a value without a policy file: [`constraint::SubnetRule::check`],
//!   [`constraint::CertificateRule::check`], [`constraint::HostnameRule::check`],
//!   [`constraint::AllowedSetRule::check`].
//!
//! # Not here
//!
//! Reading values out of a device's files, and whatever needs Linux. Constraints are of the types subnet,
//! certificate, hostname and allowed set so far; a policy with any other type is refused, never half applied. A
//! certificate is judged by what it says of itself: its chain of signatures is not checked.
//!
//! # Errors
//!
//! Reading a policy fails with [`PolicyError`]; checking can't fail. No input panics, none takes memory or time
//! out of proportion to its size, which is limited ([`policy::MAX_FILE_BYTES`]).

pub mod check;
pub mod command;
pub mod constraint;
#[cfg(feature = "device")]
pub mod device;
mod finding;
mod instant;
mod json;
pub mod live;
pub mod lockdown;
pub mod overlay_report;
pub mod place;
pub mod policy;
mod policy_error;
pub mod scan;
pub mod seal;
pub mod value;
pub mod violation;

pub use command::Command;
pub use finding::{Finding, NotChecked, Outcome, Role, Violation};
pub use lockdown::{LockdownRecord, LockdownState};
pub use openfactory_attest::drift::Priority;
pub use overlay_report::OverlayReport;
pub use policy::constraints::Constraints;
pub use policy::manifest::Manifest;
pub use policy_error::PolicyError;
pub use seal::Seal;
pub use value::Observed;
pub use violation::Row;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
