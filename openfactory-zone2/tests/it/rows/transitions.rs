//! "Lockdown State Transitions": a signed command, the mount that follows from it, and a process that writes.

use openfactory_attest::Sha256Digest;
use openfactory_zone2::command::Action;
use openfactory_zone2::device::Zone;
use openfactory_zone2::lockdown::store::LockdownStore;
use openfactory_zone2::lockdown::{Access, Cause, LockdownRecord, LockdownState, Monitoring};
use openfactory_zone2::monitor::{Canary, Gate, GateRules, Operation, Watch, remount};
use openfactory_zone2::seal::Binding;
use openfactory_zone2::{Row, Seal, check};

use super::super::commands::obey;
use super::super::disk::{Disk, run};
use super::super::support::{at, key, manifest, trust};
use super::super::watched::{shell, told};

/// A device whose record, seal and mount agree.
struct Device {
    disk: Disk,
    store: LockdownStore,
    seal: Option<Seal>,
}

impl Device {
    /// Born Unlocked, sealed and locked.
    fn locked(test: &str) -> Option<Self> {
        let disk = Disk::new(test)?;
        disk.write("etc/a.conf", "calibration=1\n");
        disk.write("var/log/canary", "never read");
        let store = LockdownStore::new(disk.beside("state"));
        store.provision(at(0)).unwrap();
        let mut device = Self { disk, store, seal: None };
        device.obey("lock-0", Action::Lock, 20);
        Some(device)
    }

    /// Does as a signed command says, in the order that is safe to stop in: what is shut is shut before it is recorded, what
    /// is opened is recorded before it is opened.
    fn obey(&mut self, id: &str, action: Action, now: u64) -> LockdownRecord {
        let next = obey(&self.record(), id, action, now).unwrap();
        let mut digest = None;
        if next.needs_seal() {
            remount(self.disk.root(), Access::ReadOnly).unwrap();
            let scan = Zone::open(self.disk.root()).unwrap().scan_disk(&manifest());
            let binding = Binding::new("press-1", at(now), id, Sha256Digest::of(b"policy"));
            let envelope = Seal::of(&scan, binding).unwrap().sign(&key(2)).unwrap();
            digest = Some(envelope.payload_digest());
            self.seal = Some(Seal::open(&envelope, &trust(), "press-1").unwrap().into_inner());
        }
        let record = next.into_record(digest).unwrap();
        self.store.save(&record).unwrap();
        remount(self.disk.root(), record.state().access()).unwrap();
        record
    }

    /// As another process finds it.
    fn record(&self) -> LockdownRecord {
        let loaded = self.store.load(at(0));
        assert!(loaded.lost.is_none(), "{:?}", loaded.lost);
        loaded.record
    }

    fn write(&self, content: &str) -> bool {
        shell(&format!("echo {content} > etc/a.conf"), self.disk.root()).status.success()
    }

    /// Audit mode: what a process writes is written, and told.
    #[track_caller]
    fn is_open(&self, state: LockdownState, row: Row) {
        let record = self.record();
        assert_eq!((record.state(), record.state().monitoring()), (state, Monitoring::Audit));
        let mut watch = Watch::start(&[self.disk.root()]).unwrap();
        assert!(self.write("calibration=2"));
        assert!(told(&mut watch, &self.disk.root().join("etc/a.conf"), Operation::Modified).is_some());
        assert_eq!(record.history().last().unwrap().row, row);
    }

    /// Deny mode: nothing is written, the gate is shut, and what is there is what was sealed.
    #[track_caller]
    fn is_shut(&self, row: Row) {
        let record = self.record();
        assert_eq!((record.state(), record.state().monitoring()), (LockdownState::Locked, Monitoring::Deny));
        assert!(!self.write("calibration=3"));
        let root = self.disk.root();
        let gate =
            Gate::start(GateRules::new(root, manifest(), root.join("var/log/canary")), &[root]).unwrap();
        assert_eq!(gate.prove(), Canary::Refused);
        drop(gate);
        let told = record.history().last().unwrap();
        assert_eq!((told.row, told.seal), (row, record.seal()));
        let scan = Zone::open(root).unwrap().scan_disk(&manifest());
        assert_eq!(check::seal(&scan, self.seal.as_ref().unwrap()).findings, []);
    }
}

#[test]
pub(super) fn guide_row_locked_to_migration() {
    let Some(mut device) = Device::locked("guide_row_locked_to_migration") else { return };
    assert!(!device.write("calibration=2"));
    device.obey("c-1", Action::Migrate, 30);
    device.is_open(LockdownState::Migration, Row::MigrationOpened);
}

#[test]
pub(super) fn guide_row_migration_to_locked() {
    let Some(mut device) = Device::locked("guide_row_migration_to_locked") else { return };
    let old = device.record().seal();
    device.obey("c-1", Action::Migrate, 30);
    assert!(device.write("calibration=2"));
    let record = device.obey("c-2", Action::Lock, 40);
    assert_ne!(record.seal(), old, "a new seal");
    device.is_shut(Row::MigrationClosed);
}

#[test]
pub(super) fn guide_row_locked_to_unlocked() {
    let Some(mut device) = Device::locked("guide_row_locked_to_unlocked") else { return };
    assert!(!device.write("calibration=2"));
    let record = device.obey("c-1", Action::Unlock, 30);
    device.is_open(LockdownState::Unlocked, Row::Unlocked);
    let Cause::Command { operator, justification, .. } = &record.history().last().unwrap().cause else {
        panic!("{record:?}");
    };
    assert_eq!((operator.as_str(), justification.as_str()), ("ann@example.com", "replace the broken probe"));
}

#[test]
pub(super) fn guide_row_unlocked_to_locked() {
    let Some(mut device) = Device::locked("guide_row_unlocked_to_locked") else { return };
    let old = device.record().seal();
    device.obey("c-1", Action::Unlock, 30);
    assert!(device.write("calibration=2"));
    let record = device.obey("c-2", Action::Lock, 40);
    assert_ne!(record.seal(), old, "a new seal");
    device.is_shut(Row::Relocked);
}

/// Shutting and opening changes the access alone: what may not be run before may not be run after.
#[test]
fn other_options_of_the_mount_stay() {
    let Some(disk) = Disk::new("other_options_of_the_mount_stay") else { return };
    disk.remount("nosuid,nodev,noexec");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        remount(disk.root(), access).unwrap();
        let options = run("findmnt", &["-n", "-o", "OPTIONS", disk.root().to_str().unwrap()]);
        let first = if access == Access::ReadOnly { "ro" } else { "rw" };
        let found: Vec<_> = options.trim().split(',').collect();
        assert_eq!(found[0], first, "{options}");
        assert!(["nosuid", "nodev", "noexec"].iter().all(|option| found.contains(option)), "{options}");
    }
    let open = std::fs::File::options().append(true).open(disk.write("etc/a.conf", "x")).unwrap();
    let busy = remount(disk.root(), Access::ReadOnly).unwrap_err();
    assert_eq!(busy.kind(), std::io::ErrorKind::ResourceBusy);
    drop(open);
    remount(disk.root(), Access::ReadOnly).unwrap();
}
