//! The parsers against what dpkg writes, and against what it never would.

use proptest::prelude::*;

use super::*;
use crate::sbom::files::memory::Memory;
use crate::sbom::{Inventory, PackageState};

fn of(files: &[(&str, &str)]) -> Result<Inventory, InventoryError> {
    Inventory::read(&mut Memory::of(files))
}

const STATUS: &str = "\
Package: zlib1g
Status: install ok installed
Priority: required
Architecture: amd64
Multi-Arch: same
Source: zlib (1:1.2.13)
Version: 1:1.2.13.dfsg-1
Maintainer: Mark Brown <broonie@debian.org>
Conffiles:
 /etc/zlib 00000000000000000000000000000000
 /etc/two words 11111111111111111111111111111111 obsolete remove-on-upgrade
 /etc/new newconffile
Description: compression library - runtime
 zlib is a library.
 .
 It compresses.
Homepage: http://zlib.net/

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: dash
Status: install ok triggers-pending
Architecture: amd64
Version: 0.5.12-2
";

#[test]
fn a_status_as_dpkg_writes_it() {
    let stated = status::parse(STATUS.as_bytes()).unwrap();
    let conffiles: Vec<_> = stated[0].conffiles.iter().map(|(path, sum)| (path.to_string(), *sum)).collect();
    assert_eq!(
        conffiles,
        [
            ("./etc/zlib".to_owned(), Some([0; 16])),
            ("./etc/two words".to_owned(), Some([0x11; 16])),
            ("./etc/new".to_owned(), None)
        ]
    );
    assert!(stated[1].conffiles.is_empty());
    let packages: Vec<_> = stated.into_iter().map(|stated| stated.package).collect();
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["zlib1g", "dash"]);
    let [zlib, dash] = packages.try_into().unwrap();
    assert_eq!(
        (zlib.source_name.as_deref(), zlib.source_version.as_deref()),
        (Some("zlib"), Some("1:1.2.13"))
    );
    assert_eq!(zlib.summary.as_deref(), Some("compression library - runtime"));
    assert_eq!(zlib.maintainer.as_deref(), Some("Mark Brown <broonie@debian.org>"));
    assert_eq!((zlib.state, dash.state), (PackageState::Installed, PackageState::TriggersPending));
}

#[test]
fn lists_diversions_and_what_is_not_there() {
    let inventory = of(&[
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/zlib1g:amd64.list", "/.\n/lib\n/lib/libz.so.1\n/bin/sh\n"),
        ("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n"),
    ])
    .unwrap();
    let paths: Vec<_> = inventory.listed.iter().map(|it| (it.package, it.path.to_string())).collect();
    let expected = ["./lib", "./lib/libz.so.1", "./bin/sh.distrib"].map(|path| (1, path.to_owned()));
    assert_eq!(paths, expected);
    assert_eq!(inventory.unlisted, [0]);
    assert_eq!(inventory.distribution(), None);
}

#[test]
fn sums_are_of_files_that_are_the_packages() {
    let sum = "00000000000000000000000000000001";
    let inventory = of(&[
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/zlib1g:amd64.list", "/lib/libz.so.1\n/etc/zlib\n/etc/new\n/bin/sh\n"),
        (
            "var/lib/dpkg/info/zlib1g:amd64.md5sums",
            &["lib/libz.so.1", "bin/sh", "bin/another's"].map(|path| format!("{sum}  {path}\n")).concat(),
        ),
        ("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n"),
    ])
    .unwrap();
    let told: Vec<_> =
        inventory.listed.iter().map(|it| (it.path.to_string(), it.recorded, it.is_configuration)).collect();
    let mut one = [0; 16];
    one[15] = 1;
    let expected = [
        ("./lib/libz.so.1", Some(Recorded::Md5(one)), false),
        ("./etc/zlib", Some(Recorded::Md5([0; 16])), true),
        ("./etc/new", None, true),
        ("./bin/sh.distrib", Some(Recorded::Md5(one)), false),
    ];
    assert_eq!(told, expected.map(|(path, recorded, is)| (path.to_owned(), recorded, is)));
}

#[test]
fn images_without_dpkg_have_a_file_for_each_package() {
    let inventory = of(&[
        ("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nArchitecture: all\nVersion: 2025b-0\n"),
        (
            "var/lib/dpkg/status.d/tzdata.md5sums",
            "00000000000000000000000000000000  usr/share/zoneinfo/UTC\n",
        ),
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=12\n"),
    ])
    .unwrap();
    assert_eq!(inventory.packages()[0].name, "tzdata");
    assert_eq!(inventory.listed[0].path.to_string(), "./usr/share/zoneinfo/UTC");
    assert_eq!(inventory.distribution().unwrap().name(), "debian-12");
}

/// What is known of the licence of `a`, with these files and links.
fn license(links: &[(&str, &str)], files: &[(&str, &str)]) -> Option<String> {
    let status = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";
    let mut memory = Memory::of(files);
    memory.insert("var/lib/dpkg/status", status);
    links.iter().for_each(|(path, target)| memory.link_to(path, target));
    let license = Inventory::read(&mut memory).unwrap().packages()[0].license.clone();
    license.map(|license| license.expression().to_owned())
}

#[test]
fn copyright_files_are_found_where_documentation_links_to() {
    let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                Files: *\nLicense: Expat\n";
    let (mine, other) = ([("usr/share/doc/a/copyright", text)], [("usr/share/doc/b/copyright", text)]);
    let directory = |target| license(&[("usr/share/doc/a", target)], &other);
    let file = |target| license(&[("usr/share/doc/a/copyright", target)], &other);
    assert_eq!(license(&[], &mine).as_deref(), Some("MIT"));
    for found in [directory("b"), directory("/usr/share/doc/b"), file("../b/copyright")] {
        assert_eq!(found.as_deref(), Some("MIT"));
    }
    assert_eq!(file("/usr/share/doc/b/copyright").as_deref(), Some("MIT"));
    for none in [directory("a"), directory("../b"), directory("/etc"), file("copyright"), file("../../b")] {
        assert_eq!(none, None);
    }
    assert_eq!(license(&[], &[("usr/share/doc/a/copyright", "It is free.\n")]), None);
    assert_eq!(license(&[], &[]), None);
}

#[test]
fn no_database_is_no_empty_inventory() {
    assert!(matches!(of(&[]), Err(InventoryError::NoDatabase)));
    assert_eq!(of(&[("var/lib/dpkg/status", "")]).unwrap().packages(), []);
}

#[test]
fn what_dpkg_never_writes_is_refused() {
    let refused = |text: &str| status::parse(text.as_bytes()).unwrap_err();
    let package =
        |more: &str| format!("\nPackage: a\nStatus: install ok installed\nArchitecture: all\n{more}");
    let value = |field| DpkgError::Value { line: 2, field };
    for (text, error) in [
        ("x", DpkgError::NotAField { line: 1 }),
        (" x: y", DpkgError::NotAField { line: 1 }),
        ("#x: y", DpkgError::NotAField { line: 1 }),
        ("x y: z", DpkgError::NotAField { line: 1 }),
        ("Version: 1\n", DpkgError::MissingField { line: 1, field: "Package" }),
        ("Package: a\n\nVersion: 1", DpkgError::MissingField { line: 1, field: "Status" }),
        ("Package: a\npackage: b", DpkgError::DuplicateField { line: 2, field: "package".to_owned() }),
        ("Package: ../a\n", DpkgError::Value { line: 1, field: "Package" }),
        ("Package: a\nStatus: install ok\n", DpkgError::Value { line: 1, field: "Status" }),
        ("Package: a\nStatus: install ok there\n", DpkgError::Value { line: 1, field: "Status" }),
        (&package(""), DpkgError::MissingField { line: 2, field: "Version" }),
        (&package("Version:\n 1\n"), DpkgError::MissingField { line: 2, field: "Version" }),
        (&package("Version: 1/2\n"), value("Version")),
        (&package("Version: 1\nSource: b 2\n"), value("Source")),
        (&package("Version: 1\nMaintainer: a\u{7}b\n"), value("Maintainer")),
        (&package(&format!("Version: 1\nDescription: {}\n", "x".repeat(4097))), value("Description")),
        (&package("Version: 1\nConffiles:\n /etc/a\n"), value("Conffiles")),
        (&package("Version: 1\nConffiles:\n /etc/a 00\n"), value("Conffiles")),
        (&package("Version: 1\nConffiles:\n /../a newconffile\n"), value("Conffiles")),
    ] {
        assert_eq!(refused(text), error, "{text:?}");
    }
    assert_eq!(status::parse(b"Package: a\nX: \xff"), Err(DpkgError::NotUtf8 { line: 2 }));
    let fields: String = (0..257).map(|index| format!("F{index}: x\n")).collect();
    assert!(matches!(refused(&fields), DpkgError::TooMany { what: "fields in a paragraph", .. }));
}

#[test]
fn a_package_twice_is_refused() {
    let one = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";
    let twice = of(&[("var/lib/dpkg/status", &format!("{one}\n{one}"))]).unwrap_err();
    assert!(matches!(twice, InventoryError::Dpkg { source: DpkgError::Duplicate { .. }, .. }), "{twice:?}");
}

#[test]
fn lists_that_lead_out_of_the_tree_are_refused() {
    for text in ["usr", "/../etc", "/usr//bin", "\n", "/a\n\n/b"] {
        assert!(matches!(lists::parse_list(text.as_bytes()), Err(DpkgError::Path { .. })), "{text:?}");
    }
    assert_eq!(lists::parse_list(b""), Ok(vec![]));
    for text in ["/a\n", "/a\n/b\n", "/a\n/../b\nc\n", "a\n/b\nc\n"] {
        assert!(
            matches!(lists::parse_diversions(text.as_bytes()), Err(DpkgError::Path { line: 1 })),
            "{text:?}"
        );
    }
    for text in
        ["0", "/usr/bin/x", "0000000000000000000000000000000g  a", "00000000000000000000000000000000  /a"]
    {
        assert!(
            matches!(lists::parse_md5sums(text.as_bytes()), Err(DpkgError::Path { line: 1 })),
            "{text:?}"
        );
    }
}

/// Lines that come near to what dpkg writes.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Package: a".to_owned()),
        Just("Status: install ok installed".to_owned()),
        Just("Architecture: amd64".to_owned()),
        Just("Version: 1:2-3".to_owned()),
        Just(String::new()),
        Just(" continued".to_owned()),
        "(Package|Status|Version|Source|Architecture|Maintainer): \\PC{0,20}",
        "\\PC{0,30}",
    ]
}

proptest! {
    /// Whatever is in the file, the end is packages with names and versions that can be, or an error.
    #[test]
    fn any_status_ends_in_packages_or_an_error(lines in prop::collection::vec(line(), 0..24)) {
        if let Ok(packages) = status::parse(lines.join("\n").as_bytes()) {
            for Stated { package, .. } in packages {
                prop_assert!(!package.name.contains('/') && !package.name.is_empty());
                prop_assert!(!package.version.is_empty() && package.version.is_ascii());
            }
        }
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _parsed = status::parse(&bytes);
        let _parsed = status::parse_installed(&bytes);
        let _parsed = lists::parse_md5sums(&bytes);
        let _parsed = lists::parse_diversions(&bytes);
        if let Ok(paths) = lists::parse_list(&bytes) {
            prop_assert!(paths.iter().all(|path| !path.is_root()));
        }
    }
}
