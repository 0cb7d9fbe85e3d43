//! Migrations of real directories: the guide's rows, power cuts at every step, and a model.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use openfactory_attest::manifest::{Entry, EntryKind, TreePath};
use openfactory_attest::{Manifest as BaseManifest, Sha256Digest};
use openfactory_zone2::constraint::CaSet;
use openfactory_zone2::migrate::{
    Decision, Faults, Migration, MigrationReport, NewBase, NoFaults, Outcome, Phase, Plan, Resumed, Store,
    wipe,
};
use openfactory_zone2::overlay_report::OverlayFinding;
use openfactory_zone2::policy::Policy;
use openfactory_zone2::{Priority, Row};
use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;

use super::support::{at, key, me, trust};

/// `/etc` and `/opt` with files of all names, and the certificate.
pub(crate) fn policy(constraints: &str) -> Policy {
    let (uid, gid) = me();
    let owner = format!(r#""owner": {{"uid": {uid}, "gid": {gid}}}"#);
    let rules = [
        format!(r#"{{"path": "/**", "kind": "directory", "mode": "0755", {owner}, "class": "sealed"}}"#),
        format!(
            r#"{{"path": "/etc/**", "kind": "file", "mode": "0644", "max_size": 65536, {owner}, "class": "sealed"}}"#
        ),
        format!(r#"{{"path": "/etc/**", "kind": "symlink", {owner}, "class": "sealed"}}"#),
    ];
    let manifest = format!(r#"{{"version": 1, "paths": [{}]}}"#, rules.join(","));
    let constraints = format!(r#"{{"version": 1, "constraints": [{constraints}]}}"#);
    Policy::parse(manifest.as_bytes(), constraints.as_bytes()).unwrap()
}

/// A base with these files.
pub(crate) fn base(files: &[(&str, &str)]) -> BaseManifest {
    let root = TreePath::root();
    let mut entries = BTreeMap::from([(root.clone(), Entry::new(root, EntryKind::Directory, 0o755))]);
    for (path, content) in files {
        let path = TreePath::new(path).unwrap();
        let mut above = path.parent();
        while let Some(directory) = above {
            above = directory.parent();
            entries.insert(directory.clone(), Entry::new(directory, EntryKind::Directory, 0o755));
        }
        let kind =
            EntryKind::File { size: content.len() as u64, digest: Sha256Digest::of(content.as_bytes()) };
        entries.insert(path.clone(), Entry::new(path, kind, 0o644));
    }
    BaseManifest::of_entries(entries.into_values().collect()).unwrap()
}

/// A store whose Zone 2 has `/etc` with these files; a whiteout where there is no content.
fn store(files: &[(&str, Option<&str>)]) -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    for (path, content) in files {
        let path = store.zone().join(path);
        let mut made = store.zone();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for part in path.parent().unwrap().strip_prefix(store.zone()).unwrap() {
            made.push(part);
            fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
        }
        match content {
            Some(content) => {
                fs::write(&path, content).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            }
            None => rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0).unwrap(),
        }
    }
    (folder, store)
}

/// Everything that can be seen of a tree.
pub(crate) fn dump(root: &Path) -> BTreeMap<PathBuf, String> {
    fn walk(
        root: &Path,
        path: &Path,
        seen: &mut BTreeMap<u64, PathBuf>,
        all: &mut BTreeMap<PathBuf, String>,
    ) {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        for path in names {
            let stat = fs::symlink_metadata(&path).unwrap();
            let relative = path.strip_prefix(root).unwrap().to_owned();
            let first = seen.entry(stat.ino()).or_insert_with(|| relative.clone()).clone();
            let mut xattrs = vec![0; 4096];
            let length = rustix::fs::llistxattr(&path, xattrs.as_mut_slice()).unwrap_or(0);
            let mut names: Vec<_> =
                xattrs[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
            names.sort();
            let values: Vec<_> = names
                .iter()
                .map(|name| {
                    let mut value = vec![0; 4096];
                    let length = rustix::fs::lgetxattr(&path, *name, value.as_mut_slice()).unwrap();
                    (name.escape_ascii().to_string(), value[..length].to_vec())
                })
                .collect();
            let content = match () {
                () if stat.is_file() => format!("{:?}", fs::read(&path).unwrap()),
                () if stat.is_symlink() => format!("{:?}", fs::read_link(&path).unwrap()),
                () => format!("device {}", stat.rdev()),
            };
            let time = if stat.is_dir() { (0, 0) } else { (stat.mtime(), stat.mtime_nsec()) };
            let told = format!(
                "{:o} {}:{} {time:?} first {first:?} {values:?} {content}",
                stat.mode(),
                stat.uid(),
                stat.gid()
            );
            all.insert(relative, told);
            if stat.is_dir() {
                walk(root, &path, seen, all);
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(root, root, &mut BTreeMap::new(), &mut all);
    all
}

pub(crate) fn plan(json: &str) -> Plan {
    Plan::parse(json.as_bytes()).unwrap()
}

pub(crate) fn none() -> Plan {
    plan(r#"{"version": 1}"#)
}

/// The plant's certification authority, another one, and a device's certificate by the plant's, as PEM.
pub(crate) fn authorities() -> (CaSet, CaSet, String) {
    let ca = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        (CaSet::of(vec![der]).unwrap(), rcgen::Issuer::new(params, key))
    };
    let ((ours, issuer), (other, _)) = (ca("Plant CA"), ca("New CA"));
    let device = CertificateParams::new(vec!["press-7.example".to_owned()]).unwrap();
    let pem = device.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().pem();
    (ours, other, pem)
}

/// The report of a migration that failed, and that nothing was touched.
#[track_caller]
pub(crate) fn failed(store: &Store, base: NewBase<'_>) -> MigrationReport {
    let before = dump(&store.zone());
    let outcome = Migration::new(store, base).run(at(0), &mut NoFaults).unwrap();
    let Outcome::Failed(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(dump(&store.zone()), before);
    assert_eq!(store.resume(&mut NoFaults).unwrap(), Resumed::Nothing);
    report
}

#[track_caller]
pub(crate) fn migrated(store: &Store, base: NewBase<'_>) -> MigrationReport {
    let outcome = Migration::new(store, base).run(at(0), &mut NoFaults).unwrap();
    let Outcome::Migrated(report) = outcome else { panic!("{outcome:#?}") };
    assert!(report.succeeded());
    report
}

/// Integration guide, "Zone 2 Migration Failures": "Whiteout conflict: stale whiteout hides new base content", P2.
#[test]
fn guide_row_whiteout_conflict() {
    let policy = policy("");
    let old = base(&[("etc/gone", "x"), ("etc/same", "x"), ("etc/other", "old")]);
    let new = base(&[("etc/same", "x"), ("etc/other", "new"), ("etc/new", "brought")]);
    let files: [(&str, Option<&str>); 5] = [
        ("etc/gone", None),
        ("etc/same", None),
        ("etc/other", None),
        ("etc/new", None),
        ("etc/file", Some("x")),
    ];
    let (_folder, store_) = store(&files);
    let plan_none = none();
    let report = failed(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
    let told: Vec<_> = report.failures.iter().map(|failure| (failure.row, failure.path.as_str())).collect();
    assert_eq!(told, [(Row::WhiteoutConflict, "/etc/new"), (Row::WhiteoutConflict, "/etc/other")]);
    let finding = report.failures[0].finding().unwrap();
    assert_eq!(finding.priority, Priority::P2);
    assert_eq!(report.decision("/etc/new").unwrap().decision, Decision::Conflict);
    assert_eq!(report.last, Phase::Whiteouts);

    // What the plan says of each settles it.
    let settled = plan(
        r#"{"version": 1, "whiteouts": [{"path": "/etc/new", "decision": "drop"}, {"path": "/etc/other", "decision": "keep"}]}"#,
    );
    let report = migrated(&store_, NewBase::new("press-1", &policy, &settled, &old, &new));
    let left: Vec<_> = dump(&store_.zone()).into_keys().collect();
    assert_eq!(left, ["etc", "etc/file", "etc/other", "etc/same"].map(PathBuf::from));
    let decided = |path: &str| report.decision(path).unwrap().decision;
    assert_eq!(
        ["/etc/gone", "/etc/same", "/etc/other", "/etc/new", "/etc/file"].map(decided),
        [Decision::Drop, Decision::Keep, Decision::Keep, Decision::Drop, Decision::Keep]
    );
}

/// An opaque directory hides everything below it; a redirect leads into a base that is gone.
#[test]
fn opaque_directories_and_redirects_are_judged() {
    let policy = policy("");
    let (_folder, store_) = store(&[("etc/d/own", Some("x"))]);
    let directory = store_.zone().join("etc/d");
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(&directory, name, value, rustix::fs::XattrFlags::empty())
    };
    if set("user.overlay.opaque", b"y").is_err() {
        return super::sealing::no_xattrs("opaque_directories_and_redirects_are_judged");
    }
    let (old, new) = (base(&[("etc/d/a", "x")]), base(&[("etc/d/a", "x"), ("etc/d/b", "new")]));
    let plan_none = none();
    let report = failed(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
    assert_eq!((report.failures[0].row, report.failures[0].path.as_str()), (Row::WhiteoutConflict, "/etc/d"));
    // The same below it in both bases: whoever hid it hid this.
    migrated(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &old));
    store_.finish(&[], &mut NoFaults).unwrap();
    let directory = store_.zone().join("etc/d");
    rustix::fs::setxattr(&directory, "user.overlay.redirect", b"/etc/x", rustix::fs::XattrFlags::empty())
        .unwrap();
    let report = failed(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &old));
    assert!(report.failures[0].reason.contains("redirect"), "{report:?}");
}

/// "Schema migration transform failure", P2: the device is held on the old base version.
#[test]
fn guide_row_schema_transform_failure() {
    let policy = policy("");
    let (old, new) = (base(&[]), base(&[]));
    let steps = plan(
        r#"{"version": 1, "transforms": [
        {"file": "/etc/plant.json", "format": "json", "steps": [{"map": {"key": "mode", "values": [{"from": "on", "to": "auto"}]}}]},
        {"file": "/etc/none.json", "format": "json", "steps": [{"remove": {"key": "a"}}]}]}"#,
    );
    let (_folder, broken) = store(&[("etc/plant.json", Some(r#"{"mode": "sideways"}"#))]);
    let report = failed(&broken, NewBase::new("press-1", &policy, &steps, &old, &new));
    assert_eq!(
        (report.failures[0].row, report.failures[0].path.as_str()),
        (Row::SchemaTransform, "/etc/plant.json")
    );
    assert_eq!((report.last, report.failures[0].finding().unwrap().priority), (Phase::Schema, Priority::P2));
    let mut holds = openfactory_zone2::migrate::hold::Holds::default();
    holds.add(report.failures[0].row, at(0));
    assert!(holds.held(openfactory_zone2::migrate::hold::HoldKind::OldBase));

    let (_folder, good) = store(&[("etc/plant.json", Some(r#"{"mode": "on"}"#))]);
    let base = NewBase::new("press-1", &policy, &steps, &old, &new);
    let dry = Migration::new(&good, base).dry_run(at(0)).unwrap();
    assert_eq!(fs::read_to_string(good.zone().join("etc/plant.json")).unwrap(), r#"{"mode": "on"}"#);
    let report = migrated(&good, base);
    assert_eq!(dry, report);
    assert_eq!(report.decision("/etc/plant.json").unwrap().changed[0].key, "mode");
    let new = fs::read_to_string(good.zone().join("etc/plant.json")).unwrap();
    assert_eq!(new, "{\n  \"mode\": \"auto\"\n}\n");
}

/// A failed relocation is a P2 like a failed schema; one that succeeds takes everything with it.
#[test]
fn relocations_move_what_is_there_or_fail_whole() {
    let policy = policy("");
    let (old, new) = (base(&[]), base(&[]));
    let (_folder, store_) =
        store(&[("etc/old/a", Some("a")), ("etc/old/b", Some("b")), ("etc/taken", Some("x"))]);
    let plan_ = |from: &str, to: &str| {
        plan(&format!(r#"{{"version": 1, "relocations": [{{"from": "{from}", "to": "{to}"}}]}}"#))
    };
    for (from, to) in
        [("/etc/old", "/etc/taken"), ("/etc/old", "/etc/old/a/x"), ("/etc/old/a", "/etc/taken/x")]
    {
        let plan = plan_(from, to);
        let report = failed(&store_, NewBase::new("press-1", &policy, &plan, &old, &new));
        assert_eq!(
            (report.failures[0].row, report.last),
            (Row::SchemaTransform, Phase::Relocation),
            "{from} {to}"
        );
    }
    let plan = plan_("/etc/old", "/etc/plant/new");
    let report = migrated(&store_, NewBase::new("press-1", &policy, &plan, &old, &new));
    assert_eq!(fs::read_to_string(store_.zone().join("etc/plant/new/b")).unwrap(), "b");
    assert!(fs::symlink_metadata(store_.zone().join("etc/old")).is_err());
    let moved = report.decision("/etc/old/b").unwrap();
    assert_eq!((moved.decision, moved.to.as_deref()), (Decision::Merge, Some("/etc/plant/new/b")));
}

/// "Anomaly detection: unexpected binary in Zone 2", P1: by each sign; and what the new manifest doesn't allow, P2.
#[test]
fn guide_row_unexpected_binary() {
    let policy = policy("");
    let (old, new, plan_none) = (base(&[]), base(&[]), none());
    let with = |path: &str, content: &str, mode: u32| {
        let (folder, store_) = store(&[("etc/a", Some("x")), (path, Some(content))]);
        fs::set_permissions(store_.zone().join(path), fs::Permissions::from_mode(mode)).unwrap();
        (folder, store_)
    };
    let table = [
        ("etc/tool", "\x7fELF\x02", 0o644, Row::UnexpectedBinary),
        ("etc/tool", "#!/bin/sh\n", 0o644, Row::UnexpectedBinary),
        ("etc/tool", "text", 0o755, Row::UnexpectedBinary),
        ("etc/tool", "text", 0o4644, Row::UnexpectedBinary),
        ("opt/stray", "text", 0o644, Row::SchemaTransform),
        ("etc/modes", "text", 0o600, Row::SchemaTransform),
    ];
    for (path, content, mode, row) in table {
        let (_folder, store_) = with(path, content, mode);
        let report = failed(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
        let found = report.failures.iter().find(|failure| failure.path == format!("/{path}")).unwrap();
        assert_eq!((found.row, report.last), (row, Phase::Anomalies), "{path} {mode:o}");
        let priority = if row == Row::UnexpectedBinary { Priority::P1 } else { Priority::P2 };
        assert_eq!(found.finding().unwrap().priority, priority);
    }
}

/// "Integrity check failure: certificate chain broken after migration", P2.
#[test]
fn guide_row_certificate_chain_broken_after_migration() {
    let constraint =
        r#"{"id": "identity", "type": "certificate", "place": {"file": "/etc/tls.pem", "key": "."}}"#;
    let (policy, old, new, plan_none) = (policy(constraint), base(&[]), base(&[]), none());
    let (ours, other, pem) = authorities();
    let (_folder, store_) = store(&[("etc/tls.pem", Some(&pem))]);
    let base = NewBase::new("press-1", &policy, &plan_none, &old, &new);
    let report = failed(&store_, base.trusting(&other));
    assert_eq!(
        (report.failures[0].row, report.failures[0].path.as_str()),
        (Row::BrokenChain, "/etc/tls.pem")
    );
    assert_eq!(report.last, Phase::Integrity);
    migrated(&store_, base.trusting(&ours));
}

/// "Post-boot validation failure after migration", P2: Zone 2 is restored from its snapshot, byte for byte. And "Successful
/// migration": the old one goes.
#[test]
fn guide_rows_post_boot_validation_and_success() {
    let (policy, old, new, plan_none) = (policy(""), base(&[("etc/gone", "x")]), base(&[]), none());
    let (folder, store_) = store(&[("etc/a", Some("x")), ("etc/gone", None)]);
    let base = NewBase::new("press-1", &policy, &plan_none, &old, &new);
    let before = dump(&store_.zone());
    migrated(&store_, base);
    let after = dump(&store_.zone());
    assert_ne!(after, before);
    assert!(Migration::new(&store_, base).run(at(0), &mut NoFaults).is_err(), "one at a time");
    assert!(matches!(store_.resume(&mut NoFaults).unwrap(), Resumed::Migrated(_)));
    let finding =
        OverlayFinding::new(Row::NetworkAddress, "interface eth0", None, "outside", "inside", "look")
            .unwrap();
    let Resumed::RolledBack(report) = store_.finish(&[finding], &mut NoFaults).unwrap() else { panic!() };
    assert_eq!(
        (report.failures[0].row, report.failures[0].path.as_str()),
        (Row::PostBootValidation, "interface eth0")
    );
    assert_eq!(report.failures[0].finding().unwrap().priority, Priority::P2);
    assert_eq!(dump(&store_.zone()), before);
    assert!(store_.finish(&[], &mut NoFaults).is_err());

    migrated(&store_, base);
    assert!(matches!(store_.finish(&[], &mut NoFaults).unwrap(), Resumed::Accepted(_)));
    assert_eq!(dump(&store_.zone()), after);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

/// Content, modes, times, attributes, hard and symbolic links of a copy are those of the original; what an overlay notes
/// about its old base is not copied.
#[test]
fn a_migration_changes_nothing_that_it_does_not_name() {
    let (policy, old, new, plan_none) = (policy(""), base(&[]), base(&[]), none());
    let (_folder, store_) = store(&[("etc/a", Some("x")), ("etc/d/b", Some(""))]);
    let zone = store_.zone();
    fs::hard_link(zone.join("etc/a"), zone.join("etc/d/same")).unwrap();
    symlink("/nowhere/at/all", zone.join("etc/link")).unwrap();
    fs::write(zone.join(std::ffi::OsStr::from_bytes(b"etc/\xff")), "y").unwrap();
    fs::set_permissions(
        zone.join(std::ffi::OsStr::from_bytes(b"etc/\xff")),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(zone.join("etc/a"), name, value, rustix::fs::XattrFlags::empty())
    };
    let with_xattrs = set("user.note", b"kept").is_ok();
    let before = dump(&zone);
    if with_xattrs {
        set("user.overlay.origin", b"old base").unwrap();
    }
    migrated(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
    assert_eq!(dump(&store_.zone()), before);
}

/// 1 GiB where some kilobytes are expected is not copied first.
#[test]
fn a_file_that_is_far_too_large_stops_a_migration_before_its_copy() {
    let (policy, old, new, plan_none) = (policy(""), base(&[]), base(&[]), none());
    let (_folder, store_) = store(&[("etc/a", Some("x"))]);
    fs::File::options().write(true).open(store_.zone().join("etc/a")).unwrap().set_len(1 << 30).unwrap();
    let migration = Migration::new(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
    // Nothing is copied: the power would go before it.
    let outcome = migration.run(at(0), &mut Cut { left: 2, at: None }).unwrap();
    let Outcome::Failed(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!((report.failures[0].path.as_str(), report.last), ("/etc/a", Phase::Anomalies));
}

#[test]
fn reports_are_signed_by_the_device() {
    let (policy, old, new, plan_none) = (policy(""), base(&[]), base(&[]), none());
    let (_folder, store_) = store(&[("etc/a", Some("x"))]);
    let report = migrated(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
    let opened = MigrationReport::open(&report.sign(&key(2)).unwrap(), &trust()).unwrap();
    assert_eq!(opened.get(), &report);
    assert!(MigrationReport::open(&report.sign(&key(1)).unwrap(), &trust()).is_err());
}

/// The power goes before the step of that number.
struct Cut {
    left: usize,
    at: Option<&'static str>,
}

impl Faults for Cut {
    fn at(&mut self, step: &'static str) -> io::Result<()> {
        if self.left == 0 {
            self.at = Some(step);
            return Err(io::Error::other("the power is cut"));
        }
        self.left -= 1;
        Ok(())
    }
}

/// Cuts the power before every step of a migration, and before every step of taking it up again: afterwards Zone 2 is the
/// old one or the new one, byte for byte, and the next migration succeeds.
#[test]
fn power_cuts_at_every_step_leave_the_old_or_the_new() {
    let policy = policy("");
    let (old, new) = (base(&[("etc/gone", "x")]), base(&[]));
    let plan_ = plan(
        r#"{"version": 1,
        "transforms": [{"file": "/etc/plant", "format": "key-value", "steps": [{"rename": {"from": "A", "to": "B"}}]}],
        "relocations": [{"from": "/etc/old", "to": "/etc/plant.d/new"}]}"#,
    );
    let files: [(&str, Option<&str>); 4] =
        [("etc/gone", None), ("etc/plant", Some("A=1\n")), ("etc/old/x", Some("x")), ("etc/a", Some("x"))];
    let contents = |root: &Path| -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        dump(root).into_keys().map(|path| (path.clone(), fs::read(root.join(path)).ok())).collect()
    };
    let wanted = {
        let (_folder, store_) = store(&files);
        migrated(&store_, NewBase::new("press-1", &policy, &plan_, &old, &new));
        contents(&store_.zone())
    };
    let mut steps = Vec::new();
    for first in 0.. {
        let mut last_of_all = false;
        for second in 0.. {
            let (folder, store_) = store(&files);
            let before = dump(&store_.zone());
            let base = NewBase::new("press-1", &policy, &plan_, &old, &new);
            let mut cut = Cut { left: first, at: None };
            let ran = Migration::new(&store_, base).run(at(0), &mut cut);
            last_of_all = cut.at.is_none();
            assert_eq!(ran.is_ok(), last_of_all);
            steps.extend(cut.at);
            let mut again = Cut { left: second, at: None };
            let _ = store_.resume(&mut again);
            // Even a third start finds one of the two.
            match store_.resume(&mut NoFaults).unwrap() {
                Resumed::Nothing | Resumed::Restored => assert_eq!(dump(&store_.zone()), before),
                Resumed::Migrated(_) => assert_eq!(contents(&store_.zone()), wanted),
                other => panic!("{other:?}"),
            }
            let state = store_.resume(&mut NoFaults).unwrap();
            assert!(matches!(state, Resumed::Nothing | Resumed::Migrated(_)), "{state:?}");
            if state == Resumed::Nothing {
                assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
                migrated(&store_, base);
            }
            assert!(matches!(store_.finish(&[], &mut NoFaults).unwrap(), Resumed::Accepted(_)));
            assert_eq!(contents(&store_.zone()), wanted);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            if again.at.is_none() {
                break;
            }
        }
        if last_of_all {
            break;
        }
    }
    steps.sort_unstable();
    steps.dedup();
    for step in [
        "copy",
        "whiteouts",
        "schema",
        "relocation",
        "anomalies",
        "integrity",
        "journal",
        "exchange",
        "exchanged",
    ] {
        assert!(steps.contains(&step), "{step} of {steps:?}");
    }
}

#[test]
fn rolling_back_survives_power_cuts_at_every_step() {
    let (policy, old, new, plan_none) = (policy(""), base(&[("etc/gone", "x")]), base(&[]), none());
    let contents = |root: &Path| -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        dump(root).into_keys().map(|path| (path.clone(), fs::read(root.join(path)).ok())).collect()
    };
    let finding = OverlayFinding::new(Row::Hostname, "/etc/hostname", None, "x", "y", "z").unwrap();
    for bad in [false, true] {
        for left in 0..12 {
            let (folder, store_) = store(&[("etc/gone", None), ("etc/a", Some("x"))]);
            let before = dump(&store_.zone());
            migrated(&store_, NewBase::new("press-1", &policy, &plan_none, &old, &new));
            let wanted = contents(&store_.zone());
            let findings: &[OverlayFinding] = if bad { std::slice::from_ref(&finding) } else { &[] };
            let mut cut = Cut { left, at: None };
            let first = store_.finish(findings, &mut cut);
            for again in 0..6 {
                let _ = store_.resume(&mut Cut { left: again, at: None });
            }
            let state = store_.resume(&mut NoFaults).unwrap();
            if let Resumed::Migrated(_) = state {
                assert!(first.is_err() && contents(&store_.zone()) == wanted);
                store_.finish(findings, &mut NoFaults).unwrap();
            }
            match bad {
                true => assert_eq!(dump(&store_.zone()), before, "{left}"),
                false => assert_eq!(contents(&store_.zone()), wanted, "{left}"),
            }
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{left}");
        }
    }
}

#[test]
fn zone_3_is_wiped_and_nothing_outside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (zone3, outside) = (folder.path().join("zone3"), folder.path().join("outside"));
    fs::create_dir_all(zone3.join("cache/deep")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    fs::write(zone3.join("cache/deep/file"), "x").unwrap();
    symlink(&outside, zone3.join("cache/out")).unwrap();
    rustix::fs::mknodat(CWD, zone3.join("pipe"), FileType::Fifo, Mode::empty(), 0).unwrap();
    wipe(&zone3).unwrap();
    assert_eq!(fs::read_dir(&zone3).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "x");
    assert!(wipe(&outside.join("kept")).is_err());
    symlink(&outside, folder.path().join("link")).unwrap();
    assert!(wipe(&folder.path().join("link")).is_err());
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "x");
}

#[test]
fn zone_3_is_wiped_however_deep_it_is_nested() {
    let folder = tempfile::tempdir().unwrap();
    // Deeper than a path may be long, and than descriptors may be open.
    let mut at = rustix::fs::open(folder.path(), rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..3000 {
        rustix::fs::mkdirat(&at, "deep", Mode::from_raw_mode(0o700)).unwrap();
        at = rustix::fs::openat(&at, "deep", rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    drop(at);
    wipe(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(feature = "monitor")]
#[test]
fn what_is_mounted_in_zone_3_is_not_wiped() {
    use super::disk::{Disk, run};

    let Some(disk) = Disk::new("what_is_mounted_in_zone_3_is_not_wiped") else { return };
    // Of the same file system: no other device number tells that it is not Zone 3.
    let (zone3, outside) = (disk.root().join("zone3"), disk.root().join("outside"));
    fs::create_dir_all(zone3.join("cache")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    let cache = zone3.join("cache").display().to_string();
    run("mount", &["--bind", outside.to_str().unwrap(), &cache]);
    let refused = wipe(&zone3);
    let kept = fs::read_to_string(outside.join("kept"));
    run("umount", &[&cache]);
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::CrossesDevices);
    assert_eq!(kept.unwrap(), "x");
    wipe(&zone3).unwrap();
}

/// What one place of a random overlay is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Upper {
    Nothing,
    File(u8),
    Whiteout,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Random overlays on random updates of a base: what is seen through the overlay afterwards is what a model says.
    #[test]
    fn random_overlays_agree_with_a_model(
        places in prop::collection::vec(
            (prop_oneof![Just(Upper::Nothing), (0_u8..3).prop_map(Upper::File), Just(Upper::Whiteout)],
             prop::option::of(0_u8..3), prop::option::of(0_u8..3), prop::option::of(any::<bool>())), 1..8),
    ) {
        let name = |index: usize| format!("etc/d{}/f{index}", index % 2);
        let text = ["a", "b", "c"];
        let on = |pick: &dyn Fn(usize) -> Option<u8>| {
            let names: Vec<_> = (0..places.len()).map(name).collect();
            let files: Vec<_> = names.iter().enumerate()
                .filter_map(|(index, name)| pick(index).map(|content| (name.as_str(), text[usize::from(content)]))).collect();
            base(&files)
        };
        let (old, new) = (on(&|index| places[index].1), on(&|index| places[index].2));
        let names: Vec<_> = (0..places.len()).map(name).collect();
        let upper: Vec<_> = places.iter().zip(&names).filter_map(|((upper, ..), name)| match upper {
            Upper::Nothing => None,
            Upper::File(content) => Some((name.as_str(), Some(text[usize::from(*content)]))),
            Upper::Whiteout => Some((name.as_str(), None)),
        }).chain([("etc/own", Some("x"))]).collect();
        let (_folder, store_) = store(&upper);
        let rules: Vec<_> = places.iter().zip(&names).filter_map(|((.., rule), name)| {
            rule.map(|keep| format!(r#"{{"path": "/{name}", "decision": "{}"}}"#, if keep { "keep" } else { "drop" }))
        }).collect();
        let plan_ = plan(&format!(r#"{{"version": 1, "whiteouts": [{}]}}"#, rules.join(",")));
        let policy = policy("");
        let before = dump(&store_.zone());
        let outcome = Migration::new(&store_, NewBase::new("press-1", &policy, &plan_, &old, &new)).run(at(0), &mut NoFaults).unwrap();
        // The model: what each place has to show through the overlay, or that nobody can say.
        let shown: Vec<_> = places.iter().map(|(upper, old, new, rule)| match (upper, new) {
            (Upper::File(content), _) => Ok(Some(*content)),
            (Upper::Nothing, new) => Ok(*new),
            (Upper::Whiteout, None) => Ok(None),
            (Upper::Whiteout, new) if old == new => Ok(None),
            (Upper::Whiteout, new) => rule.map(|keep| if keep { None } else { *new }).ok_or(()),
        }).collect();
        if shown.iter().any(Result::is_err) {
            prop_assert!(matches!(outcome, Outcome::Failed(_)));
            prop_assert_eq!(dump(&store_.zone()), before);
            return Ok(());
        }
        prop_assert!(matches!(outcome, Outcome::Migrated(_)), "{:?}", outcome);
        for ((expected, (.., new, _)), name) in shown.iter().zip(&places).zip(&names) {
            let path = store_.zone().join(name);
            let seen = match fs::symlink_metadata(&path) {
                Err(_) => *new,
                Ok(stat) if stat.is_file() => {
                    let content = fs::read_to_string(&path).unwrap();
                    Some(u8::try_from(text.iter().position(|text| *text == content).unwrap()).unwrap())
                }
                Ok(_) => None,
            };
            prop_assert_eq!(Ok(seen), *expected, "{}", name);
        }
        store_.finish(&[], &mut NoFaults).unwrap();
        prop_assert_eq!(fs::read_to_string(store_.zone().join("etc/own")).unwrap(), "x");
    }
}
