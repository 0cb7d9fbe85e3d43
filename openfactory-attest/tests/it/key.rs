//! Keys against `openssl`, both ways.

use std::fs;

use openfactory_attest::{Ed25519Key, PublicKey, Signer};

use crate::tool;

#[test]
fn openssl_reads_our_keys_and_names_them_as_we_do() {
    let test = "openssl_reads_our_keys_and_names_them_as_we_do";
    let folder = tempfile::tempdir().unwrap();
    let key = Ed25519Key::generate().unwrap();
    fs::write(folder.path().join("key"), key.to_pem().unwrap().as_bytes()).unwrap();
    fs::write(folder.path().join("key.pub"), key.public_key().to_pem()).unwrap();

    let openssl = |arguments: &[&str]| tool::succeed(test, folder.path(), "openssl", arguments);
    let Some(text) = openssl(&["pkey", "-in", "key", "-pubout"]) else { return };
    assert_eq!(text, key.public_key().to_pem());

    openssl(&["pkey", "-pubin", "-in", "key.pub", "-outform", "DER", "-out", "key.der"]).unwrap();
    assert_eq!(fs::read(folder.path().join("key.der")).unwrap(), key.public_key().to_spki_der());
    let sum = tool::succeed(test, folder.path(), "sha256sum", &["key.der"]).unwrap();
    assert_eq!(sum.split(' ').next().unwrap(), key.key_id().to_string());

    // And it verifies what we sign.
    fs::write(folder.path().join("message"), "message").unwrap();
    fs::write(folder.path().join("signature"), key.sign(b"message").unwrap()).unwrap();
    openssl(&[
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "key.pub",
        "-rawin",
        "-in",
        "message",
        "-sigfile",
        "signature",
    ])
    .unwrap();
}

#[test]
fn we_read_openssl_keys_and_verify_its_signatures() {
    let test = "we_read_openssl_keys_and_verify_its_signatures";
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| tool::succeed(test, folder.path(), "openssl", arguments);
    if openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key"]).is_none() {
        return;
    }
    openssl(&["pkey", "-in", "key", "-pubout", "-out", "key.pub"]).unwrap();
    fs::write(folder.path().join("message"), "message").unwrap();
    openssl(&["pkeyutl", "-sign", "-inkey", "key", "-rawin", "-in", "message", "-out", "signature"]).unwrap();

    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let public = PublicKey::from_pem(&text("key.pub")).unwrap();
    let key = Ed25519Key::from_pem(&text("key")).unwrap();
    assert_eq!(key.public_key(), &public);
    let signature = fs::read(folder.path().join("signature")).unwrap();
    assert_eq!(public.verify(b"message", &signature), Ok(()));
    assert_eq!(key.sign(b"message").unwrap(), signature);

    // Keys of other algorithms are told apart, not misread.
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec"]).unwrap();
    assert!(Ed25519Key::from_pem(&text("ec")).is_err());
}
