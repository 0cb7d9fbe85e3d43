use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn root(digit: char) -> RootHash {
    digit.to_string().repeat(64).parse().unwrap()
}

fn pair() -> (SigningKey, Certificate) {
    let key = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let made = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let certificate = Certificate::self_signed(&key, "images", made, made + Duration::from_secs(1)).unwrap();
    (key, certificate)
}

#[test]
fn every_flipped_bit_of_a_signature_is_found() {
    let (key, certificate) = pair();
    let signature = RootHashSignature::sign(&root('a'), &key, &certificate).unwrap();
    assert_eq!(signature.verify(&root('a'), &certificate), Ok(()));
    let der = signature.as_der();
    for bit in 0..der.len() * 8 {
        let mut flipped = der.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verified = RootHashSignature::parse(&flipped).and_then(|it| it.verify(&root('a'), &certificate));
        assert!(verified.is_err(), "bit {bit} of {}", hex::encode(der));
    }
}

#[test]
fn another_root_hash_certificate_or_key_is_told() {
    let (key, certificate) = pair();
    let (other_key, other) = pair();
    let signature = RootHashSignature::sign(&root('a'), &key, &certificate).unwrap();
    assert_eq!(signature.verify(&root('b'), &certificate), Err(SignatureError::Bad));
    assert_eq!(signature.verify(&root('a'), &other), Err(SignatureError::OtherCertificate));
    let refused = RootHashSignature::sign(&root('a'), &other_key, &certificate);
    assert_eq!(refused, Err(SignRootHashError::OtherKey));
}

#[test]
fn what_is_no_signature_is_refused() {
    let (key, certificate) = pair();
    let signature = RootHashSignature::sign(&root('a'), &key, &certificate).unwrap();
    for len in 0..signature.as_der().len() {
        let cut = RootHashSignature::parse(&signature.as_der()[..len]);
        assert!(matches!(cut, Err(SignatureError::Malformed { .. })), "{len}");
    }
    let long = vec![0x30; MAX_SIGNATURE + 1];
    assert_eq!(RootHashSignature::parse(&long), Err(SignatureError::TooLong { len: MAX_SIGNATURE + 1 }));
}

#[test]
fn keys_and_certificates_round_trip_and_nothing_secret_is_printed() {
    let (key, certificate) = pair();
    let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
    assert_eq!(again.public_key_der().unwrap(), key.public_key_der().unwrap());
    assert_eq!(Certificate::from_pem(&certificate.to_pem().unwrap()).unwrap(), certificate);
    assert_eq!(format!("{key:?}"), "SigningKey { algorithm: EcdsaP256, .. }");
    for text in ["", "x", &*certificate.to_pem().unwrap()] {
        assert_eq!(SigningKey::from_pem(text).unwrap_err(), KeyError::Malformed);
    }
    let key = key.to_pem().unwrap();
    assert!(matches!(Certificate::from_pem(&key), Err(CertificateError::Malformed { .. })));
}

#[test]
fn names_and_dates_that_cannot_stand_in_a_certificate() {
    let key = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let made = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    for name in ["", "a,O=b", "a+b", "\"", "a\n", "ä", &"x".repeat(65)] {
        let error = Certificate::self_signed(&key, name, made, made + Duration::from_secs(1)).unwrap_err();
        assert_eq!(error, CertificateError::Name { name: name.to_owned() });
    }
    assert_eq!(Certificate::self_signed(&key, "x", made, made), Err(CertificateError::Validity));
    let before = UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(Certificate::self_signed(&key, "x", before, made), Err(CertificateError::Validity));
}

#[test]
fn a_partition_is_json_and_zeros() {
    let (key, certificate) = pair();
    let signature = RootHashSignature::sign(&root('a'), &key, &certificate).unwrap();
    let partition = SignaturePartition::new(root('a'), &certificate, signature);
    let mut bytes = partition.to_bytes().unwrap();
    assert_eq!(bytes.len(), 16 * 1024);
    assert_eq!(SignaturePartition::parse(&bytes).unwrap(), partition);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(SignaturePartition::parse(&bytes[..end]).unwrap(), partition);
    bytes[16_000] = b' ';
    assert!(matches!(SignaturePartition::parse(&bytes), Err(PartitionError::Trailing)));
    for len in 0..end {
        assert!(matches!(SignaturePartition::parse(&bytes[..len]), Err(PartitionError::Json { .. })));
    }
}
