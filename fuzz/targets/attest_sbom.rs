//! CycloneDX and SPDX documents that others wrote: listed or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::sbom::Listing;

fuzz_target!(|input: &[u8]| {
    if let Ok(listing) = Listing::parse(input) {
        let _ = (listing.packages().count(), listing.subjects().count());
    }
});
