//! Envelopes that others signed: read or refused; what is read is written as what is read again; what nobody signed opens
//! by no key.
#![no_main]

use std::time::UNIX_EPOCH;

use libfuzzer_sys::fuzz_target;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::ledger::KeyUse;
use openfactory_attest::{Ed25519Key, Envelope, KeyKind, Signer as _, TrustStore, TrustedKey};

fuzz_target!(|input: &[u8]| {
    let Ok(envelope) = Envelope::parse(input) else { return };
    assert_eq!(
        Envelope::parse(&envelope.to_json()),
        Ok(envelope.clone()),
        "an envelope that is not read back"
    );
    // A seed is signed by the first key; by the second nobody guesses a signature.
    let [key, other] = [7, 8].map(|seed| Ed25519Key::from_seed(&[seed; 32]));
    let [trust, others] = [&key, &other].map(|key| {
        let mut trust = TrustStore::new();
        let known = TrustedKey::new("x", KeyKind::BuildPlatformSigning, key.public_key().clone());
        trust.add(known).expect("the first key");
        trust
    });
    let _ =
        (VerificationDocument::open(&envelope, &trust).is_ok(), BuildIntent::open(&envelope, &trust).is_ok());
    assert!(VerificationDocument::open(&envelope, &others).is_err());
    assert!(BuildIntent::open(&envelope, &others).is_err());
    let _ = KeyUse::of_envelope(&envelope, *key.key_id(), "x", UNIX_EPOCH);
});
