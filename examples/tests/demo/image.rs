//! A small image for stories that are told many times.

use std::fs::File;
use std::path::{Path, PathBuf};

use openfactory_attest::manifest::TreePath;
use openfactory_attest::squashfs::{Compression, Packer};

/// Packs an image of a few dozen files below `folder`.
pub(crate) fn pack(folder: &Path) -> PathBuf {
    let mut packer = Packer::new(Compression::Gzip);
    let mut add = |path: &str, content: String, mode| {
        packer.add_bytes(TreePath::new(path).unwrap(), content.into_bytes(), mode).unwrap();
    };
    add("etc/ssh/sshd_config", "PermitRootLogin no\n".to_owned(), 0o644);
    add("etc/os-release", "ID=debian\nVERSION_ID=12\n".to_owned(), 0o644);
    for number in 0..40 {
        add(&format!("usr/bin/tool-{number}"), format!("#!/bin/sh\necho {number}\n").repeat(50), 0o755);
    }
    let path = folder.join("image.squashfs");
    packer.write(&mut File::create(&path).unwrap()).unwrap();
    path
}
