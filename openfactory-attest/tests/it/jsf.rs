//! Signatures inside CycloneDX documents, against other people's canonical JSON, Ed25519 and schema.

use std::fs;

use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::sbom::{Inventory, Subject, cyclonedx, jsf};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_attest::{Manifest, Work};
use serde_json::Value;

use crate::python;

/// A document as it is made of a small image.
fn document() -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    let dpkg = root.path().join("var/lib/dpkg");
    fs::create_dir_all(&dpkg).unwrap();
    let status = "Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\nMaintainer: Zo\u{eb} \
        <zoe@example.com>\n";
    fs::write(dpkg.join("status"), status).unwrap();
    let inventory = Inventory::of_directory(root.path()).unwrap();
    let manifest = Manifest::of_directory(root.path(), &Work::on_all_cores()).unwrap();
    let coverage = inventory.coverage(&manifest);
    let subject = Subject::tree("root", manifest.digest().unwrap());
    cyclonedx::document(&inventory, &subject, Some(&coverage), std::time::SystemTime::UNIX_EPOCH).unwrap()
}

#[test]
fn others_verify_our_signature_and_we_theirs_and_the_document_stays_valid() {
    let test = "others_verify_our_signature_and_we_theirs_and_the_document_stays_valid";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let script = python::script("jsf.py");
    let python = |arguments: &[&str]| python::run(test, &["rfc8785", "cryptography"], &script, arguments);

    let key = Ed25519Key::from_seed(&[3; 32]);
    let plain = document();
    let ours = jsf::sign(&plain, &key).unwrap();
    fs::write(path("ours.json"), &ours).unwrap();
    let Some(output) = python(&["verify", &path("ours.json")]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let changed = String::from_utf8(ours).unwrap().replace("2.10-3", "2.10-4");
    fs::write(path("changed.json"), changed).unwrap();
    assert!(!python(&["verify", &path("changed.json")]).unwrap().status.success());

    fs::write(path("plain.json"), &plain).unwrap();
    fs::write(path("key"), key.to_pem().unwrap().as_bytes()).unwrap();
    let output = python(&["sign", &path("plain.json"), &path("key"), &path("theirs.json")]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = fs::read(path("theirs.json")).unwrap();
    let mut trust = TrustStore::new();
    let kind = KeyKind::BuildPlatformSigning;
    trust.add(TrustedKey::new("platform", kind, key.public_key().clone())).unwrap();
    assert_eq!(jsf::verify(&theirs, &trust, &[kind]).unwrap().key_id(), key.key_id());

    let modules = &["cyclonedx.validation.json", "jsonschema", "packageurl"];
    let validate = ["validate", &path("ours.json"), &path("theirs.json")];
    let Some(output) = python::run(test, modules, &python::script("sbom.py"), &validate) else { return };
    let valid: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(valid, serde_json::json!([true, true]));
}
