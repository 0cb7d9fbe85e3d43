//! Files against what their packages recorded of them: the verdict is `dpkg --verify`'s.

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use openfactory_attest::sbom::{Coverage, Inventory, InventoryError};
use openfactory_attest::squashfs::{Compression, Packer};
use openfactory_attest::{Manifest, Work};

use crate::tool;

/// Packages of this machine that are small, have configuration files, and have files in several directories.
const PACKAGES: [&str; 4] = ["dash", "sed", "login", "base-files"];

/// A tree with the files of these packages and dpkg's database of them; `None` if dpkg is not here.
fn tree(test: &str) -> Option<tempfile::TempDir> {
    let listed = tool::run(test, Path::new("/"), "dpkg-query", &["--show"])?;
    assert!(listed.status.success());
    let root = tempfile::tempdir().unwrap();
    let info = root.path().join("var/lib/dpkg/info");
    fs::create_dir_all(&info).unwrap();
    let status = fs::read_to_string("/var/lib/dpkg/status").unwrap();
    let ours = |paragraph: &&str| {
        PACKAGES.iter().any(|package| paragraph.starts_with(&format!("Package: {package}\n")))
    };
    let status: Vec<&str> = status.split("\n\n").filter(ours).collect();
    assert!(!status.is_empty());
    fs::write(root.path().join("var/lib/dpkg/status"), status.join("\n\n") + "\n").unwrap();
    // Where this machine has its directories merged, so has the tree.
    for name in ["bin", "sbin", "lib", "lib64"] {
        if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
            fs::create_dir_all(root.path().join(&target)).unwrap();
            std::os::unix::fs::symlink(target, root.path().join(name)).unwrap();
        }
    }
    for package in PACKAGES {
        for kind in ["list", "md5sums"] {
            let name = format!("{package}.{kind}");
            if let Ok(text) = fs::read_to_string(Path::new("/var/lib/dpkg/info").join(&name)) {
                fs::write(info.join(name), &text).unwrap();
                if kind == "list" {
                    text.lines().for_each(|path| copy(path, root.path()));
                }
            }
        }
    }
    Some(root)
}

fn copy(path: &str, root: &Path) {
    let to = root.join(path.trim_start_matches('/'));
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if !metadata.is_file() || path.starts_with("/etc/shadow") {
        return;
    }
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(path, to).unwrap();
}

fn coverage(root: &Path) -> Coverage {
    let work = Work::on_threads(3.try_into().unwrap());
    let inventory = Inventory::of_directory(root).unwrap();
    let manifest = Manifest::of_directory(root, &work).unwrap();
    let coverage = inventory.coverage_of_directory(root, &manifest, &work).unwrap();

    let mut packer = Packer::new(Compression::Gzip);
    packer.add_tree(root).unwrap();
    let mut image = Cursor::new(Vec::new());
    packer.write(&mut image).unwrap();
    let image = image.into_inner();
    let inventory = Inventory::of_squashfs(&image).unwrap();
    let manifest = Manifest::of_squashfs(&image, &work).unwrap();
    assert_eq!(inventory.coverage_of_squashfs(&image, &manifest, &work).unwrap(), coverage);
    coverage
}

/// What is modified: of our verdict, and of dpkg's, configuration files with a `c` before.
fn both(test: &str, root: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let of = coverage(root);
    let compared = of.compared().unwrap();
    assert_eq!(compared.unchanged + compared.unrecorded + compared.modified.len() as u64, of.owned());
    let ours = compared.modified.iter().map(|file| {
        let kind = if file.is_configuration { "c " } else { "" };
        format!("{kind}{}", file.path.to_string().trim_start_matches('.'))
    });
    let admin = format!("--admindir={}", root.join("var/lib/dpkg").display());
    let instdir = format!("--instdir={}", root.display());
    // It exits with 1 where something is modified.
    let output = tool::run(test, root, "dpkg", &[&admin, &instdir, "--verify"]).unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    // `??5?????? c /etc/x`
    let told = told.lines().filter(|line| line.starts_with("??5")).map(|line| {
        let (kind, path) = line[9..].split_once('/').unwrap();
        // What it calls by a path through a link, the manifest has where it is.
        let path = match path.split_once('/') {
            Some((first, rest)) if root.join(first).is_symlink() => format!("/usr/{first}/{rest}"),
            _ => format!("/{path}"),
        };
        format!("{}{path}", if kind.contains('c') { "c " } else { "" })
    });
    (ours.collect(), told.collect())
}

#[test]
fn what_is_modified_is_what_dpkg_finds() {
    let test = "what_is_modified_is_what_dpkg_finds";
    let Some(root) = tree(test) else { return };
    let root = root.path();
    let (before, told) = both(test, root);
    assert_eq!(before, told);

    let list = fs::read_to_string(root.join("var/lib/dpkg/info/sed.md5sums")).unwrap();
    let files: Vec<&str> =
        list.lines().map(|line| &line[34..]).filter(|it| root.join(it).is_file()).collect();
    let sed = *files.iter().find(|path| path.ends_with("bin/sed")).unwrap();
    let mut bytes = fs::read(root.join(sed)).unwrap();
    bytes[100] ^= 1;
    fs::write(root.join(sed), bytes).unwrap();
    fs::write(root.join("etc/login.defs"), "UMASK 077\n").unwrap();
    fs::write(root.join("usr/lib/os-release"), "ID=other\n").unwrap();
    let (after, told) = both(test, root);
    assert_eq!(after, told);
    let new: Vec<&String> = after.difference(&before).collect();
    assert_eq!(new.len(), 3, "{new:?}");
    assert!(
        new.iter().any(|path| path.ends_with("bin/sed")) && after.contains("c /etc/login.defs"),
        "{new:?}"
    );
}

#[test]
fn what_is_not_the_manifests_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let database = root.join("lib/apk/db");
    fs::create_dir_all(&database).unwrap();
    let text = "P:a\nV:1\nA:x\nF:\nR:a\nZ:Q1nIC5KDc++AsuZFnKQtw6GsOp7eQ=\nR:link\nZ:Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\n";
    fs::write(database.join("installed"), text).unwrap();
    fs::write(root.join("a"), "one").unwrap();
    // apk records where a link points: this is the SHA-1 of "abc".
    std::os::unix::fs::symlink("abc", root.join("link")).unwrap();
    let of = coverage(root);
    let modified: Vec<_> = of.compared().unwrap().modified.iter().map(|it| it.path.to_string()).collect();
    assert_eq!((modified, of.compared().unwrap().unchanged), (vec!["./a".to_owned()], 1));

    let (inventory, work) = (Inventory::of_directory(root).unwrap(), Work::on_all_cores());
    let manifest = Manifest::of_directory(root, &work).unwrap();
    let now = || inventory.coverage_of_directory(root, &manifest, &work).unwrap_err();
    fs::write(root.join("a"), "two").unwrap();
    assert!(matches!(now(), InventoryError::Changed { .. }));
    fs::remove_file(root.join("a")).unwrap();
    assert!(matches!(now(), InventoryError::Directory(_)));
    fs::create_dir(root.join("a")).unwrap();
    assert!(matches!(now(), InventoryError::Changed { .. }));
    // A directory is not the file that the package had.
    assert_eq!(coverage(root).missing(), 1);
}
