//! Whose a private key is: the public half of what stands in a key's file.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use x509_parser::pem::Pem;

/// The largest key's file that is read, in bytes.
const MAX_KEY: usize = 16 << 10;

/// The public key of a private one, as a certificate's `subjectPublicKey` has it. Reads PKCS#8 (`PRIVATE KEY`) of RSA,
/// P-256, P-384 and Ed25519, and PKCS#1 (`RSA PRIVATE KEY`), in PEM or DER.
pub(super) fn public_of(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    if bytes.len() > MAX_KEY {
        return Err("the key's file is too large");
    }
    if bytes.first() == Some(&0x30) {
        return public_of_der(bytes).ok_or(UNKNOWN);
    }
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|_| "damaged PEM")?;
        match block.label.as_str() {
            "PRIVATE KEY" | "RSA PRIVATE KEY" => return public_of_der(&block.contents).ok_or(UNKNOWN),
            "ENCRYPTED PRIVATE KEY" => return Err("the private key is under a passphrase"),
            "EC PRIVATE KEY" => return Err("the private key is SEC1; write it as PKCS#8"),
            _ => {}
        }
    }
    Err("there is no private key")
}

const UNKNOWN: &str = "neither PKCS#8 of RSA, P-256, P-384 or Ed25519 nor PKCS#1";

fn public_of_der(der: &[u8]) -> Option<Vec<u8>> {
    use ring::rsa::KeyPair as Rsa;
    let rsa =
        || Rsa::from_pkcs8(der).or_else(|_| Rsa::from_der(der)).map(|key| key.public().as_ref().to_vec());
    let curve = |curve| {
        EcdsaKeyPair::from_pkcs8(curve, der, &SystemRandom::new())
            .map(|key| key.public_key().as_ref().to_vec())
    };
    let edwards =
        || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(|key| key.public_key().as_ref().to_vec());
    rsa()
        .or_else(|_| edwards())
        .or_else(|_| curve(&ECDSA_P256_SHA256_ASN1_SIGNING))
        .or_else(|_| curve(&ECDSA_P384_SHA384_ASN1_SIGNING))
        .ok()
}
