use super::*;
use crate::key::{Ed25519Key, Signer as _};

fn kept(parameters: pbes2::Parameters) -> String {
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&[0; 64]).unwrap(),
    };
    pem::encode_string(ENCRYPTED, LineEnding::LF, &info.to_der().unwrap()).unwrap()
}

#[test]
fn what_is_encrypted_is_decrypted_by_the_same_passphrase_alone() {
    let key = Ed25519Key::from_seed(&[7; 32]);
    let passphrase = Passphrase::new("pässphrase");
    let text = passphrase.encrypt(&key.to_pem().unwrap()).unwrap();
    assert_ne!(passphrase.encrypt(&key.to_pem().unwrap()).unwrap(), text, "a salt of its own each time");
    assert!(Passphrase::is_needed(&text));
    let again = passphrase.decrypt(&text).unwrap();
    assert_eq!(&*again, &*key.to_pem().unwrap());
    assert_eq!(Ed25519Key::from_pem(&again).unwrap().key_id(), key.key_id());
    for wrong in ["", "passphrase", "pässphrase "] {
        assert_eq!(Passphrase::new(wrong).decrypt(&text).unwrap_err(), DecryptKeyError::WrongPassphrase);
    }
    // Nothing of either is shown.
    assert_eq!(format!("{passphrase:?}"), "Passphrase(redacted)");
}

#[test]
fn what_would_cost_too_much_is_not_tried() {
    let scrypt = |log_n, r, p| {
        let cost = scrypt::Params::new(log_n, r, p).unwrap();
        kept(pbes2::Parameters::generate_scrypt_aes256cbc(cost, &[1; 16], [2; 16]).unwrap())
    };
    let passphrase = Passphrase::new("x");
    for text in [scrypt(24, 8, 1), scrypt(14, 8, 1024), scrypt(10, 4096, 8)] {
        assert_eq!(passphrase.decrypt(&text).unwrap_err(), DecryptKeyError::TooCostly);
    }
    let rounds = |rounds| {
        kept(pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, &[1; 16], [2; 16]).unwrap())
    };
    assert_eq!(passphrase.decrypt(&rounds(MAX_PBKDF2_ROUNDS + 1)).unwrap_err(), DecryptKeyError::TooCostly);
    assert_eq!(passphrase.decrypt(&rounds(1)).unwrap_err(), DecryptKeyError::WrongPassphrase);
}

#[test]
fn what_is_no_encrypted_key_is_refused() {
    let passphrase = Passphrase::new("x");
    let plain = Ed25519Key::from_seed(&[7; 32]).to_pem().unwrap();
    let empty = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for text in ["", "x", &*plain, empty] {
        assert_eq!(passphrase.decrypt(text).unwrap_err(), DecryptKeyError::Malformed, "{text}");
    }
    let long = "x".repeat(MAX_PEM + 1);
    assert_eq!(passphrase.decrypt(&long).unwrap_err(), DecryptKeyError::TooLong { len: MAX_PEM + 1 });
    // An encrypted key is not encrypted once more.
    let twice = PrivatePem::of(Zeroizing::new(empty.to_owned()));
    assert_eq!(passphrase.encrypt(&twice).unwrap_err(), EncodeKeyError);
}
