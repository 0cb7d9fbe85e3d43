//! "Zone 2 Migration Failures": an overlay over the old base, written by a process, is brought to the new base.

use std::fs;

use openfactory_zone2::device::{SystemFacts, Zone};
use openfactory_zone2::migrate::{NewBase, NoFaults, Phase, Resumed, Store};
use openfactory_zone2::policy::Policy;
use openfactory_zone2::value::Observer;
use openfactory_zone2::{Priority, Row, check};

use super::super::disk::Disk;
use super::super::migration::{authorities, base, dump, failed, migrated, none, plan, policy};
use super::super::support::at;
use super::super::watched::shell;

/// The old base, whatever is below an overlay of these tests.
const OLD: [(&str, &str); 2] = [("etc/plant.json", r#"{"mode": "on"}"#), ("etc/limits", "old")];

/// A disk whose Zone 2 holds what a process wrote by way of a mounted overlay.
fn device(test: &str, line: &str) -> Option<(Disk, Store)> {
    let mut disk = Disk::new(test)?;
    let store = Store::new(disk.root());
    let (lower, merged, work) = (disk.beside("base"), disk.beside("merged"), disk.root().join("work"));
    for directory in [&store.zone(), &work, &lower.join("etc")] {
        fs::create_dir(directory).unwrap();
    }
    for (path, content) in OLD {
        fs::write(lower.join(path), content).unwrap();
    }
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        store.zone().display(),
        work.display()
    );
    disk.mount(&["-t", "overlay", "-o", &layers, "overlay"], &merged);
    let output = shell(line, &merged);
    disk.unmount();
    assert!(output.status.success(), "{line}: {output:?}");
    Some((disk, store))
}

/// What failed first, in which phase and how urgent it is; Zone 2 is what it was.
#[track_caller]
fn fails(store: &Store, new: NewBase<'_>) -> (Row, Phase, Priority, String) {
    let report = failed(store, new);
    let first = &report.failures[0];
    (first.row, report.last, first.finding().unwrap().priority, first.path.clone())
}

#[test]
pub(super) fn guide_row_stale_whiteout_hides_new_base_content() {
    let test = "guide_row_stale_whiteout_hides_new_base_content";
    let Some((_disk, store)) = device(test, "rm etc/limits") else { return };
    let (policy, plan, old, new) = (policy(""), none(), base(&OLD), base(&[OLD[0], ("etc/limits", "new")]));
    let found = fails(&store, NewBase::new("press-1", &policy, &plan, &old, &new));
    assert_eq!(found, (Row::WhiteoutConflict, Phase::Whiteouts, Priority::P2, "/etc/limits".into()));
}

#[test]
pub(super) fn guide_row_schema_migration_transform_failure() {
    let test = "guide_row_schema_migration_transform_failure";
    let line = r#"echo '{"mode": "sideways"}' > etc/plant.json"#;
    let Some((_disk, store)) = device(test, line) else { return };
    let plan = plan(
        r#"{"version": 1, "transforms": [{"file": "/etc/plant.json", "format": "json",
            "steps": [{"map": {"key": "mode", "values": [{"from": "on", "to": "auto"}]}}]}]}"#,
    );
    let (policy, old) = (policy(""), base(&OLD));
    let found = fails(&store, NewBase::new("press-1", &policy, &plan, &old, &old));
    assert_eq!(found, (Row::SchemaTransform, Phase::Schema, Priority::P2, "/etc/plant.json".into()));
}

#[test]
pub(super) fn guide_row_unexpected_binary_in_zone_2() {
    let test = "guide_row_unexpected_binary_in_zone_2";
    let Some((_disk, store)) = device(test, "cp /bin/true etc/calibration; chmod 644 etc/calibration") else {
        return;
    };
    let (policy, plan, old) = (policy(""), none(), base(&OLD));
    let found = fails(&store, NewBase::new("press-1", &policy, &plan, &old, &old));
    assert_eq!(found, (Row::UnexpectedBinary, Phase::Anomalies, Priority::P1, "/etc/calibration".into()));
}

#[test]
pub(super) fn guide_row_certificate_chain_broken_after_migration() {
    let test = "guide_row_certificate_chain_broken_after_migration";
    let (ours, other, pem) = authorities();
    let Some((_disk, store)) = device(test, &format!("echo '{pem}' > etc/tls.pem")) else { return };
    let policy =
        policy(r#"{"id": "identity", "type": "certificate", "place": {"file": "/etc/tls.pem", "key": "."}}"#);
    let (plan, old) = (none(), base(&OLD));
    let new = NewBase::new("press-1", &policy, &plan, &old, &old);
    let found = fails(&store, new.trusting(&other));
    assert_eq!(found, (Row::BrokenChain, Phase::Integrity, Priority::P2, "/etc/tls.pem".into()));
    migrated(&store, new.trusting(&ours));
}

/// What the running device says against a policy, once the new base runs.
fn validated(store: &Store, policy: &Policy) -> check::Results {
    let zone = Zone::open(&store.zone()).unwrap();
    let mut observer = Observer::new(&zone, &SystemFacts);
    check::constraints(&policy.constraints, at(0), |place| observer.observe(place))
}

/// The address that a device has can be asked for only once it runs.
fn loopback_in(subnet: &str) -> Policy {
    policy(&format!(
        r#"{{"id": "address", "type": "subnet", "place": {{"interface": "lo"}}, "permitted": ["{subnet}", "::1/128"]}}"#
    ))
}

#[test]
pub(super) fn guide_row_post_boot_validation_failure_after_migration() {
    let test = "guide_row_post_boot_validation_failure_after_migration";
    let Some((_disk, store)) = device(test, "rm etc/limits; echo calibrated > etc/calibration") else {
        return;
    };
    let (policy, plan, old, new) = (loopback_in("203.0.113.0/24"), none(), base(&OLD), base(&[OLD[0]]));
    let before = dump(&store.zone());
    migrated(&store, NewBase::new("press-1", &policy, &plan, &old, &new));
    assert_ne!(dump(&store.zone()), before);
    let found = validated(&store, &policy);
    let Resumed::RolledBack(report) = store.finish(&found.findings, &mut NoFaults).unwrap() else { panic!() };
    let finding = report.failures[0].finding().unwrap();
    assert_eq!((finding.row, finding.priority), (Row::PostBootValidation, Priority::P2));
    assert_eq!(finding.subject, "interface lo");
    assert_eq!(dump(&store.zone()), before, "byte for byte");
}

#[test]
pub(super) fn guide_row_successful_migration() {
    let test = "guide_row_successful_migration";
    let Some((disk, store)) = device(test, "rm etc/limits; echo calibrated > etc/calibration") else {
        return;
    };
    let (policy, plan, old, new) = (loopback_in("127.0.0.0/8"), none(), base(&OLD), base(&[OLD[0]]));
    let report = migrated(&store, NewBase::new("press-1", &policy, &plan, &old, &new));
    assert_eq!((report.failures.len(), report.last), (0, Phase::Integrity));
    assert_eq!(validated(&store, &policy), check::Results::default());
    assert!(matches!(store.finish(&[], &mut NoFaults).unwrap(), Resumed::Accepted(_)));
    // The whiteout of what the new base doesn't bring is gone, the rest is there.
    assert!(fs::symlink_metadata(store.zone().join("etc/limits")).is_err());
    assert_eq!(fs::read_to_string(store.zone().join("etc/calibration")).unwrap(), "calibrated\n");
    assert!(!disk.root().join("zone.next").exists());
}
