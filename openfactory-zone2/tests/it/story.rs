//! A device's life on a real directory: provisioned, sealed, tampered with, unlocked, relocked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use openfactory_zone2::command::Action;
use openfactory_zone2::device::Zone;
use openfactory_zone2::inspect::{KeptSeal, Remembered, inspect};
use openfactory_zone2::lockdown::store::LockdownStore;
use openfactory_zone2::policy::Policy;
use openfactory_zone2::seal::Binding;
use openfactory_zone2::{LockdownRecord, LockdownState, Observed, OverlayReport, Row, Seal};

use super::commands::obey;
use super::support::{at, key, manifest_json, trust};

#[test]
fn a_device_reports_what_happens_to_its_overlay() {
    let (disk, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let etc = disk.path().join("etc");
    fs::create_dir(&etc).unwrap();
    fs::set_permissions(&etc, fs::Permissions::from_mode(0o755)).unwrap();
    let write = |name: &str, content: &str| {
        fs::write(etc.join(name), content).unwrap();
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    };
    write("a.conf", "address=10.20.3.7\n");
    let zone = Zone::open(disk.path()).unwrap();
    let policy = Policy::parse(manifest_json().as_bytes(), br#"{"version": 1, "constraints": []}"#).unwrap();
    let store = LockdownStore::new(state.path());

    let report = |record: &LockdownRecord, seal: KeptSeal<'_>| {
        let remembered = Remembered::new(record, seal);
        inspect(&zone.scan(&policy.manifest), &policy, &remembered, at(0), |_| Observed::Absent)
    };
    // Seals what is there, stores seal and record in that order.
    let lock = |record: &LockdownRecord, id: &str, now: u64| {
        let next = obey(record, id, Action::Lock, now).unwrap();
        let seal =
            Seal::of(&zone.scan(&policy.manifest), Binding::new("press-1", at(now), id, policy.digest))
                .unwrap();
        let envelope = seal.sign(&key(2)).unwrap();
        let seal = Seal::open(&envelope, &trust(), "press-1").unwrap().into_inner();
        let digest = envelope.payload_digest();
        let record = next.into_record(Some(digest)).unwrap();
        store.save(&record).unwrap();
        (record, seal, digest)
    };

    let born = store.provision(at(0)).unwrap();
    assert!(!report(&born, KeptSeal::None).compliant());
    let (locked, seal, digest) = lock(&born, "c-1", 20);
    let kept = || KeptSeal::Opened(&seal, digest);
    assert!(report(&locked, kept()).compliant());
    // Without the very seal that the record names, nobody knows.
    for (seal, reason) in [
        (KeptSeal::None, "there is no seal"),
        (KeptSeal::Unusable("the seal is not vouched for".into()), "the seal is not vouched for"),
        (KeptSeal::Opened(&seal, policy.digest), "is not the one that holds"),
    ] {
        let unknown = report(&locked, seal);
        assert!(!unknown.compliant() && unknown.findings.is_empty());
        assert!(unknown.not_checked[0].reason.contains(reason), "{unknown:?}");
    }

    // Nor does another policy count than the one that was sealed.
    let other =
        Policy::parse(br#"{"version": 1, "paths": []}"#, br#"{"version": 1, "constraints": []}"#).unwrap();
    let remembered = Remembered::new(&locked, kept());
    let other = inspect(&Default::default(), &other, &remembered, at(0), |_| Observed::Absent);
    assert!(
        other
            .findings
            .iter()
            .any(|finding| (finding.row, &*finding.subject) == (Row::HashMismatch, "policy"))
    );

    write("b.conf", "#!/bin/sh\n");
    write("a.conf", "address=192.168.1.1\n");
    let tampered = report(&locked, kept());
    let rows: Vec<_> =
        tampered.causes().iter().map(|cause| (cause.subject.to_owned(), cause.leading.row)).collect();
    let expected =
        [("/etc/a.conf".to_owned(), Row::HashMismatch), ("/etc/b.conf".to_owned(), Row::HashMismatch)];
    assert_eq!(rows, expected);
    assert_eq!(tampered.causes()[1].findings[1].row, Row::Executable, "both rows are told, one cause");
    let json = serde_json::to_vec(&tampered).unwrap();
    assert_eq!(serde_json::from_slice::<OverlayReport>(&json).unwrap(), tampered);

    // An operator opens it, sets it right, but lets the window expire with something new in it.
    let open = obey(&locked, "c-2", Action::Unlock, 30).unwrap().into_record(None).unwrap();
    store.save(&open).unwrap();
    fs::remove_file(etc.join("b.conf")).unwrap();
    write("a.conf", "address=10.20.3.9\n");
    assert!(report(&open, kept()).findings.is_empty());
    let expired = store.load(at(1000)).record.tick(at(1000)).unwrap().into_record(None).unwrap();
    store.save(&expired).unwrap();
    let late = report(&expired, kept());
    assert_eq!(late.findings.iter().map(|finding| finding.row).collect::<Vec<_>>(), [Row::HashMismatch]);
    assert_eq!(late.transitions.iter().map(|transition| transition.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(store.load(at(1001)).record, expired);

    // The record is taken away: Locked, and told.
    fs::remove_file(state.path().join("lockdown.json")).unwrap();
    let loaded = store.load(at(1002));
    let remembered = Remembered::new(&loaded.record, kept()).lost(loaded.lost.unwrap().to_string());
    let lost = inspect(&zone.scan(&policy.manifest), &policy, &remembered, at(1002), |_| Observed::Absent);
    let subjects: Vec<_> = lost.not_checked.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!((lost.lockdown, subjects), (LockdownState::Locked, vec!["lockdown", "seal"]));
}
