//! Our own keys of the records that the lifecycle makes: what `correlation_id` holds, and what their sys_ids are
//! derived from.
//!
//! A key is its kind and its parts with `/` between, as in `change/b-1`; ids have no `/` in them, so no two
//! records share a key. Where a part is free text or the whole is too long for the column, the parts are hashed.
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Sha256Digest, Signer as _};
//! use openfactory_sn::SysId;
//! use openfactory_sn::lifecycle::correlation;
//! use openfactory_sn::lifecycle::id::{BuildId, DeviceId, EventId, OrderId};
//!
//! // Where a build's change request is, without asking the instance for it.
//! let (build, device) = (BuildId::new("b-1")?, DeviceId::new("press-7")?);
//! let change = correlation::change(&build);
//! assert_eq!(change.as_str(), "change/b-1");
//! let sys_id = SysId::derived("change_request", &change);
//! assert_eq!(sys_id, SysId::derived("change_request", &correlation::change(&build)));
//!
//! // The other records of a build and of a device that runs it.
//! let (built, runs) = (correlation::build_item(&build), correlation::device_item(&device));
//! assert_eq!((built.as_str(), runs.as_str()), ("build/b-1", "device/press-7"));
//! assert_eq!(correlation::base_image_item("debian-trixie", "13.1").as_str(), "image/debian-trixie/13.1");
//! let ends = [built, runs].map(|item| SysId::derived("cmdb_ci_os_image", &item));
//! let relation = correlation::relation(&ends[0], "Runs on::Runs", &ends[1]);
//! assert_ne!(relation, correlation::relation(&ends[1], "Runs on::Runs", &ends[0]));
//!
//! // A framework's name is free text, so it is hashed; the id before it stays readable.
//! assert!(correlation::evidence(&build, "21 CFR Part 11").as_str().starts_with("evidence/b-1/"));
//! assert!(correlation::compliance(&device, "SOC 2").as_str().starts_with("compliance/press-7/"));
//!
//! // What drift leads to: an incident for each cause and event, and a change request for the order that mends it.
//! let report = EventId::new("report-1")?;
//! let incident = correlation::incident(&device, &Sha256Digest::of(b"etc/shadow"), &report);
//! assert!(incident.as_str().starts_with("incident/press-7/"));
//! assert_eq!((correlation::device_of(&incident), correlation::device_of(&change)), (Some(device.clone()), None));
//! let order = OrderId::derived(&report, "remediation");
//! assert_eq!(correlation::order_change(&order).as_str(), format!("order-change/{order}"));
//! assert_eq!(correlation::daily(&"line-7".parse()?, "2026-11-25").as_str(), "daily/line-7/2026-11-25");
//! assert_eq!(correlation::unlock(&device, 3).as_str(), "unlock/press-7/3");
//!
//! // The incident and the changes of a compromised key.
//! let key = *Ed25519Key::generate()?.key_id();
//! let records = [
//!     correlation::compromise(&key),
//!     correlation::revocation(&key),
//!     correlation::rotation(&key),
//!     correlation::renewal(&key, &build),
//!     correlation::key_item(&key, "SOC 2"),
//! ];
//! assert!(records.iter().all(|record| record.as_str().len() <= 100), "the column holds them");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;

use super::id::{BuildId, DeviceId, EventId, FleetId, MAX_ID_LENGTH, OrderId, hashed};
use crate::id::{CorrelationId, SysId};

/// The change request of a build.
#[must_use]
pub fn change(build: &BuildId) -> CorrelationId {
    joined("change", &[build.as_str()])
}

/// The emergency change request of an order.
#[must_use]
pub fn order_change(order: &OrderId) -> CorrelationId {
    joined("order-change", &[order.as_str()])
}

/// The emergency change request of an unlock, by its number among the transitions of the device's lockdown.
#[must_use]
pub fn unlock(device: &DeviceId, sequence: u64) -> CorrelationId {
    joined("unlock", &[device.as_str(), &sequence.to_string()])
}

/// The incident that an event opens for a device.
#[must_use]
pub fn incident(device: &DeviceId, cause: &Sha256Digest, opened_by: &EventId) -> CorrelationId {
    let cause = cause.to_string();
    let mut hash = hashed("incident", &[&cause, opened_by.as_str()]);
    hash.truncate(16);
    joined("incident", &[device.as_str(), &hash])
}

/// The device that an incident of [`incident`] is about; `None` of another record.
#[must_use]
pub fn device_of(incident: &CorrelationId) -> Option<DeviceId> {
    let (device, _hash) = incident.as_str().strip_prefix("incident/")?.split_once('/')?;
    DeviceId::new(device).ok()
}

/// The incident that holds the daily report of a fleet.
#[must_use]
pub fn daily(fleet: &FleetId, date: &str) -> CorrelationId {
    joined("daily", &[fleet.as_str(), date])
}

/// The incident about a compromised key.
#[must_use]
pub fn compromise(key: &KeyId) -> CorrelationId {
    joined("compromise", &[&key.to_string()])
}

/// The emergency change request that revokes a key.
#[must_use]
pub fn revocation(key: &KeyId) -> CorrelationId {
    joined("revocation", &[&key.to_string()])
}

/// The change request by which a key takes the place of another.
#[must_use]
pub fn rotation(key: &KeyId) -> CorrelationId {
    joined("rotation", &[&key.to_string()])
}

/// The change request by which a build is signed or built anew because of a key.
#[must_use]
pub fn renewal(key: &KeyId, build: &BuildId) -> CorrelationId {
    joined("renewal", &[build.as_str(), &key.to_string()])
}

/// The compliance record about a compromised key, or the report after it, for a framework.
#[must_use]
pub fn key_item(key: &KeyId, framework: &str) -> CorrelationId {
    joined("key", &[&key.to_string(), framework])
}

/// The evidence record of a build for a framework.
#[must_use]
pub fn evidence(build: &BuildId, framework: &str) -> CorrelationId {
    joined("evidence", &[build.as_str(), framework])
}

/// The compliance item of a device for a framework.
#[must_use]
pub fn compliance(device: &DeviceId, framework: &str) -> CorrelationId {
    joined("compliance", &[device.as_str(), framework])
}

/// The configuration item of a base image in a version.
#[must_use]
pub fn base_image_item(base_image: &str, base_version: &str) -> CorrelationId {
    joined("image", &[base_image, base_version])
}

/// The configuration item of a build.
#[must_use]
pub fn build_item(build: &BuildId) -> CorrelationId {
    joined("build", &[build.as_str()])
}

/// The configuration item of a device.
#[must_use]
pub fn device_item(device: &DeviceId) -> CorrelationId {
    joined("device", &[device.as_str()])
}

/// The relation between two configuration items.
#[must_use]
pub fn relation(parent: &SysId, type_name: &str, child: &SysId) -> CorrelationId {
    let hash = hashed("relation", &[parent.as_str(), type_name, child.as_str()]);
    joined("relation", &[&hash])
}

fn joined(kind: &'static str, parts: &[&str]) -> CorrelationId {
    let plain = |part: &&str| {
        !part.is_empty()
            && part.len() <= MAX_ID_LENGTH
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'))
    };
    if parts.iter().all(plain)
        && let Ok(readable) = CorrelationId::new(&format!("{kind}/{}", parts.join("/")))
    {
        return readable;
    }
    // A first part that is an id stays readable; the hash makes the whole unique.
    let hash = hashed(kind, parts);
    match parts.first().filter(|part| plain(part) && parts.len() > 1) {
        Some(first) if kind.len() + first.len() + hash.len() + 2 <= 100 => {
            CorrelationId::from_ids(&[kind, first, &hash])
        }
        _ => CorrelationId::from_ids(&[kind, &hash]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_readable_where_they_can_be() {
        let build = BuildId::new("b-1").unwrap();
        assert_eq!(change(&build).as_str(), "change/b-1");
        assert_eq!(base_image_item("debian-trixie", "13.1").as_str(), "image/debian-trixie/13.1");
        assert!(evidence(&build, "21 CFR Part 11").as_str().starts_with("evidence/b-1/"));
    }

    /// A change would make every record anew.
    #[test]
    fn hashed_keys_are_frozen() {
        let (build, event) = (BuildId::new("b-1").unwrap(), EventId::new("e-1").unwrap());
        let device = DeviceId::new("edge-1").unwrap();
        let relation = relation(&SysId::new("a").unwrap(), "Runs on::Runs", &SysId::new("b").unwrap());
        assert_eq!(
            incident(&device, &Sha256Digest::of(b""), &event).as_str(),
            "incident/edge-1/39fffec3e6c3d26e"
        );
        assert_eq!(evidence(&build, "SOC 2").as_str(), "evidence/b-1/8a1ab7a8adaf08890e9fc44d42c88dc4");
        assert_eq!(relation.as_str(), "relation/1352ac00a74dac1a7fd865c928e8c8c4");
    }

    #[test]
    fn every_key_fits_the_column_and_the_query() {
        let long = "x".repeat(64);
        let (build, device) = (BuildId::new(&*long).unwrap(), DeviceId::new(&*long).unwrap());
        let order = OrderId::new(&*long).unwrap();
        let event = EventId::new(&*long).unwrap();
        let digest = Sha256Digest::of(b"");
        let key: KeyId = digest.to_string().parse().unwrap();
        let keys = [
            change(&build),
            order_change(&order),
            incident(&device, &digest, &event),
            evidence(&build, "21 CFR Part 11, ^ and more"),
            compliance(&device, &"long ".repeat(50)),
            base_image_item(&"a/b".repeat(50), "1^NQ"),
            base_image_item(&long, &long),
            build_item(&build),
            device_item(&device),
            relation(&SysId::new("a").unwrap(), "Runs on::Runs", &SysId::new("b").unwrap()),
            compromise(&key),
            revocation(&key),
            rotation(&key),
            renewal(&key, &build),
            key_item(&key, "21 CFR Part 11"),
            unlock(&device, u64::MAX),
        ];
        for key in &keys {
            assert_eq!(CorrelationId::new(key.as_str()).as_ref(), Ok(key));
        }
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(base_image_item("a/b", "c"), base_image_item("a", "b/c"));
        assert_ne!(base_image_item("a", ""), base_image_item("", "a"));
        assert_ne!(
            compliance(&DeviceId::new("a").unwrap(), "b:c"),
            compliance(&DeviceId::new("a:b").unwrap(), "c")
        );
    }
}
