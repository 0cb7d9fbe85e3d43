//! Signed notes, proofs and verifier keys that others wrote: read or refused; what is read is written as what is read again;
//! what nobody signed is believed by no key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::audit::{Checkpoint, Proof, VerifierKey};
use openfactory_attest::{Ed25519Key, Signer as _};

fuzz_target!(|input: &[u8]| {
    let signer = Ed25519Key::from_seed(&[7; 32]);
    let log = VerifierKey::new("example.com/log", signer.public_key().clone()).expect("a name");
    let other = Ed25519Key::from_seed(&[8; 32]);
    let other = VerifierKey::new("example.com/log", other.public_key().clone()).expect("a name");
    // A seed is signed by the first key; by the second nobody guesses a signature.
    let _ = Checkpoint::open(input, &log);
    assert!(Checkpoint::open(input, &other).is_err());
    if let Ok(proof) = Proof::parse(input) {
        assert_eq!(Proof::parse(proof.to_string().as_bytes()), Ok(proof.clone()));
        let _ = proof.verify_inclusion(b"entry", &log);
        assert!(proof.verify_inclusion(b"entry", &other).is_err());
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(key) = text.parse::<VerifierKey>()
    {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
});
