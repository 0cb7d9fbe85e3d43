//! Manifests that others wrote, as JSON or as `sha256sum`'s list: read or refused; what is read is written as what is read
//! again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::Manifest;

fuzz_target!(|input: &[u8]| {
    if let Ok(manifest) = Manifest::parse_json(input) {
        let json = manifest.to_json().expect("a manifest has a form");
        assert_eq!(Manifest::parse_json(&json).expect("what was written"), manifest);
        Manifest::parse_sha256sum(&manifest.to_sha256sum()).expect("what was written");
    }
    let _ = Manifest::parse_sha256sum(input);
});
