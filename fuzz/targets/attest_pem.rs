//! Keys, certificates and root hash signatures that others wrote, in PEM or DER: read or refused; what is read is written as
//! what is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::key::Passphrase;
use openfactory_attest::verity::signature::{Certificate, RootHashSignature, SignaturePartition, SigningKey};
use openfactory_attest::{Ed25519Key, PublicKey};

fuzz_target!(|input: &[u8]| {
    let _ = (RootHashSignature::parse(input).is_ok(), SignaturePartition::parse(input).is_ok());
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = PublicKey::from_pem(text) {
        assert_eq!(PublicKey::from_pem(&key.to_pem()).expect("what was written"), key);
    }
    if Passphrase::is_needed(text) {
        // Nobody guesses a passphrase.
        assert!(Passphrase::new("x").decrypt(text).is_err());
    }
    let _ = (
        Ed25519Key::from_pem(text).is_ok(),
        SigningKey::from_pem(text).is_ok(),
        Certificate::from_pem(text).is_ok(),
    );
});
