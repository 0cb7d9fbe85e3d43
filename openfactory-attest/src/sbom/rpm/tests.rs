//! Headers and databases made here, good and bad. Those that rpm made are in `tests/it/rpm.rs`.

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::sbom::Inventory;
use crate::sbom::files::memory::Memory;
use crate::sbom::recorded::Recorded;

/// The values of a tag: type, count, bytes.
type Value = (u32, u32, Vec<u8>);

fn text(text: &str) -> Value {
    (6, 1, [text.as_bytes(), b"\0"].concat())
}

fn texts(texts: &[&str]) -> Value {
    (8, texts.len() as u32, texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect())
}

fn numbers(numbers: &[u32]) -> Value {
    (4, numbers.len() as u32, numbers.iter().flat_map(|number| number.to_be_bytes()).collect())
}

fn header(tags: &[(u32, Value)]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, (kind, count, bytes)) in tags {
        for number in [*tag, *kind, store.len() as u32, *count] {
            index.extend(number.to_be_bytes());
        }
        store.extend(bytes);
    }
    let lens = [(tags.len() as u32).to_be_bytes(), (store.len() as u32).to_be_bytes()].concat();
    [lens, index, store].concat()
}

/// A package `hello 1:2-3` with these tags more, or instead.
fn hello(more: &[(u32, Value)]) -> Vec<u8> {
    let mut tags = vec![
        (1000, text("hello")),
        (1001, text("2")),
        (1002, text("3")),
        (1003, numbers(&[1])),
        (1022, text("noarch")),
        (1044, text("hello-world-2-3.src.rpm")),
    ];
    for (tag, value) in more {
        tags.retain(|(known, _)| known != tag);
        tags.push((*tag, value.clone()));
    }
    header(&tags)
}

/// Files: a binary, its configuration, a ghost, and one that was not installed.
fn files() -> Vec<(u32, Value)> {
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    vec![
        (1118, texts(&["/usr/bin/", "/etc/", "/"])),
        (1117, texts(&["hello", "hello.conf", "ghost", "other", ""])),
        (1116, numbers(&[0, 1, 1, 0, 2])),
        (1037, numbers(&[0, 1 | 16, 64, 0, 0])),
        (1035, texts(&[sha256, sha256, sha256, sha256, ""])),
        (1029, (1, 5, vec![0, 0, 0, 2, 0])),
        (5011, numbers(&[8])),
    ]
}

const SCHEMA: &str = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";

/// A database file of these headers.
fn database(schema: &str, headers: &[Vec<u8>]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("db");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(schema).unwrap();
    for header in headers {
        connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [header]).unwrap();
    }
    drop(connection);
    std::fs::read(file).unwrap()
}

fn fault(header: Vec<u8>) -> HeaderFault {
    match inventory(&database(SCHEMA, &[hello(&[(1000, text("other"))]), header]), None) {
        Err(RpmError::Header { number: 2, source }) => source,
        other => panic!("{:?}", other.map(|database| database.packages)),
    }
}

#[test]
fn a_header_says_what_the_package_is_and_has() {
    let mut tags = files();
    tags.extend([
        (1011, text("A Team <a@b.example>")),
        (1014, text("MIT and Zlib")),
        (1004, (9, 2, b"says\nhello\0sagt hallo\0".to_vec())),
    ]);
    let key = hello(&[(1000, text("gpg-pubkey"))]);
    let database = inventory(&database(SCHEMA, &[key, hello(&tags)]), None).unwrap();
    let [package] = database.packages.as_slice() else { panic!("{:?}", database.packages) };
    assert_eq!((package.name.as_str(), package.version.as_str()), ("hello", "1:2-3"));
    assert_eq!(
        (package.source_name.as_deref(), package.source_version.as_deref()),
        (Some("hello-world"), None)
    );
    assert_eq!(package.license.as_ref().unwrap().expression(), "MIT AND Zlib");
    assert_eq!(package.summary.as_deref(), Some("says hello"));
    assert_eq!(package.maintainer.as_deref(), Some("A Team <a@b.example>"));
    let told: Vec<_> = database
        .listed
        .iter()
        .map(|it| {
            (it.path.to_string(), matches!(it.recorded, Some(Recorded::Sha256(_))), it.is_configuration)
        })
        .collect();
    let expected =
        [("./usr/bin/hello", true, false), ("./etc/hello.conf", true, true), ("./etc/ghost", false, false)];
    assert_eq!(told, expected.map(|(path, recorded, is)| (path.to_owned(), recorded, is)));
}

#[test]
fn digests_are_of_the_kind_that_is_given() {
    let of = |algorithm: Option<u32>, digest: &str| {
        let mut tags = files();
        tags.retain(|(tag, _)| *tag != 5011 && *tag != 1035);
        tags.push((1035, texts(&[digest, "", "", "", ""])));
        tags.extend(algorithm.map(|algorithm| (5011, numbers(&[algorithm]))));
        inventory(&database(SCHEMA, &[hello(&tags)]), None).map(|database| database.listed[0].recorded)
    };
    assert!(matches!(of(None, &"0".repeat(32)), Ok(Some(Recorded::Md5(_)))));
    assert!(matches!(of(Some(2), &"0".repeat(40)), Ok(Some(Recorded::Sha1(_)))));
    assert!(matches!(of(Some(10), &"0".repeat(128)), Ok(None)));
    for bad in ["0", "zz", &"0".repeat(62)] {
        let error = of(Some(8), bad).unwrap_err();
        assert!(
            matches!(error, RpmError::Header { source: HeaderFault::Value { tag: 1035 }, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn headers_that_rpm_never_writes_are_refused() {
    let with = |tag, value| {
        let mut tags = files();
        tags.retain(|(known, _)| *known != tag);
        tags.push((tag, value));
        fault(hello(&tags))
    };
    let mut long = hello(&[]);
    long.push(0);
    let mut short = hello(&[]);
    short.pop();
    for bytes in [long, short, vec![], vec![0; 7], [[0xff; 8], [0; 8]].concat()] {
        assert_eq!(fault(bytes), HeaderFault::Length);
    }
    assert_eq!(fault(header(&[(1001, text("1"))])), HeaderFault::Missing { tag: 1000 });
    assert_eq!(fault(hello(&[(1022, numbers(&[1]))])), HeaderFault::Type { tag: 1022 });
    assert_eq!(fault(hello(&[(1000, text("../a"))])), HeaderFault::Value { tag: 1000 });
    assert_eq!(fault(hello(&[(1001, text(""))])), HeaderFault::Value { tag: 1001 });
    assert_eq!(fault(hello(&[(1014, (6, 1, b"\xff\0".to_vec()))])), HeaderFault::Value { tag: 1014 });
    assert_eq!(fault(hello(&[(1014, (6, 1, b"no end".to_vec()))])), HeaderFault::Outside { tag: 1014 });
    assert_eq!(with(1117, text("hello")), HeaderFault::Type { tag: 1117 });
    assert_eq!(with(1117, (8, u32::MAX, vec![0])), HeaderFault::Outside { tag: 1117 });
    assert_eq!(with(1116, (4, u32::MAX, vec![0; 4])), HeaderFault::Outside { tag: 1116 });
    assert_eq!(with(1116, numbers(&[0, 0])), HeaderFault::Count { tag: 1116 });
    assert_eq!(with(1037, numbers(&[0])), HeaderFault::Count { tag: 1037 });
    assert_eq!(with(1029, (1, 1, vec![0])), HeaderFault::Count { tag: 1029 });
    assert_eq!(with(1035, texts(&[""])), HeaderFault::Count { tag: 1035 });
    assert_eq!(with(1116, numbers(&[9, 1, 1, 0, 2])), HeaderFault::Value { tag: 1116 });
    assert_eq!(with(1118, texts(&["usr/", "/etc/", "/"])), HeaderFault::Value { tag: 1118 });
    assert_eq!(with(1118, texts(&["/../", "/etc/", "/"])), HeaderFault::Value { tag: 1117 });
}

#[test]
fn what_is_no_table_of_packages_is_refused() {
    let of = |bytes: &[u8]| inventory(bytes, None).map(|database| database.packages);
    assert!(matches!(of(b""), Err(RpmError::Table)));
    assert!(matches!(of(&[1; 4096]), Err(RpmError::Database(_))));
    for schema in [
        "CREATE TABLE Other (a)",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY)",
        "CREATE VIEW Packages AS SELECT 1 AS hnum, x'00' AS blob",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB AS (zeroblob(1000000000)))",
    ] {
        assert!(matches!(of(&database(schema, &[])), Err(RpmError::Table)), "{schema}");
    }
    let twice = [hello(&[]), hello(&[])];
    assert!(matches!(of(&database(SCHEMA, &twice)), Err(RpmError::Duplicate { .. })));
    // Kernels stand beside each other.
    let beside = [hello(&[]), hello(&[(1001, text("3"))])];
    assert_eq!(of(&database(SCHEMA, &beside)).unwrap().len(), 2);
    let text = database(
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB); INSERT INTO Packages VALUES (1, 'x')",
        &[],
    );
    assert!(matches!(of(&text), Err(RpmError::Database(_))));
    let mut damaged = database(SCHEMA, &[hello(&files())]);
    // The second page is the table's.
    damaged[4096..4196].fill(0xaa);
    assert!(of(&damaged).is_err());
}

#[test]
fn what_stands_in_the_log_counts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("db");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    connection.pragma_update(None, "wal_checkpoint", "truncate").unwrap();
    connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [hello(&[])]).unwrap();
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let (bytes, log) = (read("db"), read("db-wal"));
    assert!(!log.is_empty());
    let mut files = Memory::default();
    files.insert("usr/lib/sysimage/rpm/rpmdb.sqlite", &bytes);
    let of = |files: &mut Memory| Inventory::read(files).unwrap().packages().len();
    assert_eq!(of(&mut files), 0);
    files.insert("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", &log);
    assert_eq!(of(&mut files), 1);
    // The old place is a link to the new one, mostly; or it is the place.
    files.link_to("var/lib/rpm", "../../usr/lib/sysimage/rpm");
    assert_eq!(of(&mut files), 1);
    let mut old = Memory::default();
    old.insert("var/lib/rpm/rpmdb.sqlite", database(SCHEMA, &[hello(&[])]));
    assert_eq!(of(&mut old), 1);
}

#[test]
fn older_forms_are_told_and_not_passed_over() {
    for name in ["var/lib/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db"] {
        let mut files = Memory::default();
        files.insert(name, "x");
        files.insert("var/lib/dpkg/status", "");
        assert!(matches!(Inventory::read(&mut files), Err(InventoryError::NotRead { .. })));
    }
}

proptest! {
    /// Whatever a header holds, it ends in a package or a fault, and in no more memory than it has.
    #[test]
    fn any_header_ends_in_a_package_or_a_fault(
        at in 0_usize..400,
        bytes in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let mut header = hello(&files());
        for (place, byte) in header.iter_mut().skip(at).zip(&bytes) {
            *place = *byte;
        }
        if let Ok(Some(found)) = package::read(&header) {
            prop_assert!(!found.package.name.is_empty());
            prop_assert!(found.files.len() <= 5);
        }
        let _read = package::read(&bytes);
    }
}
