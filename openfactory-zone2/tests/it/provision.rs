//! Provisioning: a device is born whole or not at all.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use openfactory_zone2::device::{ProvisionError, Provisioned, provision};
use openfactory_zone2::live::FixedFacts;
use openfactory_zone2::lockdown::store::{LockdownStore, StoreError};
use openfactory_zone2::policy::Policy;
use openfactory_zone2::{LockdownState, Row};
use tempfile::TempDir;

use super::support::{at, manifest_json};

struct Setup {
    folder: TempDir,
    policy: Policy,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let constraints = br#"{"version": 1, "constraints": [{"id": "address", "type": "subnet",
            "place": {"file": "/etc/a.conf", "key": "ADDRESS", "format": "key-value"}, "permitted": ["10.20.0.0/16"]}]}"#;
        let policy = Policy::parse(manifest_json().as_bytes(), constraints).unwrap();
        let setup = Self { folder, policy };
        for directory in ["values", "values/etc", "values/var", "values/var/log"] {
            fs::create_dir(setup.at(directory)).unwrap();
            fs::set_permissions(setup.at(directory), fs::Permissions::from_mode(0o755)).unwrap();
        }
        setup.write("values/etc/a.conf", "ADDRESS=10.20.3.7\n");
        setup.write("values/var/log/x.log", "begun\n");
        std::os::unix::fs::symlink("../zone/UTC", setup.at("values/etc/localtime")).unwrap();
        setup
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, content: &str) {
        fs::write(self.at(path), content).unwrap();
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn provision(&self) -> Result<Provisioned, ProvisionError> {
        let [values, zone, state] = ["values", "zone", "state"].map(|name| self.at(name));
        provision(&values, &zone, &state, &self.policy, &FixedFacts::default(), at(0))
    }

    #[track_caller]
    fn born(&self) {
        let Provisioned::Born(record, entries) = self.provision().unwrap() else { panic!() };
        assert_eq!((record.state(), entries), (LockdownState::Unlocked, 6));
        assert_eq!(LockdownStore::new(self.at("state")).load(at(0)).record, record);
        for path in ["etc", "etc/a.conf", "var/log/x.log"] {
            let [from, to] =
                ["values", "zone"].map(|of| fs::symlink_metadata(self.at(of).join(path)).unwrap());
            assert_eq!((from.mode(), from.uid(), from.len()), (to.mode(), to.uid(), to.len()), "{path}");
        }
        assert_eq!(fs::read_to_string(self.at("zone/etc/a.conf")).unwrap(), "ADDRESS=10.20.3.7\n");
        assert_eq!(fs::read_link(self.at("zone/etc/localtime")).unwrap(), PathBuf::from("../zone/UTC"));
        let names = |path: &str| fs::read_dir(self.at(path)).unwrap().count();
        assert_eq!((names("zone"), names("state")), (2, 1), "nothing is left beside it");
    }
}

#[test]
fn a_device_is_born_unlocked_with_the_values_that_were_checked_and_only_once() {
    let setup = Setup::new();
    setup.born();
    let again = setup.provision().unwrap_err();
    assert!(matches!(again, ProvisionError::Lockdown(StoreError::Exists)), "{again:?}");
}

#[test]
fn values_that_break_the_policy_are_not_written() {
    let setup = Setup::new();
    setup.write("values/etc/a.conf", "ADDRESS=192.168.1.7\n");
    setup.write("values/etc/stray", "x");
    let Provisioned::BadValues(results) = setup.provision().unwrap() else { panic!() };
    let rows: Vec<_> = results.findings.iter().map(|found| found.row).collect();
    assert_eq!(rows, [Row::OutsideManifest, Row::NetworkAddress]);
    assert!(!setup.at("zone").exists() && !setup.at("state").exists());
}

#[test]
fn what_somebody_keeps_in_the_overlay_is_never_taken_away() {
    let setup = Setup::new();
    fs::create_dir(setup.at("zone")).unwrap();
    setup.write("zone/calibration", "0.0417");
    assert!(matches!(setup.provision(), Err(ProvisionError::NotEmpty)));
    assert_eq!(fs::read_to_string(setup.at("zone/calibration")).unwrap(), "0.0417");
}

/// A power cut after the first writes: there is a mark, and no record.
#[test]
fn a_provisioning_that_was_cut_short_begins_anew() {
    let setup = Setup::new();
    fs::create_dir_all(setup.at("zone/etc")).unwrap();
    setup.write("zone/etc/a.conf", "ADDR");
    setup.write("zone/half", "x");
    fs::create_dir(setup.at("state")).unwrap();
    setup.write("state/provisioning", "");
    setup.born();
}

/// A power cut after the birth, before the mark is gone: the device is what it is.
#[test]
fn a_mark_that_was_left_takes_nothing_from_a_device_that_was_born() {
    let setup = Setup::new();
    setup.born();
    setup.write("state/provisioning", "");
    assert!(matches!(setup.provision(), Err(ProvisionError::Lockdown(StoreError::Exists))));
    assert!(setup.at("zone/etc/a.conf").exists());
}
