//! A squashfs that others made: listed, or refused in bounded memory; what is listed is told in a form that is read again.
#![no_main]

use std::num::NonZeroUsize;

use libfuzzer_sys::fuzz_target;
use openfactory_attest::sbom::Inventory;
use openfactory_attest::{Manifest, Work};

fuzz_target!(|input: &[u8]| {
    let image = input.to_vec();
    if let Ok(manifest) = Manifest::of_squashfs(&image, &Work::on_threads(NonZeroUsize::MIN)) {
        let json = manifest.to_json().expect("a manifest has a form");
        assert_eq!(Manifest::parse_json(&json).expect("what was written"), manifest);
    }
    let _ = Inventory::of_squashfs(&image);
});
