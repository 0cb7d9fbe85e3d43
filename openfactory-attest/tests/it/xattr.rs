//! Extended attributes: of directories as the kernel lists them, of images as `mksquashfs` writes and `unsquashfs` reads
//! them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use openfactory_attest::Work;
use openfactory_attest::manifest::{Compare, DifferenceKind, Manifest, TreePath, Xattrs};
use rustix::fs::{XattrFlags, lremovexattr, lsetxattr};
use rustix::io::Errno;

use crate::tool;

/// `cap_net_raw=ep`, as `setcap` stores it (revision 2 of `vfs_cap_data`).
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn of_directory(directory: &Path) -> Manifest {
    Manifest::of_directory(directory, &Work::on_all_cores()).unwrap()
}

/// Everything that can carry attributes, with some. `None`, out loud, where the file system or the user can't have them.
fn fill(root: &Path) -> Option<()> {
    fs::create_dir_all(root.join("etc")).unwrap();
    for index in 0..400 {
        fs::write(root.join(format!("etc/{index}")), format!("{index}\n")).unwrap();
    }
    fs::write(root.join("ping"), "#!/bin/true\n").unwrap();
    fs::write(root.join("plain"), "").unwrap();
    symlink("plain", root.join("link")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    for (name, kind, device) in [
        ("pipe", rustix::fs::FileType::Fifo, 0),
        ("socket", rustix::fs::FileType::Socket, 0),
        ("null", rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3)),
        ("disk", rustix::fs::FileType::BlockDevice, rustix::fs::makedev(7, 0)),
    ] {
        if !made(rustix::fs::mknodat(rustix::fs::CWD, root.join(name), kind, mode, device)) {
            return None;
        }
    }
    let set = |name: &str, attribute: &str, value: &[u8]| {
        made(lsetxattr(root.join(name), attribute, value, XattrFlags::empty()))
    };
    let all = set("ping", "security.capability", &CAPABILITY)
        && set("ping", "user.note", b"")
        && set("etc", "user.note", b"a directory")
        && set(".", "trusted.top", b"\0\xff")
        && set("link", "trusted.link", b"of the link itself")
        && set("pipe", "trusted.pipe", b"1")
        && set("socket", "trusted.socket", b"2")
        && set("null", "trusted.null", b"3")
        && set("disk", "trusted.disk", b"4")
        && (0..400).all(|index| {
            let value = format!("value number {} that is long enough to be shared", index % 7);
            set(&format!("etc/{index}"), "user.shared", value.as_bytes())
                && set(&format!("etc/{index}"), "trusted.own", index.to_string().as_bytes())
        })
        && set("etc/0", "user.large", &[0xa5; 3000]);
    fs::hard_link(root.join("ping"), root.join("also-ping")).unwrap();
    all.then_some(())
}

/// Whether it was done; where it may not or can't be, says so.
fn made(result: Result<(), Errno>) -> bool {
    match result {
        Ok(()) => true,
        Err(errno @ (Errno::PERM | Errno::NOTSUP | Errno::NOSPC)) => {
            let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
            assert!(!strict || errno == Errno::NOTSUP, "xattr: needs root: {errno}");
            eprintln!("SKIPPED: xattr: needs root and a file system with attributes ({errno})");
            false
        }
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn an_image_has_the_attributes_of_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    if fill(&root).is_none() {
        return;
    }
    let expected = of_directory(&root);
    assert!(expected.covers_xattrs());
    let of = |name: &str| expected.entry(&path(name)).unwrap().xattrs;
    assert_eq!(of("ping").get("security.capability"), Some(&CAPABILITY[..]));
    assert_eq!(of("ping").get("user.note"), Some(&b""[..]));
    assert_eq!(of("also-ping"), of("ping"));
    assert_eq!(of("link").get("trusted.link"), Some(&b"of the link itself"[..]));
    assert_eq!(of("plain"), Xattrs::none());
    assert_eq!(of(".").get("trusted.top"), Some(&b"\0\xff"[..]));
    let json = expected.to_json().unwrap();
    assert_eq!(Manifest::parse_json(&json).unwrap(), expected);

    for options in [&["-comp", "gzip"][..], &["-comp", "zstd", "-noX"], &["-comp", "xz", "-b", "4096"]] {
        let arguments = [&["root", "image", "-noappend", "-no-progress", "-quiet"], options].concat();
        if tool::succeed("attributes of an image", directory.path(), "mksquashfs", &arguments).is_none() {
            return;
        }
        let image = fs::File::open(directory.path().join("image")).unwrap();
        let manifest = Manifest::of_squashfs(&image, &Work::on_all_cores()).unwrap();
        assert_eq!(expected.diff(&manifest, &Compare::everything()), [], "{options:?}");
        assert_eq!(manifest.entry(&path("etc/0")).unwrap().xattrs, of("etc/0"));
    }
    let unpack = ["-no-progress", "-quiet", "-dest", "theirs", "image"];
    tool::succeed("attributes of an image", directory.path(), "unsquashfs", &unpack).unwrap();
    let theirs = of_directory(&directory.path().join("theirs"));
    assert_eq!(expected.diff(&theirs, &Compare::everything().mtime(false)), []);

    // Without attributes: the image says that it has none.
    let arguments = ["root", "bare", "-noappend", "-no-progress", "-quiet", "-no-xattrs"];
    tool::succeed("attributes of an image", directory.path(), "mksquashfs", &arguments).unwrap();
    let bare = fs::File::open(directory.path().join("bare")).unwrap();
    let bare = Manifest::of_squashfs(&bare, &Work::on_all_cores()).unwrap();
    assert!(bare.covers_xattrs() && bare.entries().all(|entry| entry.xattrs.is_empty()));
}

#[test]
fn a_capability_that_was_taken_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    if fill(&root).is_none() {
        return;
    }
    fs::remove_file(root.join("also-ping")).unwrap();
    let baseline = of_directory(&root);
    lremovexattr(root.join("ping"), "security.capability").unwrap();
    lsetxattr(root.join("plain"), "user.new", b"x", XattrFlags::empty()).unwrap();
    let now = of_directory(&root);
    let found = baseline.diff(&now, &Compare::everything());
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.path.to_string(), it.kind, it.expected.clone().unwrap(), it.found.clone().unwrap()))
        .collect();
    let capability = format!("security.capability = {}", hex(&CAPABILITY));
    let expected = [
        ("./ping".to_owned(), DifferenceKind::Xattrs, capability, "no security.capability".to_owned()),
        ("./plain".to_owned(), DifferenceKind::Xattrs, "no user.new".to_owned(), "user.new = 78".to_owned()),
    ];
    assert_eq!(told, expected);
    assert_eq!(baseline.diff(&now, &Compare::content()), []);
    // What says nothing of attributes differs in none.
    let bare = now.entries().map(|mut entry| {
        entry.xattrs = Xattrs::none();
        entry
    });
    let bare = Manifest::of_entries(bare.collect()).unwrap();
    assert_eq!(baseline.diff(&bare, &Compare::everything()), []);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn damaged_attributes_are_refused_or_read_and_never_more() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    if fill(&root).is_none() {
        return;
    }
    let options = ["root", "image", "-noappend", "-no-progress", "-quiet", "-noX", "-noI", "-noD"];
    if tool::succeed("damaged attributes", directory.path(), "mksquashfs", &options).is_none() {
        return;
    }
    let good = fs::read(directory.path().join("image")).unwrap();
    let table = u64::from_le_bytes(good[56..64].try_into().unwrap()) as usize;
    let start = u64::from_le_bytes(good[table..table + 8].try_into().unwrap()) as usize;
    let mut refused = 0;
    // Every 13th byte of names, values and ids, and all of the table's header.
    for at in (start..table).step_by(13).chain(table..table + 16) {
        let mut image = good.clone();
        image[at] ^= 0xff;
        match Manifest::of_squashfs(&image, &Work::on_all_cores()) {
            Ok(manifest) => assert_eq!(manifest.entries().len(), 410),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(refused > 20, "{refused}");
}
