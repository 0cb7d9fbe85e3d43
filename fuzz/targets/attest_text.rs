//! Lines that others wrote: signed notes, proofs, verifier keys, PEM, `sha256sum`'s lists, root hash signatures. Read or
//! refused; what is read is written as what was read; what nobody signed is believed by no key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::audit::{Checkpoint, Proof, VerifierKey};
use openfactory_attest::key::Passphrase;
use openfactory_attest::verity::signature::{Certificate, RootHashSignature, SigningKey};
use openfactory_attest::{Ed25519Key, Manifest, PublicKey, Signer as _};

fuzz_target!(|input: &[u8]| {
    let signer = Ed25519Key::from_seed(&[7; 32]);
    let log = VerifierKey::new("example.com/log", signer.public_key().clone()).expect("a name");
    // Nobody guesses a signature.
    assert!(Checkpoint::open(input, &log).is_err());
    if let Ok(proof) = Proof::parse(input) {
        assert_eq!(Proof::parse(proof.to_string().as_bytes()), Ok(proof.clone()));
        assert!(proof.verify_inclusion(b"entry", &log).is_err());
    }
    let _ = (Manifest::parse_sha256sum(input), RootHashSignature::parse(input).is_ok());
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(key) = PublicKey::from_pem(text) {
        assert_eq!(PublicKey::from_pem(&key.to_pem()).expect("what was written"), key);
    }
    if Passphrase::is_needed(text) {
        // Nobody guesses a passphrase either.
        assert!(Passphrase::new("x").decrypt(text).is_err());
    }
    let _ = (
        Ed25519Key::from_pem(text).is_ok(),
        SigningKey::from_pem(text).is_ok(),
        Certificate::from_pem(text).is_ok(),
    );
});
