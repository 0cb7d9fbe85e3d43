//! Trust stores that others wrote, and what a root key signed, which is read as strictly: read or refused; what is read is
//! written as what is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::trust::registry::{self, KeyRegistry};
use openfactory_attest::{Ed25519Key, Envelope, KeyKind, Signer as _, TrustStore, TrustedKey};

fuzz_target!(|input: &[u8]| {
    if let Ok(trust) = TrustStore::parse(input) {
        assert_eq!(TrustStore::parse(&trust.to_json()).expect("what was written"), trust);
    }
    let root = Ed25519Key::from_seed(&[7; 32]);
    let mut roots = TrustStore::new();
    let known = TrustedKey::new("root", KeyKind::RootSigning, root.public_key().clone());
    roots.add(known).expect("the first key");
    let signed = Envelope::sign(registry::PAYLOAD_TYPE, input, &root).expect("a signature");
    let Ok(registry) = KeyRegistry::open(&signed, &roots, 1) else { return };
    let registry = registry.into_inner();
    let again = registry.sign(&[&root]).expect("what was believed");
    assert_eq!(KeyRegistry::open(&again, &roots, 1).expect("what was signed").into_inner(), registry);
    for key in &registry.keys {
        assert!(registry.touched_by(&key.id).is_some_and(|touched| touched.keys.contains(&key)));
    }
});
