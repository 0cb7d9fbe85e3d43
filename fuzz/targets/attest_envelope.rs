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
    let key = Ed25519Key::from_seed(&[7; 32]);
    let mut trust = TrustStore::new();
    let known = TrustedKey::new("x", KeyKind::BuildPlatformSigning, key.public_key().clone());
    trust.add(known).expect("the first key");
    // Nobody guesses a signature.
    assert!(VerificationDocument::open(&envelope, &trust).is_err());
    assert!(BuildIntent::open(&envelope, &trust).is_err());
    let _ = KeyUse::of_envelope(&envelope, *key.key_id(), "x", UNIX_EPOCH);
});
