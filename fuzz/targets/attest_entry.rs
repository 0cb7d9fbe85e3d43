//! Entries of an audit log that somebody else wrote: read or refused; what is read is written as what is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::audit::Entry;
use openfactory_attest::ledger::KeyUse;

fuzz_target!(|input: &[u8]| {
    if let Ok(entry) = Entry::parse(input)
        && let Ok(bytes) = entry.to_bytes()
    {
        // By their bytes: a number may have two spellings, 0 and 0.0, but one form.
        let again = Entry::parse(&bytes).expect("what was written");
        assert_eq!(again.to_bytes().expect("what was read"), bytes);
        let _ = KeyUse::from_entry(&entry);
    }
});
