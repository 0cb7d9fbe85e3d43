//! Scans of real directories, hostile ones among them.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use openfactory_attest::Sha256Digest;
use openfactory_zone2::check::{self, Results};
use openfactory_zone2::device::Zone;
use openfactory_zone2::overlay_report::OverlayFinding;
use openfactory_zone2::policy::Class;
use openfactory_zone2::scan::{Executable, Kind, Scan, device_path};
use openfactory_zone2::value::{ReadFileError, ReadFiles as _};
use openfactory_zone2::{Priority, Row};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::support::manifest;

fn zone() -> TempDir {
    let zone = tempfile::tempdir().unwrap();
    fs::create_dir_all(zone.path().join("var/log")).unwrap();
    fs::create_dir(zone.path().join("etc")).unwrap();
    write(zone.path(), "etc/a.conf", "a=1\n");
    write(zone.path(), "var/log/x.log", "started\n");
    for directory in ["etc", "var", "var/log"] {
        mode(zone.path(), directory, 0o755);
    }
    zone
}

fn write(zone: &Path, path: &str, content: &str) {
    fs::write(zone.join(path), content).unwrap();
    mode(zone, path, 0o644);
}

fn mode(zone: &Path, path: &str, mode: u32) {
    fs::set_permissions(zone.join(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn scan(zone: &Path) -> Scan {
    Zone::open(zone).unwrap().scan(&manifest())
}

fn check(zone: &Path) -> Results {
    check::manifest(&scan(zone), &manifest())
}

fn told(findings: &[OverlayFinding]) -> Vec<(&str, Row, &str)> {
    findings.iter().map(|f| (f.subject.as_str(), f.row, f.detail.as_str())).collect()
}

#[test]
fn what_the_manifest_allows_is_no_finding() {
    let zone = zone();
    assert_eq!(check(zone.path()), Results::default());
    let scan = scan(zone.path());
    let paths: Vec<_> = scan.entries.iter().map(|found| device_path(&found.path)).collect();
    assert_eq!(paths, ["/etc", "/etc/a.conf", "/var", "/var/log", "/var/log/x.log"]);
    let sealed = Kind::File { size: 4, digest: Some(Sha256Digest::of(b"a=1\n")), executable: vec![] };
    assert_eq!((&scan.entries[1].kind, scan.entries[1].class), (&sealed, Some(Class::Sealed)));
    // A volatile file changes at any time: it is not hashed.
    let volatile = Kind::File { size: 8, digest: None, executable: vec![] };
    assert_eq!((&scan.entries[4].kind, scan.entries[4].class), (&volatile, Some(Class::Volatile)));
}

#[test]
fn guide_row_new_executable_detected_in_zone_2() {
    let zone = zone();
    write(zone.path(), "etc/bit.conf", "x=1\n");
    mode(zone.path(), "etc/bit.conf", 0o645);
    write(zone.path(), "etc/elf.conf", "\x7fELF\x02\x01\x01");
    write(zone.path(), "var/log/run.log", "#!/bin/sh\n");
    let findings = check(zone.path()).findings;
    let run: Vec<_> = findings.iter().filter(|finding| finding.row == Row::Executable).collect();
    let digest = Sha256Digest::of(b"#!/bin/sh\n");
    assert_eq!(
        run.iter().map(|finding| finding.subject.as_str()).collect::<Vec<_>>(),
        ["/etc/bit.conf", "/etc/elf.conf", "/var/log/run.log"]
    );
    assert!(run.iter().all(|finding| finding.priority == Priority::P1));
    assert!(run[0].detail.contains("execute bit"), "{}", run[0].detail);
    assert!(run[1].detail.contains("ELF"), "{}", run[1].detail);
    assert_eq!(run[2].detail, format!("can be run (interpreter line), sha256 {digest}"));
}

#[test]
fn guide_row_zone_2_file_outside_manifest() {
    let zone = zone();
    write(zone.path(), "etc/notes.txt", "x");
    fs::create_dir(zone.path().join("opt")).unwrap();
    symlink("/bin/sh", zone.path().join("etc/sh.conf")).unwrap();
    write(zone.path(), "etc/mode.conf", "x");
    mode(zone.path(), "etc/mode.conf", 0o600);
    write(zone.path(), "etc/size.conf", &"x".repeat(4097));
    let findings = check(zone.path()).findings;
    assert_eq!(
        told(&findings),
        [
            ("/etc/mode.conf", Row::OutsideManifest, "mode must be 0644"),
            ("/etc/notes.txt", Row::OutsideManifest, "a file that no rule allows"),
            ("/etc/sh.conf", Row::OutsideManifest, "a symlink that no rule allows"),
            ("/etc/size.conf", Row::OutsideManifest, "may have at most 4096 bytes"),
            ("/opt", Row::OutsideManifest, "a directory that no rule allows"),
        ]
    );
    assert!(findings.iter().all(|finding| finding.priority == Priority::P3));
    assert_eq!(findings[3].value.as_deref(), Some("4097 bytes"));
}

#[test]
fn links_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.conf"), "secret").unwrap();
    let zone = zone();
    symlink(outside.path(), zone.path().join("etc/out")).unwrap();
    symlink("../../../../../../../..", zone.path().join("etc/up")).unwrap();
    symlink("self", zone.path().join("etc/self")).unwrap();
    symlink(outside.path().join("secret.conf"), zone.path().join("etc/link.conf")).unwrap();
    let scan = scan(zone.path());
    let links = scan.entries.iter().filter(|found| matches!(found.kind, Kind::Symlink { .. })).count();
    assert_eq!((links, scan.entries.len(), scan.unread.len()), (4, 9, 0));

    let zone = Zone::open(zone.path()).unwrap();
    for path in
        ["/etc/out/secret.conf", "/etc/link.conf", "/etc/self", "/etc/self/x", "/etc", "/etc/a.conf/x"]
    {
        assert!(matches!(zone.read(path, 100), Err(ReadFileError::NotAFile)), "{path}");
    }
    assert_eq!(zone.read("/etc/a.conf", 100).unwrap().as_deref(), Some(&b"a=1\n"[..]));
    assert!(zone.read("/etc/none.conf", 100).unwrap().is_none());
    assert!(zone.read("/none/none.conf", 100).unwrap().is_none());
    let large = zone.read("/etc/a.conf", 3);
    assert!(matches!(large, Err(ReadFileError::TooLarge { bytes: 4, most: 3 })), "{large:?}");
}

#[test]
fn pipes_sockets_and_devices_are_named_and_never_opened() {
    let zone = zone();
    mknodat(CWD, zone.path().join("etc/pipe.conf"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(zone.path().join("etc/socket")).unwrap();
    let mut expected = vec![("/etc/pipe.conf", "fifo"), ("/etc/socket", "socket")];
    // Nobody but root makes devices; a whiteout is open to all in a user's own overlay, and may be refused here.
    let whiteout = mknodat(CWD, zone.path().join("etc/white"), FileType::CharacterDevice, Mode::RUSR, 0);
    match whiteout {
        Ok(()) => expected.push(("/etc/white", "whiteout")),
        Err(errno) => eprintln!("SKIPPED: a whiteout: needs the right to make one ({errno})"),
    }
    let scan = scan(zone.path());
    let found: Vec<_> = scan
        .entries
        .iter()
        .filter(|found| found.kind.in_policy().is_none())
        .map(|found| (device_path(&found.path), found.kind.name()))
        .collect();
    assert_eq!(found, expected.iter().map(|(p, k)| ((*p).to_owned(), *k)).collect::<Vec<_>>());
    let zone = Zone::open(zone.path()).unwrap();
    assert!(matches!(zone.read("/etc/pipe.conf", 100), Err(ReadFileError::NotAFile)));
}

#[test]
fn names_may_be_any_bytes() {
    let zone = zone();
    let path = zone.path().join(std::ffi::OsStr::from_bytes(b"etc/\xff\n.conf"));
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let findings = check(zone.path()).findings;
    assert_eq!(told(&findings), [("/etc/\\xff\\n.conf", Row::OutsideManifest, "mode must be 0644")]);
    assert_eq!(scan(zone.path()).entries[2].path.as_bytes(), b"etc/\xff\n.conf");
}

#[test]
fn what_cannot_be_read_is_not_checked_but_still_judged_by_its_mode() {
    if super::support::me().0 == 0 {
        // Root may read anything: there is nothing to refuse.
        let zone = zone();
        write(zone.path(), "etc/b.conf", "b");
        mode(zone.path(), "etc/b.conf", 0o100);
        assert!(check(zone.path()).findings.iter().any(|finding| finding.row == Row::Executable));
        return;
    }
    let zone = zone();
    write(zone.path(), "etc/b.conf", "b");
    mode(zone.path(), "etc/b.conf", 0o100);
    let results = check(zone.path());
    assert!(results.findings.iter().any(|finding| finding.row == Row::Executable));
    assert_eq!(results.not_checked.len(), 1);
    assert_eq!(results.not_checked[0].subject, "/etc/b.conf");
}

#[test]
fn a_large_file_is_not_read_whole() {
    let zone = zone();
    let file = fs::File::create(zone.path().join("etc/sparse.conf")).unwrap();
    file.set_len(1 << 40).unwrap();
    mode(zone.path(), "etc/sparse.conf", 0o644);
    let scan = scan(zone.path());
    let expected = Kind::File { size: 1 << 40, digest: None, executable: Vec::new() };
    assert_eq!(scan.entries[2].kind, expected);
    assert!(scan.unread.is_empty());
}

#[test]
fn deep_trees_are_walked_to_the_end_or_to_what_a_path_can_say() {
    let zone = tempfile::tempdir().unwrap();
    let deep = zone.path().join("d/".repeat(900));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("run"), "#!/bin/sh").unwrap();
    let scan = scan(zone.path());
    assert_eq!(scan.entries.len(), 901);
    let last = scan.entries.last().unwrap();
    assert!(matches!(&last.kind, Kind::File { executable, .. } if *executable == [Executable::Interpreter]));
}
