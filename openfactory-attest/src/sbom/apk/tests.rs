//! The parser against what apk writes, and against what it never would.

use proptest::prelude::*;

use super::*;
use crate::sbom::files::memory::Memory;
use crate::sbom::recorded::ContentDigests;
use crate::sbom::{Inventory, Package, PackageFormat, PackageState};
use crate::work::ContentHasher as _;

/// Two packages as apk 2.14 writes them, shortened.
const INSTALLED: &str = "\
C:Q1CpjMpFo3UY/Tn4CshBpA+PXMf04=
P:musl-utils
V:1.2.5-r0
A:x86_64
S:360760
I:516096
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT AND BSD-2-Clause AND GPL-2.0-or-later
o:musl
m:Timo Ter\u{e4}s <timo.teras@iki.fi>
t:1620570927
c:1e9cba35059e3bb4635f12ee7e10dfe687df31ad
D:scanelf so:libc.musl-x86_64.so.1
p:cmd:ldd=1.2.5-r0
F:usr
F:usr/bin
M:0:0:755
R:ldd
a:0:0:755
Z:Q1OR21cpf2INrOZXtXeMnWdqhkld4=

C:Q1QYgeusv2V7pMd22MjUjVuRUO9g8=
P:alpine-baselayout
V:3.6.5-r0
A:noarch
L:GPL-2.0-only
o:alpine-baselayout
f:s
F:
R:readme
F:etc
R:hosts
Z:Q1nIC5KDc++AsuZFnKQtw6GsOp7eQ=

";

fn of(text: impl AsRef<[u8]>) -> Result<Inventory, InventoryError> {
    let mut files = Memory::default();
    files.insert("lib/apk/db/installed", text);
    Inventory::read(&mut files)
}

fn refused(text: impl AsRef<[u8]>) -> ApkError {
    match of(text) {
        Err(InventoryError::Apk { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_as_apk_writes_it() {
    let inventory = of(INSTALLED).unwrap();
    let [base, utils] = inventory.packages() else { panic!("{:?}", inventory.packages()) };
    let Package { name, version, architecture, source_name, .. } = utils;
    assert_eq!(
        (name.as_str(), version.as_str(), architecture.as_str()),
        ("musl-utils", "1.2.5-r0", "x86_64")
    );
    assert_eq!((source_name.as_deref(), utils.format), (Some("musl"), PackageFormat::Apk));
    assert_eq!(utils.maintainer.as_deref(), Some("Timo Ter\u{e4}s <timo.teras@iki.fi>"));
    assert_eq!(utils.homepage.as_deref(), Some("https://musl.libc.org/"));
    let license = utils.license.as_ref().unwrap();
    assert_eq!(license.expression(), "MIT AND BSD-2-Clause AND GPL-2.0-or-later");
    assert_eq!((base.source_name.as_deref(), base.state), (None, PackageState::HalfConfigured));
    let paths: Vec<_> = inventory.listed.iter().map(|it| (it.package, it.path.to_string())).collect();
    let expected = [
        (0, "./readme"),
        (0, "./etc"),
        (0, "./etc/hosts"),
        (1, "./usr"),
        (1, "./usr/bin"),
        (1, "./usr/bin/ldd"),
    ];
    assert_eq!(paths, expected.map(|(index, path)| (index, path.to_owned())));
    assert!(inventory.unlisted.is_empty());
    let recorded: Vec<_> =
        inventory.listed.iter().map(|it| (it.recorded.is_some(), it.is_configuration)).collect();
    assert_eq!(
        recorded,
        [(false, false), (false, false), (true, true), (false, false), (false, false), (true, false)]
    );
}

#[test]
fn checksums_are_of_three_kinds() {
    let of = |flags: &str, checksum: &str| {
        let text = format!("P:a\nV:1\nA:x\n{flags}F:\nR:b\nZ:{checksum}\n");
        of(text).unwrap().listed[0].recorded
    };
    // Of "abc".
    let (sha1, start) = ("Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "Q1ungWv48Bz+pBQUDeXa4iI7ADYaM=");
    let whole = "Q2ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    for (recorded, is_sha1) in [(of("", sha1), true), (of("f:S\n", start), false), (of("", whole), false)] {
        let recorded = recorded.unwrap();
        let mut digests = ContentDigests::of(&[&recorded]);
        digests.update(b"abc");
        assert!(recorded.is_of(&digests.finish()), "{recorded:?}");
        assert_eq!(recorded.needs_content(), is_sha1);
    }
}

#[test]
fn the_database_is_also_found_behind_a_merged_lib() {
    let mut files = Memory::default();
    files.insert("usr/lib/apk/db/installed", INSTALLED);
    files.link_to("lib", "usr/lib");
    assert_eq!(Inventory::read(&mut files).unwrap().packages().len(), 2);
}

#[test]
fn an_image_may_have_two_package_managers() {
    let mut files = Memory::default();
    files.insert("lib/apk/db/installed", INSTALLED);
    let status = "Package: musl-utils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n";
    files.insert("var/lib/dpkg/status", status);
    let inventory = Inventory::read(&mut files).unwrap();
    let formats: Vec<_> = inventory.packages().iter().map(|package| package.format.name()).collect();
    assert_eq!(formats, ["deb", "apk", "apk"]);
    // Without a list of its own, the first owns nothing.
    assert_eq!((inventory.unlisted.as_slice(), inventory.listed[0].package), (&[0_usize][..], 1));
}

#[test]
fn what_apk_never_writes_is_refused() {
    let package = |more: &str| format!("P:a\nV:1\nA:x\n{more}");
    let (value, place) =
        (|line, field| ApkError::Value { line, field }, |line, field| ApkError::Place { line, field });
    for (text, error) in [
        ("x".to_owned(), ApkError::NotAField { line: 1 }),
        ("1:x".to_owned(), ApkError::NotAField { line: 1 }),
        ("\nV:1\nA:x\n".to_owned(), ApkError::MissingField { line: 2, field: 'P' }),
        ("P:a\nA:x\n".to_owned(), ApkError::MissingField { line: 1, field: 'V' }),
        ("P:a\nV:1\n".to_owned(), ApkError::MissingField { line: 1, field: 'A' }),
        ("P:../a\n".to_owned(), value(1, 'P')),
        ("P:\n".to_owned(), value(1, 'P')),
        (package("V:2\n"), place(4, 'V')),
        (package("m:a\u{7}\n"), value(4, 'm')),
        (package("T:a\nT:b\n"), place(5, 'T')),
        (package(&format!("T:{}\n", "x".repeat(4097))), value(4, 'T')),
        (package("f:q\n"), value(4, 'f')),
        (package("R:a\n"), place(4, 'R')),
        (package("F:/etc\n"), value(4, 'F')),
        (package("F:..\n"), value(4, 'F')),
        (package("F:etc\nR:../passwd\n"), value(5, 'R')),
        (package("F:etc\nZ:Q1OR21cpf2INrOZXtXeMnWdqhkld4=\n"), place(5, 'Z')),
        (package("F:etc\nR:a\nF:b\nZ:Q1OR21cpf2INrOZXtXeMnWdqhkld4=\n"), place(7, 'Z')),
        (package("F:etc\nR:a\nZ:OR21cpf2INrOZXtXeMnWdqhkld4=\n"), value(6, 'Z')),
        (package("F:etc\nR:a\nZ:Q1OR21\n"), value(6, 'Z')),
        (format!("{}\n{}", package("\n"), package("")), ApkError::Duplicate { package: "a".to_owned() }),
    ] {
        assert_eq!(refused(&text), error, "{text:?}");
    }
    assert_eq!(refused(b"P:a\nV:1\nA:x\nm:\xff\n"), value(4, 'm'));
    // Names of files are bytes.
    assert!(of(b"P:a\nV:1\nA:x\nF:etc\nR:\xff\n").is_ok());
}

#[test]
fn too_much_is_refused() {
    let many = "P:a\nV:1\nA:x\n\n".repeat(Inventory::MAX_PACKAGES + 1);
    assert!(matches!(refused(many), ApkError::TooMany { what: "packages", .. }));
}

proptest! {
    #[test]
    fn any_lines_end_in_packages_or_an_error(
        lines in prop::collection::vec("(P:a|V:1|A:x||F:etc|R:b|[A-Za-z]:\\PC{0,12}|\\PC{0,12})", 0..24),
    ) {
        if let Ok(inventory) = of(lines.join("\n")) {
            prop_assert!(inventory.packages().iter().all(|package| !package.name.is_empty()));
        }
    }
}
