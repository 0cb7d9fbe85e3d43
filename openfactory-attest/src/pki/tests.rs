use std::time::Duration;

use super::*;
use std::time::SystemTime;

use crate::key::{Ed25519Key, KeyId, KeyKind, Signer as _};
use crate::trust::revocation::{Reason, RevocationList, RevokedKey};
use crate::trust::{TrustStore, TrustedKey};
use crate::verity::signature::{KeyAlgorithm, SigningKey};

const DAY: Duration = Duration::from_secs(86_400);

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

fn id(seed: u8) -> KeyId {
    *key(seed).key_id()
}

fn serial(seed: u8) -> Serial {
    Serial::of_key(&id(seed))
}

fn day(days: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400) + DAY * days
}

fn root() -> KeyCertificate {
    AuthorityKey::Ed25519(&key(1)).self_signed("Example root", day(0), day(3650)).unwrap()
}

fn list(revoked: &[(u8, Reason)]) -> RevocationList {
    revoked.iter().fold(RevocationList::new(7, day(1)), |list, (seed, reason)| {
        list.with(RevokedKey::new(id(*seed), *reason))
    })
}

/// The root, keys 10 to 14, and this list.
fn trust(list: &RevocationList) -> TrustStore {
    let mut trust = TrustStore::new();
    trust.add(TrustedKey::new("root", KeyKind::RootSigning, key(1).public_key().clone())).unwrap();
    for seed in 10..15 {
        let public = key(seed).public_key().clone();
        trust.add(TrustedKey::new(seed.to_string(), KeyKind::BuildPlatformSigning, public)).unwrap();
    }
    trust.take_revocations(&list.sign(&key(1)).unwrap()).unwrap();
    trust
}

#[test]
fn every_reason_comes_through_list_and_response() {
    let (root_key, root) = (key(1), root());
    let authority = Authority::new(AuthorityKey::Ed25519(&root_key), &root).unwrap();
    let reasons: Vec<(u8, Reason)> = (10..).zip(Reason::ALL).collect();
    let list = list(&reasons).with(
        RevokedKey::new(id(13), Reason::PrivilegeWithdrawn)
            .with_revoked_at(day(0))
            .with_invalid_since(day(0) - 3 * DAY),
    );
    let crl = authority.crl(&list, &[], day(2), day(9)).unwrap();
    assert_eq!(Crl::read(&crl.to_der().unwrap(), &root).unwrap(), crl);
    assert_eq!(Crl::read(crl.to_pem().unwrap().as_bytes(), &root).unwrap(), crl);
    assert_eq!(
        (crl.iter().count(), crl.currency().this_update, crl.currency().next_update),
        (4, day(2), Some(day(9)))
    );
    // The sequence, and the seconds in 40 bits.
    assert_eq!(crl.number(), Some(format!("07{:010x}", 1_772_366_400 + 2 * 86_400).as_str()));
    let keys: Vec<KeyId> = (10..16).map(id).collect();
    let response = authority.ocsp(&keys, &trust(&list), &[], day(2), day(9)).unwrap();
    assert_eq!(OcspResponse::read(response.as_der(), &root).unwrap(), response);
    for (seed, reason) in reasons {
        let (time, invalid_since) = match seed {
            13 => (day(0), Some(day(0) - 3 * DAY)),
            _ => (day(1), None),
        };
        let revocation = crl.get(&serial(seed)).unwrap();
        assert_eq!((revocation.time, revocation.invalid_since), (time, invalid_since));
        assert_eq!(revocation.reason(), Some(reason));
        let answer = response.get(&serial(seed)).unwrap();
        assert_eq!((answer.status, answer.currency), (OcspStatus::Revoked(*revocation), *crl.currency()));
    }
    assert_eq!(crl.get(&serial(14)), None);
    let status = |seed| response.get(&serial(seed)).map(|answer| answer.status);
    // Known and not revoked; nobody's; not asked for.
    assert_eq!(
        (status(14), status(15), status(16)),
        (Some(OcspStatus::Good), Some(OcspStatus::Unknown), None)
    );
    let none = authority.crl(&RevocationList::new(1, day(0)), &[], day(2), day(9)).unwrap();
    assert_eq!(none.iter().count(), 0);
}

#[test]
fn what_is_not_published_is_told() {
    let (root_key, root) = (key(1), root());
    let authority = Authority::new(AuthorityKey::Ed25519(&root_key), &root).unwrap();
    let before = list(&[(10, Reason::Superseded)]);
    let after = list(&[(10, Reason::Superseded), (11, Reason::KeyCompromise)]);
    let crl = authority.crl(&before, &[], day(2), day(9)).unwrap();
    let ocsp = |list: &RevocationList, keys: &[u8]| {
        let keys: Vec<KeyId> = keys.iter().map(|seed| id(*seed)).collect();
        authority.ocsp(&keys, &trust(list), &[], day(2), day(9)).unwrap()
    };
    let by = |list: &RevocationList, ocsp: &[OcspResponse], now: u32| {
        Published::by(&root).with_responses(ocsp).gaps(list, day(now))
    };
    let with = |list: &RevocationList, now: u32| Published::by(&root).with_crl(&crl).gaps(list, day(now));
    assert_eq!(with(&before, 3), []);
    assert_eq!(with(&after, 3), [Gap::NotInCrl(id(11))]);
    assert_eq!(with(&before, 9), [Gap::StaleCrl]);
    assert_eq!(with(&before, 1), [Gap::EarlyCrl]);
    assert_eq!(with(&before, 4000), [Gap::Authority, Gap::StaleCrl]);
    let mut told = by(&after, &[ocsp(&before, &[10, 11])], 3);
    assert_eq!(told, [Gap::GoodByOcsp(id(11))]);
    assert_eq!(by(&after, &[ocsp(&after, &[10]), ocsp(&after, &[11])], 3), []);
    told.extend(by(&after, &[ocsp(&after, &[10])], 3));
    told.extend(by(&list(&[(15, Reason::KeyCompromise)]), &[ocsp(&before, &[15])], 3));
    told.extend(by(&before, &[ocsp(&before, &[10])], 9));
    told.extend(by(&before, &[ocsp(&before, &[10])], 1));
    told.extend(by(&before, &[], 3));
    let expected = [
        Gap::GoodByOcsp(id(11)),
        Gap::NotByOcsp(id(11)),
        Gap::UnknownByOcsp(id(15)),
        Gap::StaleOcsp(id(10)),
        Gap::EarlyOcsp(id(10)),
        Gap::Nowhere(id(10)),
    ];
    assert_eq!(told, expected);
    // An old answer beside one that holds is no gap.
    let renewed = authority.ocsp(&[id(10)], &trust(&before), &[], day(8), day(15)).unwrap();
    assert_eq!(by(&before, &[ocsp(&before, &[10]), renewed], 10), []);
}

#[test]
fn certificates_that_others_numbered_are_revoked_by_their_numbers() {
    // The same key under another authority of that name and one of another name: neither is meant.
    let (root_key, root) = (key(1), root());
    let authority = Authority::new(AuthorityKey::Ed25519(&root_key), &root).unwrap();
    let other_key = key(2);
    let other = AuthorityKey::Ed25519(&other_key).self_signed("Other", day(0), day(9)).unwrap();
    let other = Authority::new(AuthorityKey::Ed25519(&other_key), &other).unwrap();
    let foreign = other.certify(key(10).public_key(), "ten", day(0), day(9)).unwrap();
    assert!(matches!(foreign.verify(&root), Err(PkiError::WrongIssuer { .. })));
    let own = authority.certify(key(10).public_key(), "ten", day(0), day(9)).unwrap();
    assert!(own.verify(&root).is_ok());
    assert_eq!((own.key_id(), own.serial()), (&id(10), &serial(10)));
    assert_eq!((own.subject().as_str(), own.is_authority(), own.is_responder()), ("CN=ten", false, false));
    let list = list(&[(10, Reason::KeyCompromise)]);
    let crl = authority.crl(&list, &[foreign, own], day(2), day(9)).unwrap();
    assert_eq!(crl.iter().map(|(serial, _)| serial.clone()).collect::<Vec<_>>(), [serial(10)]);
}

#[test]
fn only_the_authority_itself_is_believed() {
    let (root_key, root) = (key(1), root());
    let signer = AuthorityKey::Ed25519(&root_key);
    let authority = Authority::new(signer, &root).unwrap();
    let list = list(&[(10, Reason::KeyCompromise)]);
    let crl = authority.crl(&list, &[], day(2), day(9)).unwrap().to_der().unwrap();
    let response = authority.ocsp(&[id(10)], &trust(&list), &[], day(2), day(9)).unwrap().as_der().to_vec();
    // Another key under the same name, and the same key under another name.
    let other = AuthorityKey::Ed25519(&key(2)).self_signed("Example root", day(0), day(3650)).unwrap();
    assert!(matches!(Crl::read(&crl, &other), Err(PkiError::BadSignature { .. })));
    assert!(matches!(OcspResponse::read(&response, &other), Err(PkiError::BadSignature { .. })));
    assert!(matches!(Authority::new(AuthorityKey::Ed25519(&key(2)), &root), Err(PkiError::OtherKey)));
    let renamed = signer.self_signed("Another root", day(0), day(3650)).unwrap();
    assert!(matches!(Crl::read(&crl, &renamed), Err(PkiError::WrongIssuer { .. })));
    assert!(matches!(OcspResponse::read(&response, &renamed), Err(PkiError::WrongIssuer { .. })));
    // The certificate of a key is no authority.
    let platform = authority.certify(key(3).public_key(), "Example root", day(0), day(365)).unwrap();
    let platform_key = key(3);
    let refused = Authority::new(AuthorityKey::Ed25519(&platform_key), &platform);
    assert!(matches!(refused, Err(PkiError::NotAnAuthority)));
    assert!(matches!(Crl::read(&crl, &platform), Err(PkiError::NotAnAuthority)));
    assert!(matches!(OcspResponse::read(&response, &platform), Err(PkiError::NotAnAuthority)));
    assert!(matches!(
        OcspResponse::read(&[0x30, 3, 0x0a, 1, 6], &root),
        Err(PkiError::NoAnswer { status: 6 })
    ));
    assert!(matches!(
        Crl::read(b"-----BEGIN X-----\n-----END X-----\n", &root),
        Err(PkiError::Malformed { .. })
    ));
    assert!(matches!(Crl::read(&vec![0; MAX_BYTES + 1], &root), Err(PkiError::TooLong { .. })));
    for name in ["", " x", "a,O=b", "é"] {
        assert!(matches!(signer.self_signed(name, day(0), day(1)), Err(PkiError::Name { .. })));
    }
    assert!(matches!(signer.self_signed("x", day(1), day(1)), Err(PkiError::Time)));
    assert!(matches!(authority.crl(&list, &[], day(2), day(2)), Err(PkiError::Time)));
    assert!(matches!(authority.ocsp(&[], &trust(&list), &[], day(2), day(2)), Err(PkiError::Time)));
}

#[test]
fn a_flipped_bit_is_refused_whatever_it_hits() {
    let classic = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let root_key = key(1);
    for key in [AuthorityKey::Ed25519(&root_key), AuthorityKey::Classic(&classic)] {
        let root = key.self_signed("Example root", day(0), day(3650)).unwrap();
        let authority = Authority::new(key, &root).unwrap();
        let list = list(&[(10, Reason::KeyCompromise)]);
        let crl = authority.crl(&list, &[], day(2), day(9)).unwrap().to_der().unwrap();
        let response = authority.ocsp(&[id(10)], &trust(&list), &[], day(2), day(9)).unwrap();
        for (bytes, read) in [
            (crl.as_slice(), &(|bytes: &[u8]| Crl::read(bytes, &root).is_ok()) as &dyn Fn(&[u8]) -> bool),
            (response.as_der(), &|bytes: &[u8]| OcspResponse::read(bytes, &root).is_ok()),
        ] {
            assert!(read(bytes));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!read(&flipped), "bit {bit}");
            }
        }
    }
}
