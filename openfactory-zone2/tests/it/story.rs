//! A device's life on a real directory: provisioned, sealed, tampered with, unlocked, relocked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use openfactory_attest::Sha256Digest;
use openfactory_zone2::check;
use openfactory_zone2::command::Action;
use openfactory_zone2::device::Zone;
use openfactory_zone2::lockdown::store::LockdownStore;
use openfactory_zone2::seal::Binding;
use openfactory_zone2::{LockdownRecord, LockdownState, OverlayReport, Row, Seal};

use super::commands::obey;
use super::support::{at, key, manifest, trust};

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
    let (zone, manifest, policy) =
        (Zone::open(disk.path()).unwrap(), manifest(), Sha256Digest::of(b"policy"));
    let store = LockdownStore::new(state.path());

    let report = |record: &LockdownRecord, seal: Option<&Seal>| {
        let scan = zone.scan(&manifest);
        let mut results = check::manifest(&scan, &manifest);
        if let Some(seal) = seal.filter(|_| record.state() == LockdownState::Locked) {
            results = results.and(check::seal(&scan, seal));
        }
        let entries = scan.entries.len() as u64;
        OverlayReport::new(record, policy).with_results(entries, 0, results.findings, results.not_checked)
    };
    // Seals what is there, stores seal and record in that order.
    let lock = |record: &LockdownRecord, id: &str, now: u64| {
        let next = obey(record, id, Action::Lock, now).unwrap();
        let seal = Seal::of(&zone.scan(&manifest), Binding::new("press-1", at(now), id, policy)).unwrap();
        let envelope = seal.sign(&key(2)).unwrap();
        let seal = Seal::open(&envelope, &trust(), "press-1").unwrap().into_inner();
        let record = next.into_record(Some(envelope.payload_digest())).unwrap();
        store.save(&record).unwrap();
        (record, seal)
    };

    let born = store.provision(at(0)).unwrap();
    assert!(!report(&born, None).compliant());
    let (locked, seal) = lock(&born, "c-1", 20);
    assert!(report(&locked, Some(&seal)).compliant());

    write("b.conf", "#!/bin/sh\n");
    write("a.conf", "address=192.168.1.1\n");
    let tampered = report(&locked, Some(&seal));
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
    assert!(report(&open, Some(&seal)).findings.is_empty());
    let expired = store.load(at(1000)).record.tick(at(1000)).unwrap().into_record(None).unwrap();
    store.save(&expired).unwrap();
    let late = report(&expired, Some(&seal));
    assert_eq!(late.findings.iter().map(|finding| finding.row).collect::<Vec<_>>(), [Row::HashMismatch]);
    assert_eq!(late.transitions.iter().map(|transition| transition.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(store.load(at(1001)).record, expired);
}
