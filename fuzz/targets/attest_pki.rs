//! Certificates, revocation lists and OCSP responses that others made, and what an authority signed, which is read as
//! strictly: read or refused; what is read is written as what is read again.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use openfactory_attest::pki::{AuthorityKey, Crl, KeyCertificate, OcspResponse};
use openfactory_attest::{Ed25519Key, Signer as _};

static KEY: LazyLock<Ed25519Key> = LazyLock::new(|| Ed25519Key::from_seed(&[7; 32]));

static CA: LazyLock<KeyCertificate> = LazyLock::new(|| {
    let year = Duration::from_secs(365 * 86_400);
    let made = SystemTime::UNIX_EPOCH + 56 * year;
    AuthorityKey::Ed25519(&*KEY).self_signed("Fuzz", made, made + 10 * year).expect("a certificate")
});

fuzz_target!(|input: &[u8]| {
    if let Ok(certificate) = KeyCertificate::read(input) {
        let der = certificate.to_der().expect("what was read");
        assert_eq!(KeyCertificate::read(&der).expect("what was written"), certificate);
    }
    read(input);
    // As what the authority signed: a list, and a response.
    let signature = KEY.sign(input).expect("a signature");
    let algorithm = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
    let signed = der(0x30, &[input, &algorithm, &der(3, &[&[0], &signature])]);
    read(&signed);
    let kind = [6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
    let bytes = der(0x30, &[&kind, &der(4, &[&signed])]);
    read(&der(0x30, &[&[0x0a, 1, 0], &der(0xa0, &[&bytes])]));
});

fn read(bytes: &[u8]) {
    if let Ok(crl) = Crl::read(bytes, &CA) {
        let der = crl.to_der().expect("what was read");
        assert_eq!(Crl::read(&der, &CA).expect("what was written"), crl);
        assert!(crl.iter().all(|(serial, told)| crl.get(serial) == Some(told)));
    }
    if let Ok(response) = OcspResponse::read(bytes, &CA) {
        assert_eq!(OcspResponse::read(response.as_der(), &CA).expect("what was written"), response);
        assert!(response.iter().all(|(serial, told)| response.get(serial) == Some(told)));
    }
}

/// A value with this tag around these parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let length = length.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let mut der = vec![tag];
    match (content.len(), u8::try_from(length.len())) {
        (0..0x80, _) => der.push(content.len() as u8),
        (_, Ok(bytes)) => {
            der.push(0x80 | bytes);
            der.extend(length);
        }
        (_, Err(_)) => return Vec::new(),
    }
    der.extend(content);
    der
}
