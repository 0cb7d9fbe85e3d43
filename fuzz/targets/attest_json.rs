//! JSON that others wrote or signed: envelopes, trust stores, recipes, manifests, inventories, log entries. Read or
//! refused; what is read is written as what is read again; what nobody signed opens by no key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::audit::Entry;
use openfactory_attest::canonical::{self, Limits};
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::ledger::KeyUse;
use openfactory_attest::sbom::Listing;
use openfactory_attest::trust::registry::{self, KeyRegistry};
use openfactory_attest::verity::signature::SignaturePartition;
use openfactory_attest::{
    BuildRecipe, Ed25519Key, Envelope, KeyKind, Manifest, Signer as _, TrustStore, TrustedKey,
};

fuzz_target!(|input: &[u8]| {
    if let Ok(value) = canonical::parse(input, &Limits::FOREIGN)
        && let Ok(text) = canonical::to_vec(&value)
    {
        let again = canonical::parse(&text, &Limits::FOREIGN).expect("a canonical form that is not read");
        assert_eq!(canonical::to_vec(&again).expect("a form"), text, "two canonical forms of one value");
    }
    if let Ok(envelope) = Envelope::parse(input) {
        assert_eq!(
            Envelope::parse(&envelope.to_json()),
            Ok(envelope.clone()),
            "an envelope that is not read back"
        );
        let mut trust = TrustStore::new();
        let key = Ed25519Key::from_seed(&[7; 32]).public_key().clone();
        trust.add(TrustedKey::new("x", KeyKind::BuildPlatformSigning, key)).expect("the first key");
        // Nobody guesses a signature.
        assert!(VerificationDocument::open(&envelope, &trust).is_err());
        assert!(BuildIntent::open(&envelope, &trust).is_err());
        let _ = KeyUse::of_envelope(
            &envelope,
            *Ed25519Key::from_seed(&[7; 32]).key_id(),
            "x",
            std::time::UNIX_EPOCH,
        );
    }
    if let Ok(trust) = TrustStore::parse(input) {
        assert_eq!(TrustStore::parse(&trust.to_json()).expect("what was written"), trust);
    }
    // What a root key signed is read as strictly.
    let root = Ed25519Key::from_seed(&[7; 32]);
    let mut roots = TrustStore::new();
    let known = TrustedKey::new("root", KeyKind::RootSigning, root.public_key().clone());
    roots.add(known).expect("the first key");
    let signed = Envelope::sign(registry::PAYLOAD_TYPE, input, &root).expect("a signature");
    if let Ok(registry) = KeyRegistry::open(&signed, &roots, 1) {
        let registry = registry.into_inner();
        let again = registry.sign(&[&root]).expect("what was believed");
        assert_eq!(KeyRegistry::open(&again, &roots, 1).expect("what was signed").into_inner(), registry);
        for key in &registry.keys {
            assert!(registry.touched_by(&key.id).is_some_and(|touched| touched.keys.contains(&key)));
        }
    }
    if let Ok(recipe) = BuildRecipe::parse(input) {
        let again = BuildRecipe::parse(recipe.canonical_bytes()).expect("the canonical form");
        assert_eq!(again.recipe_hash(), recipe.recipe_hash(), "two hashes of one recipe");
    }
    if let Ok(manifest) = Manifest::parse_json(input) {
        let json = manifest.to_json().expect("a manifest has a form");
        assert_eq!(Manifest::parse_json(&json).expect("what was written"), manifest);
        Manifest::parse_sha256sum(&manifest.to_sha256sum()).expect("what was written");
    }
    if let Ok(entry) = Entry::parse(input)
        && let Ok(bytes) = entry.to_bytes()
    {
        // By their bytes: a number may have two spellings, 0 and 0.0, but one form.
        let again = Entry::parse(&bytes).expect("what was written");
        assert_eq!(again.to_bytes().expect("what was read"), bytes);
        let _ = KeyUse::from_entry(&entry);
    }
    if let Ok(listing) = Listing::parse(input) {
        let _ = (listing.packages().count(), listing.subjects().count());
    }
    let _ = SignaturePartition::parse(input);
});
