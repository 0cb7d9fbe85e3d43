//! The lockdown record on a real disk.

use std::fs;
use std::os::unix::fs::symlink;

use openfactory_zone2::LockdownState;
use openfactory_zone2::command::Action;
use openfactory_zone2::lockdown::store::{LockdownStore, Lost, StoreError};

use super::commands::obey;
use super::support::at;

#[test]
fn a_device_is_born_unlocked_once_and_only_by_being_provisioned() {
    let directory = tempfile::tempdir().unwrap();
    let store = LockdownStore::new(directory.path());
    let nothing = store.load(at(0));
    assert_eq!(nothing.record.state(), LockdownState::Locked);
    assert!(matches!(nothing.lost, Some(Lost::Missing)));

    let born = store.provision(at(1)).unwrap();
    assert_eq!(born.state(), LockdownState::Unlocked);
    let loaded = store.load(at(2));
    assert!(loaded.lost.is_none());
    assert_eq!(loaded.record, born);
    assert!(matches!(store.provision(at(3)), Err(StoreError::Exists)));
}

#[test]
fn what_is_saved_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = LockdownStore::new(directory.path());
    let born = store.provision(at(0)).unwrap();
    let seal = openfactory_attest::Sha256Digest::of(b"seal");
    let locked = obey(&born, "c-1", Action::Lock, 20).unwrap().into_record(Some(seal)).unwrap();
    store.save(&locked).unwrap();
    assert_eq!(LockdownStore::new(directory.path()).load(at(30)).record, locked);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left lying about");
}

/// Whatever a crash or somebody else may leave: the old record, the new one, or Locked.
#[test]
fn it_fails_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = LockdownStore::new(directory.path());
    let unlocked = store.provision(at(0)).unwrap();
    let file = directory.path().join("lockdown.json");
    let good = fs::read(&file).unwrap();

    // A crash before the rename leaves a part of the new one beside the old.
    fs::write(directory.path().join("lockdown.json.new"), &good[..good.len() / 2]).unwrap();
    assert_eq!(store.load(at(1)).record, unlocked);
    store.save(&unlocked).unwrap();

    // Cut anywhere, it is no record; only its last byte, a newline, is not missed.
    for len in 0..good.len() - 1 {
        fs::write(&file, &good[..len]).unwrap();
        let loaded = store.load(at(1));
        assert_eq!(loaded.record.state(), LockdownState::Locked, "{len}");
        assert!(matches!(loaded.lost, Some(Lost::Damaged(_))), "{len}");
    }
    assert!(matches!(store.provision(at(2)), Err(StoreError::Exists)), "damaged is not unprovisioned");

    let text = String::from_utf8(good).unwrap();
    for (from, to) in
        [("\"version\":1", "\"version\":2"), ("unlocked", "ajar"), ("\"used\":[]", "\"used\":0")]
    {
        let bad = text.replace(from, to);
        assert_ne!(bad, text);
        fs::write(&file, bad).unwrap();
        assert_eq!(store.load(at(1)).record.state(), LockdownState::Locked, "{to}");
    }
    fs::write(&file, vec![b' '; (1 << 20) + 1]).unwrap();
    assert!(matches!(store.load(at(1)).lost, Some(Lost::Damaged(_))));

    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(matches!(store.load(at(1)).lost, Some(Lost::Io(_))));
    assert!(store.save(&unlocked).is_err());
    fs::remove_dir(&file).unwrap();
    symlink("lockdown.json", &file).unwrap();
    assert!(matches!(store.load(at(1)).lost, Some(Lost::Io(_))));
    fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    assert!(matches!(store.load(at(1)).lost, Some(Lost::Damaged(_))));
}

#[test]
fn a_directory_that_is_gone_is_an_error_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = LockdownStore::new(directory.path().join("none"));
    assert!(matches!(store.provision(at(0)), Err(StoreError::Io { action: "create", .. })));
}
