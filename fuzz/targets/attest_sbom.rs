//! CycloneDX and SPDX documents that others wrote: listed or refused; combined with a Zone 2, or refused, and what was
//! combined lists what its base lists.
#![no_main]

use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use libfuzzer_sys::fuzz_target;
use openfactory_attest::Manifest;
use openfactory_attest::manifest::{Entry, EntryKind, TreePath};
use openfactory_attest::sbom::combined::{Zone2, document};
use openfactory_attest::sbom::{Listing, SbomFormat};

/// A Zone 2 with a link.
static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let link = TreePath::new("link").expect("a path");
    let link = Entry::new(link, EntryKind::Symlink { target: b"to".to_vec() }, 0o777);
    let root = Entry::new(TreePath::root(), EntryKind::Directory, 0o755);
    Manifest::of_entries(vec![root, link]).expect("a manifest")
});

fuzz_target!(|input: &[u8]| {
    let Ok(listing) = Listing::parse(input) else { return };
    let _ = listing.subjects().count();
    let Ok(combined) = document(input, &Zone2::of("device", &MANIFEST), UNIX_EPOCH) else { return };
    let combined = Listing::parse(&combined).expect("what was written");
    // In SPDX, what the base describes is now one of the packages.
    let is_there = |package| combined.packages().any(|it| it == package);
    assert!(listing.packages().all(is_there), "a package is lost");
    if listing.format() == SbomFormat::CycloneDx {
        assert_eq!(combined.format(), SbomFormat::CycloneDx);
    }
});
