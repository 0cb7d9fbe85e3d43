//! Images and hash devices that others made: read, or refused in bounded memory; what is read is told in a form that is
//! read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::sbom::Inventory;
use openfactory_attest::verity::Superblock;
use openfactory_attest::{Manifest, Work};

fuzz_target!(|input: &[u8]| {
    if let Some(block) = input.first_chunk::<{ Superblock::LEN }>()
        && let Ok(superblock) = Superblock::parse(block)
    {
        assert_eq!(superblock.to_bytes(), *block, "a superblock with two spellings");
    }
    let image = input.to_vec();
    if let Ok(manifest) = Manifest::of_squashfs(&image, &Work::on_threads(std::num::NonZeroUsize::MIN)) {
        let json = manifest.to_json().expect("a manifest has a form");
        assert_eq!(Manifest::parse_json(&json).expect("what was written"), manifest);
    }
    let _ = Inventory::of_squashfs(&image);
});
