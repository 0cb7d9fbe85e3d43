//! Keys against `openssl`, both ways.

use std::fs;

use openfactory_attest::key::{DecryptKeyError, Passphrase};
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

#[test]
fn openssl_decrypts_what_we_encrypt() {
    let test = "openssl_decrypts_what_we_encrypt";
    let folder = tempfile::tempdir().unwrap();
    let key = Ed25519Key::generate().unwrap();
    let kept = Passphrase::new("sécret words").encrypt(&key.to_pem().unwrap()).unwrap();
    fs::write(folder.path().join("key"), &kept).unwrap();
    fs::write(folder.path().join("pass"), "sécret words\n").unwrap();
    fs::write(folder.path().join("wrong"), "secret words\n").unwrap();
    let openssl = |arguments: &[&str]| tool::succeed(test, folder.path(), "openssl", arguments);
    let Some(text) = openssl(&["pkey", "-in", "key", "-passin", "file:pass", "-pubout"]) else { return };
    assert_eq!(text, key.public_key().to_pem());
    let asn1 = openssl(&["asn1parse", "-in", "key"]).unwrap();
    assert!(asn1.contains(":PBES2") && asn1.contains("aes-256-cbc"), "{asn1}");
    let wrong = tool::run(test, folder.path(), "openssl", &["pkey", "-in", "key", "-passin", "file:wrong"]);
    assert!(!wrong.unwrap().status.success());
}

#[test]
fn we_decrypt_what_openssl_encrypts() {
    let test = "we_decrypt_what_openssl_encrypts";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pass"), "x y\n").unwrap();
    let openssl = |arguments: &[&str]| tool::succeed(test, folder.path(), "openssl", arguments);
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    if openssl(&["genpkey", "-algorithm", "ed25519", "-out", "plain"]).is_none() {
        return;
    }
    let passphrase = Passphrase::new("x y");
    let plain = Ed25519Key::from_pem(&text("plain")).unwrap();
    for (how, read) in [
        (&["-v2", "aes-256-cbc"][..], Ok(())),
        (&["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"], Ok(())),
        (&["-v2", "aes-256-cbc", "-iter", "100000"], Ok(())),
        (&["-scrypt"], Ok(())),
        (&["-v2", "des3"], Err(DecryptKeyError::Unsupported)),
        (&["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"], Err(DecryptKeyError::Unsupported)),
        (&["-scrypt", "-scrypt_N", "1048576"], Err(DecryptKeyError::TooCostly)),
    ] {
        let mut arguments = vec!["pkcs8", "-topk8", "-in", "plain", "-out", "kept", "-passout", "file:pass"];
        arguments.extend(how);
        let written = tool::run(test, folder.path(), "openssl", &arguments).unwrap().status.success();
        // openssl itself may refuse to spend that much.
        if !written {
            assert_eq!(read, Err(DecryptKeyError::TooCostly), "{how:?}");
            continue;
        }
        let decrypted = passphrase.decrypt(&text("kept"));
        assert_eq!(decrypted.as_ref().map(|_| ()).map_err(Clone::clone), read, "{how:?}");
        if let Ok(pem) = decrypted {
            assert_eq!(Ed25519Key::from_pem(&pem).unwrap().key_id(), plain.key_id());
            assert_eq!(
                Passphrase::new("xy").decrypt(&text("kept")).unwrap_err(),
                DecryptKeyError::WrongPassphrase
            );
        }
    }
    // Keys of other algorithms too: those of root hashes.
    openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-aes-256-cbc",
        "-pass",
        "file:pass",
        "-out",
        "ec",
    ])
    .unwrap();
    let pem = passphrase.decrypt(&text("ec")).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
}
