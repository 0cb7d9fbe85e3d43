//! The choice between two boot slots; its checksum is put right, so that what it covers is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::Sha256Digest;
use openfactory_zone2::boot::{BootState, Slot};

fuzz_target!(|input: &[u8]| {
    let sum = Sha256Digest::of(input);
    let whole = [input, format!("sha256 {sum}\n").as_bytes()].concat();
    if let Ok(state) = BootState::parse(&whole) {
        let fallen_back = state.clone().booted().and_then(|(state, _)| state.failed());
        assert!(fallen_back.is_err() || Slot::ALL.iter().all(|slot| state.slot(*slot).is_some()));
    }
});
