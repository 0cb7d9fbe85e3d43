//! What may a device's persistent overlay hold?
//!
//! Zone 2 is the part of a device that outlives a change of its base image: network configuration, certificates,
//! calibration, logs. This crate reads the two policy files that ship with an image, strictly; looks at what a device
//! holds, without ever following out of it; says all that is wrong; seals what is right; and keeps track of when it may
//! be written and who said so. Deciding is pure; what looks at the system is behind the feature `device`.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use openfactory_zone2::{Constraints, LockdownState, Observed, Outcome, Priority, Row};
//! use openfactory_zone2::lockdown::{self, Trigger};
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
//!
//! // A window that expires ends where only a signed lock could have sealed anew.
//! let closed = lockdown::step(LockdownState::Unlocked, Trigger::Expired)?;
//! assert_eq!((closed.to, closed.row), (LockdownState::Locked, Row::Relocked));
//! assert!(lockdown::step(LockdownState::Unlocked, Trigger::Migrate).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How to ...
//!
//! - look at a device: `device::Zone::scan`, then [`inspect::inspect`], or one of its checks alone: [`check`];
//! - tell it: [`OverlayReport`], whose findings are grouped by cause;
//! - know what follows: [`Row`] has priority, role, records and automation of each row of the guide's tables;
//! - take a value out of a file: [`value::extract`]; an address from an interface: [`live`];
//! - lock, unlock, seal: [`command::verify`], [`LockdownRecord::command`], [`Seal`], `lockdown::store`;
//! - find the rule for a path: [`Manifest::rule_for`];
//! - show what is wrong with a policy file: [`PolicyError`] has line, JSON path and problem;
//! - tell "broken" from "nobody could look": [`Finding::outcome`];
//! - check a value without a policy file: [`constraint::SubnetRule::check`],
//!   [`constraint::CertificateRule::check`], [`constraint::HostnameRule::check`],
//!   [`constraint::AllowedSetRule::check`];
//! - bring the overlay to another base: `migrate::Migration`; boot that, and fall back: `boot`; watch it: `monitor`.
//!
//! # Features
//!
//! `device` (default): scan a real directory, list real interfaces, ask a satellite receiver, keep the lockdown record on
//! disk, migrate. `monitor`: fanotify and the kernel's audit log, as root. Linux both. Without them the crate is types and
//! pure functions.
//!
//! # Not here
//!
//! Mounting Zone 2 read-only or read-write. A certificate's chain is checked where the policy names trusted certificates,
//! without revocation lists and certificate policies.
//!
//! # Errors
//!
//! Reading a policy fails with [`PolicyError`]; checking can't fail. No input panics, none takes memory or time
//! out of proportion to its size, which is limited ([`policy::MAX_FILE_BYTES`], [`value::MAX_FILE_BYTES`],
//! [`scan::MAX_ENTRIES`], [`command::MAX_ENVELOPE_BYTES`]).

#[cfg(feature = "device")]
pub mod boot;
pub mod check;
pub mod command;
pub mod constraint;
#[cfg(feature = "device")]
pub mod device;
#[cfg(feature = "device")]
mod durable;
pub mod finding;
pub mod inspect;
mod instant;
mod json;
pub mod live;
pub mod lockdown;
#[cfg(feature = "device")]
pub mod migrate;
#[cfg(feature = "monitor")]
pub mod monitor;
pub mod nmea;
pub mod overlay_report;
pub mod place;
pub mod policy;
mod policy_error;
pub mod scan;
pub mod seal;
pub mod value;
pub mod violation;
mod x509;

pub use command::Command;
pub use finding::{Finding, Outcome, Role};
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
