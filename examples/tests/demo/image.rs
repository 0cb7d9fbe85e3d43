//! A small image for stories that are told many times.

use std::fs::File;
use std::path::{Path, PathBuf};

use openfactory_attest::manifest::TreePath;
use openfactory_attest::squashfs::{Compression, Packer};

/// What the image says of its packages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    Good,
    Damaged,
    Missing,
}

/// Packs an image of a few dozen files below `folder`, with a package database.
pub(crate) fn pack(folder: &Path) -> PathBuf {
    pack_with(folder, Database::Good)
}

/// The same, with this database.
pub(crate) fn pack_with(folder: &Path, database: Database) -> PathBuf {
    let mut packer = Packer::new(Compression::Gzip);
    let mut add = |path: &str, content: String, mode| {
        packer.add_bytes(TreePath::new(path).unwrap(), content.into_bytes(), mode).unwrap();
    };
    add("etc/ssh/sshd_config", "PermitRootLogin no\n".to_owned(), 0o644);
    add("etc/os-release", "ID=debian\nVERSION_ID=12\n".to_owned(), 0o644);
    for number in 0..40 {
        add(&format!("usr/bin/tool-{number}"), format!("#!/bin/sh\necho {number}\n").repeat(50), 0o755);
    }
    let status = "Package: tools\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0-1\n";
    match database {
        Database::Good => {
            add("var/lib/dpkg/status", status.to_owned(), 0o644);
            add("var/lib/dpkg/info/tools.list", "/.\n/usr/bin/tool-0\n".to_owned(), 0o644);
        }
        Database::Damaged => add("var/lib/dpkg/status", status.replace("Version", "Version?"), 0o644),
        Database::Missing => {}
    }
    let path = folder.join("image.squashfs");
    packer.write(&mut File::create(&path).unwrap()).unwrap();
    path
}
