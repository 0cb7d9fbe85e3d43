//! A database of dpkg that others wrote: listed, or refused; and what is listed is written as an SBOM that is read back.
//!
//! Input: dpkg's `status`, a package's file list, diversions, os-release, apk's `installed`, a copyright file and a
//! package's sums, with zero bytes between.
#![no_main]

use std::fs;
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use libfuzzer_sys::fuzz_target;
use openfactory_attest::sbom::{Inventory, Listing, Subject, cyclonedx, spdx};
use openfactory_attest::{Manifest, Sha256Digest, Work};

/// One tree, whose files are written anew for each input; in memory where that is to be had.
static ROOT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_none| tempfile::tempdir()).expect("a directory");
    for directory in ["var/lib/dpkg/info", "etc", "lib/apk/db", "usr/share/doc/a"] {
        fs::create_dir_all(root.path().join(directory)).expect("a directory");
    }
    root
});

const FILES: [&str; 7] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/a.list",
    "var/lib/dpkg/diversions",
    "etc/os-release",
    "lib/apk/db/installed",
    "usr/share/doc/a/copyright",
    "var/lib/dpkg/info/a.md5sums",
];

fuzz_target!(|input: &[u8]| {
    let root = ROOT.path();
    let mut parts = input.splitn(FILES.len(), |byte| *byte == 0);
    for name in FILES {
        fs::write(root.join(name), parts.next().unwrap_or_default()).expect("a file");
    }
    let Ok(inventory) = Inventory::of_directory(root) else { return };
    let manifest =
        Manifest::of_directory(root, &Work::on_threads(std::num::NonZeroUsize::MIN)).expect("a tree");
    let work = Work::on_threads(std::num::NonZeroUsize::MIN);
    let coverage = inventory.coverage_of_directory(root, &manifest, &work).expect("files that are there");
    let compared = coverage.compared().expect("compared files");
    let sum = compared.unchanged + compared.unrecorded + compared.modified.len() as u64;
    assert_eq!(sum, coverage.owned());
    assert_eq!(coverage.files(), FILES.len() as u64);
    let subject = Subject::tree("root", Sha256Digest::of(b"root"));
    for document in [
        cyclonedx::document(&inventory, &subject, Some(&coverage), UNIX_EPOCH).expect("a document"),
        spdx::document(&inventory, &subject, Some(&coverage), UNIX_EPOCH).expect("a document"),
    ] {
        let listing = Listing::parse(&document).expect("what was written");
        assert!(listing.difference(&inventory).is_empty(), "an SBOM that lists something else");
    }
});
