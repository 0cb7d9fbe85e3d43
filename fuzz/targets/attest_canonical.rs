//! JSON that others wrote: read or refused; what is read has one canonical form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::canonical::{self, Limits};

fuzz_target!(|input: &[u8]| {
    if let Ok(value) = canonical::parse(input, &Limits::FOREIGN)
        && let Ok(text) = canonical::to_vec(&value)
    {
        let again = canonical::parse(&text, &Limits::FOREIGN).expect("a canonical form that is not read");
        assert_eq!(canonical::to_vec(&again).expect("a form"), text, "two canonical forms of one value");
    }
});
