//! Manifests in memory: structure, JSON, text, differences.

use proptest::prelude::*;

use super::diff::diff_digests;
use super::*;

fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::new(text).unwrap()
}

fn file(name: &str, content: &[u8]) -> Entry {
    let kind = EntryKind::File { size: content.len() as u64, digest: Sha256Digest::of(content) };
    Entry::new(path(name), kind, 0o644)
}

fn directory(name: &str) -> Entry {
    Entry::new(path(name), EntryKind::Directory, 0o755)
}

/// One entry of every kind, one hard link, one name that is no UTF-8.
fn everything() -> Vec<Entry> {
    let mut link = file("etc/z-motd", b"hello\n");
    link.hard_link_to = Some(path("etc/motd"));
    let mut setuid = file("su", b"\x7fELF");
    (setuid.mode, setuid.uid, setuid.gid, setuid.mtime) = (0o4755, 1, 2, -3);
    vec![
        directory("."),
        directory("etc"),
        directory("dev"),
        file("etc/motd", b"hello\n"),
        link,
        setuid,
        Entry::new(path("dev/null"), EntryKind::CharDevice { major: 1, minor: 3 }, 0o666),
        Entry::new(path("dev/sda"), EntryKind::BlockDevice { major: 8, minor: 0 }, 0o660),
        Entry::new(path("pipe"), EntryKind::Fifo, 0o600),
        Entry::new(path("socket"), EntryKind::Socket, 0o600),
        Entry::new(path("link"), EntryKind::Symlink { target: b"etc/\xff".to_vec() }, 0o777),
        Entry::new(path(b"\xfe"), EntryKind::Symlink { target: b"/etc".to_vec() }, 0o777),
    ]
}

fn manifest(entries: Vec<Entry>) -> Manifest {
    Manifest::of_entries(entries).unwrap()
}

#[test]
fn entries_must_be_a_tree() {
    let of = |entries: &[Entry]| Manifest::of_entries(entries.to_vec()).unwrap_err();
    let root = directory(".");
    assert_eq!(of(&[]), StructureError::NoRoot);
    assert_eq!(of(&[file("a", b"")]), StructureError::NoRoot);
    let twice = [root.clone(), file("a", b""), file("a", b"")];
    assert_eq!(of(&twice), StructureError::Duplicate { path: path("a") });
    assert_eq!(of(&[root.clone(), file("a/b", b"")]), StructureError::Orphan { path: path("a/b") });
    let in_file = [root.clone(), file("a", b""), file("a/b", b"")];
    assert_eq!(of(&in_file), StructureError::Orphan { path: path("a/b") });
    for (own, first) in [("b", "c"), ("b", "b"), ("a", "b"), ("b", "d")] {
        let mut link = file(own, b"");
        link.hard_link_to = Some(path(first));
        let entries: Vec<_> = [root.clone(), file("a", b"other"), file("c", b"")]
            .into_iter()
            .filter(|entry| entry.path != link.path)
            .chain([link.clone()])
            .collect();
        assert_eq!(of(&entries), StructureError::HardLink { path: path(own) });
    }
}

#[test]
fn json_round_trip_is_canonical() {
    let manifest = manifest(everything());
    let json = manifest.to_json().unwrap();
    assert_eq!(Manifest::parse_json(&json).unwrap(), manifest);
    assert_eq!(manifest.digest().unwrap(), Sha256Digest::of(&json));

    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["xattrs"], "not covered");
    assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), json);
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    assert_eq!(Manifest::parse_json(&pretty).unwrap().to_json().unwrap(), json);
}

#[test]
fn small_manifest_as_json_is_frozen() {
    let manifest = manifest(vec![directory("."), file("motd", b"hello\n")]);
    let expected = "{\"entries\":[{\"gid\":0,\"kind\":\"directory\",\"mode\":\"0755\",\"mtime\":0,\"path\":\".\",\"uid\":0},\
        {\"gid\":0,\"kind\":\"file\",\"mode\":\"0644\",\"mtime\":0,\"path\":\"motd\",\
        \"sha256\":\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\",\"size\":6,\"uid\":0}],\
        \"version\":1,\"xattrs\":\"not covered\"}";
    assert_eq!(String::from_utf8(manifest.to_json().unwrap()).unwrap(), expected);
}

#[test]
fn json_that_is_no_manifest_is_refused() {
    let good = String::from_utf8(manifest(everything()).to_json().unwrap()).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Manifest::parse_json(good.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    let field = |error| match error {
        ManifestParseError::Field { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused("{\"entries\"", "{\"x\":1,\"entries\""), ManifestParseError::Json { .. }));
    assert!(matches!(refused("\"uid\":0", "\"uid\":0,\"uid\":0"), ManifestParseError::Json { .. }));
    assert!(matches!(refused("\"uid\":0", "\"uid\":-1"), ManifestParseError::Json { .. }));
    assert!(matches!(refused("\"gid\":0,", ""), ManifestParseError::Json { .. }));
    assert_eq!(refused("\"version\":1", "\"version\":2"), ManifestParseError::Version { version: 2 });
    assert_eq!(refused("not covered", "some covered"), ManifestParseError::Xattrs);
    let with = |xattrs: &str| refused("\"uid\":1", &format!("\"uid\":1,\"xattrs\":{xattrs}"));
    let (a, b) =
        ("{\"name\":\"user.a\",\"value_base64\":\"\"}", "{\"name\":\"user.b\",\"value_base64\":\"\"}");
    let uncovered = StructureError::Uncovered { path: path("su") };
    assert_eq!(with(&format!("[{a},{b}]")), ManifestParseError::Structure(uncovered));
    assert_eq!(field(with(&format!("[{b},{a}]"))), "xattrs");
    assert_eq!(field(with(&format!("[{a},{a}]"))), "xattrs");
    assert_eq!(field(with("[{\"name\":\"user.a\",\"value_base64\":\"x\"}]")), "xattrs");
    assert_eq!(field(with("[{\"name_base64\":\"dXNlci5h\",\"value_base64\":\"\"}]")), "xattrs");
    assert!(matches!(with("[{\"name\":\"user.a\"}]"), ManifestParseError::Json { .. }));
    assert_eq!(field(refused("\"0755\"", "\"755\"")), "mode");
    assert_eq!(field(refused("\"0755\"", "\"17777\"")), "mode");
    assert_eq!(field(refused("\"0755\"", "\"+755\"")), "mode");
    assert_eq!(field(refused("\"size\":6", "\"size\":9007199254740993")), "size");
    assert_eq!(field(refused(",\"size\":6", "")), "size");
    assert_eq!(field(refused("\"kind\":\"fifo\"", "\"kind\":\"fifo\",\"size\":1")), "size");
    assert_eq!(field(refused("\"kind\":\"fifo\"", "\"kind\":\"door\"")), "kind");
    assert_eq!(field(refused("\"target\":\"/etc\"", "\"target\":\"\"")), "target");
    assert!(matches!(refused("\"path\":\"su\"", "\"path\":\"../su\""), ManifestParseError::Path { .. }));
    assert!(matches!(refused("\"path\":\"su\"", "\"path\":\"./su\""), ManifestParseError::Path { .. }));
    assert!(matches!(
        refused("\"path\":\"su\"", "\"path_base64\":\"c3U=\""),
        ManifestParseError::Path { .. }
    ));
    assert!(matches!(refused("\"path\":\"su\"", "\"path\":\"etc\""), ManifestParseError::Structure(_)));
    assert!(matches!(Manifest::parse_json(b"[]"), Err(ManifestParseError::Json { .. })));
}

/// Another version may have any entries; what is wrong with one of this version is told.
#[test]
fn the_version_is_told_before_what_is_wrong_with_an_entry() {
    let json = |version: u32, kind: &str| {
        let entry = |kind| serde_json::json!({ "path": ".", "kind": kind, "mode": "0755", "uid": 0, "gid": 0, "mtime": 0 });
        let entries = [entry(kind), entry("directory")];
        serde_json::json!({ "entries": entries, "version": version, "xattrs": "covered" }).to_string()
    };
    let refused = |text: String| Manifest::parse_json(text.as_bytes()).unwrap_err();
    assert_eq!(refused(json(2, "door")), ManifestParseError::Version { version: 2 });
    assert_eq!(refused(json(1, "door")), ManifestParseError::Field { index: 0, field: "kind" });
    let twice = StructureError::Duplicate { path: TreePath::root() };
    assert_eq!(refused(json(1, "directory")), ManifestParseError::Structure(twice));
}

#[test]
fn what_is_read_in_pieces_is_what_is_parsed_whole() {
    let mut entries = everything();
    let set = Xattrs::new(vec![Xattr::new("security.selinux", "system_u:object_r:bin_t:s0")]).unwrap();
    entries.iter_mut().filter(|entry| entry.path != path("su")).for_each(|it| it.xattrs = set.clone());
    let manifest = Manifest::of_entries_with_xattrs(entries).unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&manifest.to_json().unwrap()).unwrap();
    value["entries"].as_array_mut().unwrap().reverse();
    let json = serde_json::to_vec_pretty(&value).unwrap();
    // One byte at a time.
    let read = |json: &[u8]| Manifest::read_json(io::BufReader::with_capacity(1, json));
    let found = read(&json).unwrap();
    assert_eq!((&found, &Manifest::parse_json(&json).unwrap()), (&manifest, &manifest));
    assert_eq!(found.digest().unwrap(), manifest.digest().unwrap());
    assert_eq!(found.entry(&path("su")).unwrap().xattrs, Xattrs::none());
    assert_eq!(found.entry(&path("etc/z-motd")).unwrap().hard_link_to, Some(path("etc/motd")));

    let whole = Manifest::parse_json(&json[..json.len() - 1]).unwrap_err();
    assert!(matches!(read(&json[..json.len() - 1]), Err(ManifestReadError::Parse(error)) if error == whole));
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let broken = Manifest::read_json(json[..100].chain(Broken));
    assert!(matches!(broken, Err(ManifestReadError::Read(error)) if error.to_string() == "the disk is gone"));
}

#[test]
fn a_target_that_no_link_can_have_is_refused() {
    let link = |len: usize| Entry::new(path("l"), EntryKind::Symlink { target: vec![b'x'; len] }, 0o777);
    assert!(Manifest::of_entries(vec![directory("."), link(65_535)]).is_ok());
    let refused = Manifest::of_entries(vec![directory("."), link(65_536)]).unwrap_err();
    assert_eq!(refused, StructureError::Target { path: path("l") });
}

#[test]
fn text_form_escapes_as_gnu_does() {
    let names = ["plain", "new\nline", "back\\slash", "return\r", " space"];
    let mut entries = vec![directory(".")];
    entries.extend(names.iter().map(|name| file(name, b"")));
    let manifest = manifest(entries);
    let text = String::from_utf8(manifest.to_sha256sum()).unwrap();
    let empty = Sha256Digest::of(b"");
    assert!(text.contains(&format!("\n\\{empty}  ./new\\nline\n")));
    assert!(text.contains(&format!("\n\\{empty}  ./back\\\\slash\n")));
    assert!(text.contains(&format!("\n{empty}  ./plain\n")));
    let parsed = Manifest::parse_sha256sum(text.as_bytes()).unwrap();
    assert_eq!(parsed.len(), names.len());
    assert!(diff_digests(&parsed, &manifest).is_empty());
}

#[test]
fn text_that_is_no_list_is_refused() {
    let empty = Sha256Digest::of(b"");
    let parse = |text: String| Manifest::parse_sha256sum(text.as_bytes()).unwrap_err();
    let line = TextParseError::Line { line: 1 };
    assert_eq!(Manifest::parse_sha256sum(b"").unwrap(), []);
    assert_eq!(parse("x".to_owned()), line);
    assert_eq!(parse(format!("{empty} x")), line);
    assert_eq!(parse(format!("{empty}")), line);
    assert!(matches!(parse(format!("{}  x", "X".repeat(64))), TextParseError::Digest { line: 1, .. }));
    assert!(matches!(parse(format!("{empty}  ok\n{empty}  ../x")), TextParseError::Path { line: 2, .. }));
    assert_eq!(parse(format!("\\{empty}  a\\tb")), TextParseError::Escape { line: 1 });
    assert_eq!(parse(format!("\\{empty}  a\\")), TextParseError::Escape { line: 1 });
    assert_eq!(parse(format!("{empty}  a\n{empty} *./a")), TextParseError::Duplicate { path: path("a") });
}

#[test]
fn each_kind_of_difference() {
    let baseline = manifest(everything());
    assert!(baseline.diff(&baseline, &Compare::everything()).is_empty());
    let differs = |name: &str, change: &dyn Fn(&mut Entry)| {
        let mut entries = everything();
        change(entries.iter_mut().find(|entry| entry.path == path(name)).unwrap());
        let found = baseline.diff(&manifest(entries), &Compare::everything());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, path(name));
        found[0].kind
    };
    let content = EntryKind::File { size: 1, digest: Sha256Digest::of(b"x") };
    assert_eq!(differs("su", &|entry| entry.kind = content.clone()), DifferenceKind::Content);
    assert_eq!(differs("su", &|entry| entry.kind = EntryKind::Fifo), DifferenceKind::Kind);
    assert_eq!(differs("su", &|entry| entry.mode = 0o755), DifferenceKind::Mode);
    assert_eq!(differs("su", &|entry| entry.gid = 0), DifferenceKind::Owner);
    assert_eq!(differs("su", &|entry| entry.mtime = 0), DifferenceKind::Mtime);
    assert_eq!(differs("etc/z-motd", &|entry| entry.hard_link_to = None), DifferenceKind::HardLink);
    let target = EntryKind::Symlink { target: b"/".to_vec() };
    assert_eq!(differs("link", &|entry| entry.kind = target.clone()), DifferenceKind::LinkTarget);
    let device = EntryKind::CharDevice { major: 1, minor: 5 };
    assert_eq!(differs("dev/null", &|entry| entry.kind = device.clone()), DifferenceKind::Device);
}

#[test]
fn added_and_removed() {
    let (mut fewer, mut more) = (everything(), everything());
    fewer.retain(|entry| entry.path != path("su"));
    let mut script = file("zz", b"#!");
    script.mode = 0o755;
    more.push(script);
    let found = manifest(more).diff(&manifest(fewer), &Compare::content());
    let kinds: Vec<_> = found.iter().map(|found| (found.path.to_string(), found.kind)).collect();
    assert_eq!(
        kinds,
        [("./su".to_owned(), DifferenceKind::Removed), ("./zz".to_owned(), DifferenceKind::Removed)]
    );
    let mut more = everything();
    more.extend([directory("opt"), file("opt/x", b"")]);
    let found = manifest(everything()).diff(&manifest(more), &Compare::content());
    assert!(found.iter().all(|found| found.kind == DifferenceKind::Added && !found.executable));
    assert_eq!(found.len(), 2);
}

#[test]
fn differences_as_json() {
    let mut entries = everything();
    entries.retain(|entry| entry.path != path(b"\xfe") && entry.path != path("su"));
    let found = manifest(everything()).diff(&manifest(entries), &Compare::content());
    let json = serde_json::to_string(&found).unwrap();
    assert!(json.contains("{\"path\":\"su\",\"kind\":\"removed\",\"expected\":\"file of 4 bytes"));
    assert!(json.contains("{\"path_base64\":\"/g==\",\"kind\":\"removed\""));
    assert_eq!(serde_json::from_str::<Vec<Difference>>(&json).unwrap(), found);
}

proptest! {
    #[test]
    fn any_bytes_as_text_are_parsed_or_refused(text in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(files) = Manifest::parse_sha256sum(&text) {
            prop_assert!(files.is_empty());
        }
    }

    #[test]
    fn any_names_survive_the_text_form(names in prop::collection::btree_set("[^/\0]{1,8}", 0..6)) {
        let mut entries = vec![directory(".")];
        entries.extend(names.iter().filter(|name| !matches!(name.as_str(), "." | "..")).map(|name| file(name, b"x")));
        let manifest = manifest(entries);
        let parsed = Manifest::parse_sha256sum(&manifest.to_sha256sum()).unwrap();
        prop_assert!(diff_digests(&parsed, &manifest).is_empty());
        prop_assert_eq!(parsed.len(), manifest.files().count());
    }

    #[test]
    fn damaged_json_is_parsed_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = manifest(everything()).to_json().unwrap();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(parsed) = Manifest::parse_json(&json) {
            let again = Manifest::parse_json(&parsed.to_json().unwrap()).unwrap();
            prop_assert_eq!(again, parsed);
        }
    }
}
