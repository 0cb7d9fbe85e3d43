//! Sealing, and what differs afterwards.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use openfactory_attest::audit::tree::{Tree, leaf_hash};
use openfactory_attest::manifest::TreePath;
use openfactory_attest::{Envelope, Sha256Digest, canonical};
use openfactory_zone2::device::{Snapshot, Zone};
use openfactory_zone2::policy::{Class, Owner};
use openfactory_zone2::scan::{Found, Kind, Scan, Unread, Xattr};
use openfactory_zone2::seal::{Binding, NotSealable, OpenSealError, PAYLOAD_TYPE};
use openfactory_zone2::{Priority, Row, Seal, check};

use super::support::{at, file, key, manifest, me, trust};

fn binding() -> Binding {
    Binding::new("press-1", at(0), "lock-1", Sha256Digest::of(b"policy"))
        .on_base("ab".repeat(32))
        .with_sbom(Sha256Digest::of(b"sbom"))
}

fn seal(entries: Vec<Found>) -> Seal {
    Seal::of(&Scan::new(entries, vec![]), binding()).unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

/// Each kind of change to a real directory, found by its name.
#[test]
fn guide_row_zone_2_hash_mismatch() {
    let zone = tempfile::tempdir().unwrap();
    let etc = zone.path().join("etc");
    fs::create_dir(&etc).unwrap();
    fs::set_permissions(&etc, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["changed", "mode", "removed", "replaced", "same"] {
        let path = etc.join(format!("{name}.conf"));
        fs::write(&path, name).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    symlink("../zone/UTC", etc.join("localtime")).unwrap();
    let scan = || Zone::open(zone.path()).unwrap().scan(&manifest());
    let seal = Seal::of(&scan(), binding()).unwrap();
    assert_eq!(check::seal(&scan(), &seal), check::Results::default());

    fs::write(etc.join("changed.conf"), "CHANGED").unwrap();
    fs::set_permissions(etc.join("mode.conf"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(etc.join("removed.conf")).unwrap();
    fs::remove_file(etc.join("replaced.conf")).unwrap();
    fs::create_dir(etc.join("replaced.conf")).unwrap();
    fs::set_permissions(etc.join("replaced.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(etc.join("localtime")).unwrap();
    symlink("../zone/Mars", etc.join("localtime")).unwrap();
    fs::write(etc.join("added.conf"), "x").unwrap();
    // Outside every rule: the manifest's to find, not the seal's.
    fs::write(etc.join("added.txt"), "x").unwrap();

    let results = check::seal(&scan(), &seal);
    let told: Vec<_> =
        results.findings.iter().map(|finding| (finding.subject.as_str(), finding.detail.clone())).collect();
    let (old, new) = (Sha256Digest::of(b"changed"), Sha256Digest::of(b"CHANGED"));
    assert_eq!(
        told,
        [
            ("/etc/added.conf", "added".to_owned()),
            ("/etc/changed.conf", format!("content was sealed as sha256 {old}, is {new}")),
            ("/etc/localtime", "the link points elsewhere".to_owned()),
            ("/etc/mode.conf", "mode was 0644, is 0600".to_owned()),
            ("/etc/removed.conf", "removed".to_owned()),
            ("/etc/replaced.conf", "was a file, is a directory".to_owned()),
        ]
    );
    assert!(results.findings.iter().all(|f| f.row == Row::HashMismatch && f.priority == Priority::P1));
}

#[test]
fn owners_are_under_the_seal() {
    let sealed = seal(vec![file("etc/a.conf", "a")]);
    let mut other = file("etc/a.conf", "a");
    other.owner = Owner::new(4242, 4243);
    let results = check::seal(&Scan::new(vec![other], vec![]), &sealed);
    let (uid, gid) = me();
    assert_eq!(results.findings[0].detail, format!("owner was {uid}:{gid}, is 4242:4243"));
}

#[test]
fn what_cannot_be_looked_at_is_neither_changed_nor_removed() {
    let sealed = seal(vec![file("etc/a.conf", "a"), file("etc/d/b.conf", "b"), file("etc/dd", "c")]);
    let unread = |at: &str| Scan::new(vec![], vec![Unread::new(path(at), "permission denied")]);
    let check = sealed.check(&unread("etc/d"));
    let gone: Vec<_> = check.differences.iter().map(|difference| difference.path.to_string()).collect();
    assert_eq!((gone, check.unread.len()), (vec!["./etc/a.conf".to_owned(), "./etc/dd".to_owned()], 1));
    assert!(sealed.check(&unread(".")).differences.is_empty());

    let mut unhashed = file("etc/a.conf", "a");
    unhashed.kind = Kind::File { size: 1, digest: None, executable: vec![] };
    let scan = Scan::new(vec![unhashed], vec![Unread::new(path("etc/a.conf"), "input/output error")]);
    assert!(!sealed.check(&scan).differences.iter().any(|difference| difference.path == path("etc/a.conf")));
}

#[test]
fn what_zone_2_never_holds_is_not_sealed() {
    let owner = Owner::new(0, 0);
    let odd = |kind: Kind| Scan::new(vec![Found::new(path("etc/x"), kind, 0o600, owner)], vec![]);
    let forbidden = |what| Err(NotSealable::Forbidden { path: "/etc/x".into(), what });
    assert_eq!(Seal::of(&odd(Kind::Fifo), binding()), forbidden("a pipe"));
    assert_eq!(Seal::of(&odd(Kind::Socket), binding()), forbidden("a socket"));
    assert_eq!(Seal::of(&odd(Kind::BlockDevice), binding()), forbidden("a device"));
    let script = Scan::new(vec![file("etc/x", "#!/bin/sh")], vec![]);
    assert_eq!(Seal::of(&script, binding()), forbidden("an executable"));
    let unhashed = odd(Kind::File { size: 1 << 40, digest: None, executable: vec![] });
    assert!(matches!(Seal::of(&unhashed, binding()), Err(NotSealable::Unread { .. })));
    let unread = Scan::new(vec![], vec![Unread::new(path("etc"), "permission denied")]);
    assert!(matches!(Seal::of(&unread, binding()), Err(NotSealable::Unread { .. })));
}

#[test]
fn volatile_entries_are_not_under_the_seal() {
    let log = |content| file("var/log/x", content).in_class(Some(Class::Volatile));
    let sealed = seal(vec![file("etc/a.conf", "a"), log("1")]);
    assert_eq!(sealed.entries().len(), 1);
    let now = Scan::new(vec![file("etc/a.conf", "a"), log("2")], vec![]);
    assert!(sealed.check(&now).differences.is_empty());
}

/// The root by the log's tree, which is checked against RFC 6962's own vectors, over each entry's canonical JSON.
#[test]
fn the_root_is_that_of_an_rfc_6962_tree_over_canonical_entries() {
    let sealed = seal(vec![file("etc/a.conf", "a"), file(b"etc/\xff.conf", "b"), file("etc/c.conf", "c")]);
    let json = serde_json::to_value(&sealed).unwrap();
    let mut tree = Tree::new();
    for entry in json["entries"].as_array().unwrap() {
        tree.push(leaf_hash(&canonical::to_vec(entry).unwrap()));
    }
    assert_eq!(tree.root(), sealed.root());
    assert_eq!(json["entries"][2]["path_base64"], "ZXRjL/8uY29uZg==");
}

/// The same root by a program that shares nothing with this crate but the description of the format.
#[test]
fn python_makes_the_same_root() {
    const PROGRAM: &str = r#"
import hashlib, json, sys
def tree(leaves):
    if len(leaves) == 1: return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()
payload = json.load(open(sys.argv[1]))
dump = lambda e: json.dumps(e, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
leaves = [hashlib.sha256(b"\0" + dump(e)).digest() for e in payload["entries"]]
print((tree(leaves) if leaves else hashlib.sha256().digest()).hex())
"#;
    let python = std::env::var_os("OPENFACTORY_PYTHON").unwrap_or_else(|| "python3".into());
    let directory = tempfile::tempdir().unwrap();
    for count in [0, 1, 2, 3, 7, 8, 13] {
        let sealed = seal((0..count).map(|n| file(format!("etc/é{n}.conf"), &"x".repeat(n))).collect());
        let path = directory.path().join("seal.json");
        fs::write(&path, sealed.sign(&key(2)).unwrap().payload_unverified()).unwrap();
        let output = std::process::Command::new(&python).arg("-c").arg(PROGRAM).arg(&path).output();
        let Ok(output) = output else {
            eprintln!("SKIPPED: python_makes_the_same_root: needs python3");
            assert!(std::env::var_os("OPENFACTORY_STRICT").is_none(), "needs python3");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), sealed.root().to_string(), "{count}");
    }
}

#[test]
fn a_seal_is_believed_only_by_signature_and_device() {
    let sealed = seal(vec![file("etc/a.conf", "a")]);
    let envelope = sealed.sign(&key(2)).unwrap();
    let opened = Seal::open(&envelope, &trust(), "press-1").unwrap();
    assert_eq!((opened.get(), opened.signer().name.as_str()), (&sealed, "press-1"));
    let again = Envelope::parse(&envelope.to_json()).unwrap();
    assert_eq!(again.payload_digest(), envelope.payload_digest());

    let other = Seal::open(&envelope, &trust(), "press-2");
    assert_eq!(other, Err(OpenSealError::OtherDevice { device: "press-1".into() }));
    for stranger in [3, 4, 9] {
        let envelope = sealed.sign(&key(stranger)).unwrap();
        let refused = Seal::open(&envelope, &trust(), "press-1");
        assert!(matches!(refused, Err(OpenSealError::Envelope(_))), "{stranger}");
    }
}

#[test]
fn a_seal_that_contradicts_itself_is_refused_though_it_is_signed() {
    let good = serde_json::to_value(seal(vec![file("etc/a.conf", "a"), file("etc/b.conf", "b")])).unwrap();
    let reasons = [
        ("/version", serde_json::json!(2), "version 2"),
        ("/root", serde_json::json!(Sha256Digest::of(b"x")), "root is not"),
        ("/entries/0/sha256", serde_json::json!(Sha256Digest::of(b"x")), "root is not"),
        ("/entries/0/path", serde_json::json!("etc/c.conf"), "out of order at /etc/b.conf"),
        ("/entries/0/path", serde_json::json!("etc/b.conf"), "out of order at /etc/b.conf"),
        ("/entries/0/path", serde_json::json!("../a"), "path is none"),
        ("/entries/0/path", serde_json::json!("./etc/a.conf"), "path is missing"),
        ("/entries/0/mode", serde_json::json!("644"), "mode is missing"),
        ("/entries/0/kind", serde_json::json!("directory"), "content is missing"),
        ("/entries/0/kind", serde_json::json!("fifo"), "unknown variant"),
        ("/entries/0/uid", serde_json::json!(-1), "invalid value"),
    ];
    for (pointer, value, complaint) in reasons {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let payload = canonical::to_vec(&bad).unwrap();
        let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, &key(2)).unwrap();
        let Err(OpenSealError::Payload(error)) = Seal::open(&envelope, &trust(), "press-1") else {
            panic!("{pointer} was accepted");
        };
        assert!(error.to_string().contains(complaint), "{pointer}: {error}");
    }
}

/// Extended attributes are under the seal, names that are no UTF-8 included, and survive being written down.
#[test]
fn extended_attributes_are_under_the_seal() {
    let with = |xattrs: &[(&[u8], &[u8])]| {
        let xattrs = xattrs.iter().map(|(name, value)| Xattr::new(*name, value)).collect();
        vec![file("etc/a.conf", "a").with_xattrs(xattrs)]
    };
    let sealed = seal(with(&[(b"user.b", b"1"), (b"user.a", b"1"), (b"user.\xff", b"")]));
    let text = serde_json::to_string(&sealed).unwrap();
    assert_eq!(serde_json::from_str::<Seal>(&text).unwrap(), sealed);
    let changes = |xattrs: &[(&[u8], &[u8])]| -> Vec<String> {
        let check = sealed.check(&Scan::new(with(xattrs), vec![]));
        check.differences.iter().flat_map(|difference| &difference.changes).map(ToString::to_string).collect()
    };
    assert!(changes(&[(b"user.a", b"1"), (b"user.b", b"1"), (b"user.\xff", b"")]).is_empty());
    let told = changes(&[(b"user.a", b"1"), (b"user.b", b"2"), (b"user.c", b"")]);
    assert_eq!(told, ["extended attributes are others: user.b, user.c, user.\\xff"]);
    // Names are in order, each once.
    for broken in [text.replace("user.a", "user.z"), text.replace("user.a", "user.b")] {
        assert!(serde_json::from_str::<Seal>(&broken).is_err());
    }
}

/// Says out loud that a file system has no extended attributes.
pub(crate) fn no_xattrs(test: &str) {
    use std::io::Write as _;
    let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
    assert!(!strict, "{test}: needs extended attributes");
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: {test}: needs extended attributes").unwrap();
}

#[test]
fn extended_attributes_of_a_real_file_are_seen() {
    let zone = tempfile::tempdir().unwrap();
    let path = zone.path().join("a.conf");
    fs::write(&path, "x").unwrap();
    if rustix::fs::setxattr(&path, "user.note", b"new", rustix::fs::XattrFlags::empty()).is_err() {
        return no_xattrs("extended_attributes_of_a_real_file_are_seen");
    }
    let scan = Zone::open(zone.path()).unwrap().scan(&manifest());
    assert_eq!(scan.entries[0].xattrs, [Xattr::new("user.note", b"new")]);
}

#[test]
fn file_capabilities_make_an_executable_that_is_never_sealed() {
    let found = file("etc/a.conf", "a").with_xattrs(vec![Xattr::new("security.capability", b"\x01")]);
    let results = check::manifest(&Scan::new(vec![found.clone()], vec![]), &manifest());
    assert!(
        results
            .findings
            .iter()
            .any(|finding| finding.row == Row::Executable && finding.detail.contains("file capabilities"))
    );
    let refused = Seal::of(&Scan::new(vec![found], vec![]), binding());
    assert!(matches!(refused, Err(NotSealable::Forbidden { what: "an executable", .. })));
}

/// Files that didn't change are not read again; those that did, however quickly, are.
#[test]
fn a_scan_of_what_changed_finds_what_a_whole_scan_finds() {
    let zone = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(zone.path().join(name), content).unwrap();
    for name in ["a", "b", "c"] {
        write(name, "old");
    }
    let open = Zone::open(zone.path()).unwrap();
    let mut seen = Snapshot::default();
    for step in 0..6 {
        let (scan, next) = open.scan_changed(&manifest(), &seen);
        assert_eq!(scan, open.scan(&manifest()), "step {step}");
        assert_eq!(scan, open.scan_disk(&manifest()), "step {step}");
        seen = next;
        match step {
            // The same length within the same tick of the clock.
            0 => write("a", "new"),
            1 => write("b", "longer"),
            2 => fs::rename(zone.path().join("a"), zone.path().join("c")).unwrap(),
            3 => fs::remove_file(zone.path().join("b")).unwrap(),
            4 => fs::set_permissions(zone.path().join("c"), fs::Permissions::from_mode(0o700)).unwrap(),
            _ => {}
        }
    }
}

#[test]
fn what_is_sealed_is_a_manifest_without_what_may_change() {
    let (uid, gid) = me();
    let found = |name, kind, class| Found::new(path(name), kind, 0o755, Owner::new(uid, gid)).in_class(class);
    let entries = vec![
        found("etc", Kind::Directory, None),
        file("etc/a.conf", "x"),
        found("etc/gone", Kind::Whiteout, Some(Class::Sealed)),
        found("var", Kind::Directory, None),
        found("var/log", Kind::Directory, Some(Class::Volatile)),
        file("var/log/a", "x").in_class(Some(Class::Volatile)),
        file("unruled", "x").in_class(None),
    ];
    let manifest = Scan::new(entries, Vec::new()).sealed().unwrap();
    let paths: Vec<_> = manifest.entries().map(|entry| entry.path.to_string()).collect();
    assert_eq!(paths, [".", "./etc", "./etc/a.conf", "./etc/gone", "./var", "./var/log"]);
    let third = manifest.entries().nth(2).unwrap();
    assert_eq!((third.uid, third.gid), (uid, gid));
}
