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
/// P-256, P-384 and Ed25519, PKCS#1 (`RSA PRIVATE KEY`) and SEC1 with its public key (`EC PRIVATE KEY`, as OpenSSL writes it), in PEM
/// or DER.
pub(super) fn public_of(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    if bytes.len() > MAX_KEY {
        return Err("the key's file is too large");
    }
    if bytes.first() == Some(&0x30) {
        return public_of_der(bytes).or_else(|| public_of_sec1(bytes)).ok_or(UNKNOWN);
    }
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|_| "damaged PEM")?;
        match block.label.as_str() {
            "PRIVATE KEY" | "RSA PRIVATE KEY" => return public_of_der(&block.contents).ok_or(UNKNOWN),
            "ENCRYPTED PRIVATE KEY" => return Err("the private key is under a passphrase"),
            "EC PRIVATE KEY" => return public_of_sec1(&block.contents).ok_or(UNKNOWN),
            _ => {}
        }
    }
    Err("there is no private key")
}

const UNKNOWN: &str =
    "neither PKCS#8 of RSA, P-256, P-384 or Ed25519 nor PKCS#1 nor SEC1 with its public key";

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

/// The same of SEC1 (RFC 5915): as PKCS#8 (RFC 5208) of the curve that it fits.
fn public_of_sec1(key: &[u8]) -> Option<Vec<u8>> {
    /// `id-ecPublicKey`, and after it `secp256r1` or `secp384r1` (RFC 5480 section 2.1.1).
    const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
    [P256, P384].into_iter().find_map(|curve| {
        let algorithm = der(0x30, &[EC, curve]);
        let key = der(0x04, &[key]);
        public_of_der(&der(0x30, &[&[0x02, 0x01, 0x00], &algorithm, &key]))
    })
}

/// A value of DER: tag, length and content.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut whole = vec![tag];
    match length.as_slice() {
        [] => whole.push(0),
        [short @ ..=0x7f] => whole.push(*short),
        long => {
            whole.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            whole.extend(long);
        }
    }
    whole.extend(content);
    whole
}
