//! The superblock of a hash device that others made: read or refused; what is read has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::verity::Superblock;

fuzz_target!(|input: &[u8]| {
    if let Some(block) = input.first_chunk::<{ Superblock::LEN }>()
        && let Ok(superblock) = Superblock::parse(block)
    {
        assert_eq!(superblock.to_bytes(), *block, "a superblock with two spellings");
    }
});
