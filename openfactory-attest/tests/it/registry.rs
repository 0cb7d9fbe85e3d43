//! Key registries, by Python's securesystemslib.

use std::fs;
use std::time::{Duration, SystemTime};

use openfactory_attest::trust::registry::{KeyRegistry, RegisteredKey};
use openfactory_attest::{Ed25519Key, KeyKind, Signer as _, TrustedKey};

use crate::python;

#[test]
fn python_counts_the_root_keys_as_we_do() {
    let test = "python_counts_the_root_keys_as_we_do";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let roots = [1, 2].map(|seed| Ed25519Key::from_seed(&[seed; 32]));
    let day = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400);
    let platform = Ed25519Key::from_seed(&[3; 32]).public_key().clone();
    let platform = TrustedKey::new("platform", KeyKind::BuildPlatformSigning, platform);
    let registry =
        KeyRegistry::new(1, day(20_000), day(20_030)).with(RegisteredKey::new(&platform, day(20_000)));
    let one = registry.sign(&[&roots[0]]).unwrap();
    let both = registry.sign(&[&roots[0], &roots[1]]).unwrap();
    // One key that signs twice is one key.
    let forged = one.clone().countersign(&roots[0]).unwrap();
    fs::write(path("one"), one.to_json()).unwrap();
    fs::write(path("both"), both.to_json()).unwrap();
    fs::write(path("forged"), forged.to_json()).unwrap();
    let mut keys = Vec::new();
    for (index, root) in roots.iter().enumerate() {
        fs::write(path(&format!("{index}.pub")), root.public_key().to_pem()).unwrap();
        keys.extend([path(&format!("{index}.pub")), root.key_id().to_string()]);
    }
    for (threshold, envelope, good) in
        [("1", "one", true), ("2", "one", false), ("2", "forged", false), ("2", "both", true)]
    {
        let (file, payload) = (path(envelope), path("payload"));
        let mut arguments = vec!["verify-by", threshold, &file, &payload];
        arguments.extend(keys.iter().map(String::as_str));
        let modules = &["securesystemslib", "cryptography"];
        let Some(output) = python::run(test, modules, &python::script("dsse.py"), &arguments) else { return };
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), good, "{threshold} {envelope}: {told}");
        if good {
            assert_eq!(fs::read(&payload).unwrap(), both.payload_unverified());
        }
    }
}
