//! Certificates' chains, names, keys and private keys, on certificates that another library made.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use openfactory_zone2::constraint::{CaSet, CaSetError, CertificateViolation, ExtendedKeyUsage, KeyType};
use openfactory_zone2::finding::Violation;
use openfactory_zone2::policy::Problem;
use openfactory_zone2::{Constraints, Observed, Outcome, Row};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType,
};
use serde_json::{Value, json};

/// 2026-06-01T00:00:00Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    }
    params
}

struct Plant {
    root: Issuer<'static, KeyPair>,
    root_der: Vec<u8>,
    line: Issuer<'static, KeyPair>,
    line_pem: String,
}

fn plant() -> Plant {
    let key = KeyPair::generate().unwrap();
    let root = params("Plant root", true);
    let root_der = root.self_signed(&key).unwrap().der().to_vec();
    let root = Issuer::new(root, key);
    let key = KeyPair::generate().unwrap();
    let line = params("Line CA", true);
    let line_pem = line.signed_by(&key, &root).unwrap().pem();
    Plant { root, root_der, line: Issuer::new(line, key), line_pem }
}

fn device(issuer: &Issuer<'_, KeyPair>, key: &KeyPair) -> String {
    let mut params = params("press-7", false);
    params.subject_alt_names = vec![
        SanType::DnsName("press-7.plant.example".try_into().unwrap()),
        SanType::DnsName("*.line.plant.example".try_into().unwrap()),
        SanType::IpAddress([10, 20, 3, 7].into()),
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.signed_by(key, issuer).unwrap().pem()
}

#[test]
fn signatures_lead_to_a_trusted_certificate_or_not() {
    let plant = plant();
    let trusted = CaSet::of(vec![plant.root_der.clone()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = device(&plant.line, &key);
    let broken = |chain: &str, at| trusted.verify(chain.as_bytes(), at).unwrap_err().reason;
    let whole = format!("{leaf}{}", plant.line_pem);
    assert_eq!(trusted.verify(whole.as_bytes(), now()), Ok(()));
    assert_eq!(trusted.verify(device(&plant.root, &key).as_bytes(), now()), Ok(()));
    // What stands between is missing, or another plant's under the same names.
    assert_eq!(broken(&leaf, now()), "it leads to no trusted certificate");
    let other = self::plant();
    assert!(
        broken(&format!("{leaf}{}", other.line_pem), now()).contains("signature"),
        "another key under the name"
    );
    assert_eq!(broken("x", now()), "there is no certificate");
    let year = Duration::from_secs(366 * 86_400);
    assert_eq!(broken(&whole, now() + year), "no trusted certificate is in force");
    // A certificate that may not issue, and one whose key usage doesn't say so.
    let no_ca = Issuer::new(params("press-7", false), KeyPair::generate().unwrap());
    let mut silent = params("Line CA", true);
    silent.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let silent_key = KeyPair::generate().unwrap();
    let silent_pem = silent.signed_by(&silent_key, &plant.root).unwrap().pem();
    let silent = Issuer::new(silent, silent_key);
    for issuer in [&no_ca, &silent] {
        let chain = format!("{}{silent_pem}", device(issuer, &key));
        assert!(trusted.verify(chain.as_bytes(), now()).is_err());
    }
}

#[test]
fn sets_of_trusted_certificates_are_whole_or_refused() {
    let plant = plant();
    assert_eq!(CaSet::of(Vec::new()), Err(CaSetError::Empty));
    assert_eq!(CaSet::parse(b"nothing"), Err(CaSetError::Empty));
    let broken = CaSet::of(vec![plant.root_der.clone(), vec![0x30, 0]]);
    assert!(matches!(broken, Err(CaSetError::Certificate { number: 2, .. })), "{broken:?}");
    assert_eq!(CaSet::of(vec![plant.root_der; 65]), Err(CaSetError::TooMany));
}

fn check(rest: &Value, certificate: &str, key: &Observed) -> Vec<Outcome> {
    let mut rule =
        json!({ "id": "identity", "type": "certificate", "place": { "file": "/etc/tls.pem", "key": "." } });
    rule.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let policy =
        Constraints::parse(json!({ "version": 1, "constraints": [rule] }).to_string().as_bytes()).unwrap();
    let constraint = policy.iter().next().unwrap();
    let found = constraint.look(now(), |place| match place.is_secret() {
        true => key.clone(),
        false => Observed::Content(certificate.as_bytes().to_vec()),
    });
    found.iter().map(|finding| finding.outcome().clone()).collect()
}

/// Integration guide: "TLS certificate expired or invalid issuer": an issuer in name alone.
#[test]
fn guide_row_an_issuer_in_name_alone_is_invalid() {
    let (plant, forged) = (plant(), plant_of_forgers());
    let key = KeyPair::generate().unwrap();
    let anchors = json!({ "issuers": ["Line CA"],
        "anchors": [base64::engine::general_purpose::STANDARD.encode(&plant.root_der)] });
    let good = format!("{}{}", device(&plant.line, &key), plant.line_pem);
    assert_eq!(check(&anchors, &good, &Observed::Absent), []);
    let bad = format!("{}{}", device(&forged.line, &key), forged.line_pem);
    let found = check(&anchors, &bad, &Observed::Absent);
    let [Outcome::Violated(violation)] = found.as_slice() else { panic!("{found:?}") };
    assert!(matches!(violation, Violation::Certificate(CertificateViolation::Chain(_))));
    assert_eq!(violation.row(), Row::Certificate);
}

fn plant_of_forgers() -> Plant {
    plant()
}

#[test]
fn names_uses_and_keys_row_by_row() {
    let plant = plant();
    let leaf = device(&plant.line, &KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap());
    let table = [
        (json!({ "names": ["press-7.plant.example", "10.20.3.7", "A.Line.Plant.Example"] }), None),
        (
            json!({ "names": ["press-8.plant.example", "a.b.line.plant.example", "line.plant.example", "10.20.3.8"] }),
            Some(CertificateViolation::Name {
                missing: [
                    "press-8.plant.example",
                    "a.b.line.plant.example",
                    "line.plant.example",
                    "10.20.3.8",
                ]
                .map(str::to_owned)
                .to_vec(),
            }),
        ),
        (json!({ "extended_key_usage": ["client-auth"] }), None),
        (
            json!({ "extended_key_usage": ["client-auth", "server-auth"] }),
            Some(CertificateViolation::ExtendedKeyUsage { missing: vec![ExtendedKeyUsage::ServerAuth] }),
        ),
        (json!({ "keys": [{ "type": "rsa", "min_bits": 3072 }, { "type": "p384" }] }), None),
        (
            json!({ "keys": [{ "type": "p256" }, { "type": "p384", "min_bits": 385 }] }),
            Some(CertificateViolation::Key { key_type: KeyType::P384, bits: 384 }),
        ),
    ];
    for (rule, expected) in table {
        let expected: Vec<_> =
            expected.map(|found| Outcome::Violated(Violation::Certificate(found))).into_iter().collect();
        assert_eq!(check(&rule, &leaf, &Observed::Absent), expected, "{rule}");
    }
    let rows = check(&json!({ "extended_key_usage": ["server-auth"] }), &leaf, &Observed::Absent);
    assert!(matches!(&rows[0], Outcome::Violated(violation) if violation.row() == Row::KeyUsage));
}

#[test]
fn a_private_key_is_the_certificates_or_not() {
    let plant = plant();
    let rule = json!({ "private_key": "/etc/tls.key" });
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let other = KeyPair::generate_for(algorithm).unwrap();
        let leaf = device(&plant.line, &key);
        let content = |text: String| Observed::Content(text.into_bytes());
        assert_eq!(check(&rule, &leaf, &content(key.serialize_pem())), []);
        let found = check(&rule, &leaf, &content(other.serialize_pem()));
        let mismatch = Outcome::Violated(Violation::Certificate(CertificateViolation::KeyMismatch));
        assert_eq!(found, [mismatch]);
        for unreadable in [
            Observed::Absent,
            Observed::Unreadable("gone".into()),
            content(leaf.clone()),
            content(key.serialize_pem().replace("PRIVATE", "ENCRYPTED PRIVATE")),
        ] {
            let found = check(&rule, &leaf, &unreadable);
            assert!(matches!(found.as_slice(), [Outcome::NotChecked(_)]), "{unreadable:?} {found:?}");
        }
    }
}

#[test]
fn a_private_key_may_be_sec1() {
    let plant = plant();
    let rule = json!({ "private_key": "/etc/tls.key" });
    // RFC 5208: the last member of PKCS#8 is the key as SEC1 has it, of so many bytes.
    for (algorithm, bytes) in [(&rcgen::PKCS_ECDSA_P256_SHA256, 109), (&PKCS_ECDSA_P384_SHA384, 158)] {
        let keys = [(); 2].map(|()| KeyPair::generate_for(algorithm).unwrap());
        let leaf = device(&plant.line, &keys[0]);
        let [own, other] = keys.map(|key| {
            let pkcs8 = key.serialize_der();
            pkcs8[pkcs8.len() - bytes..].to_vec()
        });
        let pem = |der: &[u8]| {
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n").into_bytes()
        };
        assert_eq!(check(&rule, &leaf, &Observed::Content(pem(&own))), []);
        assert_eq!(check(&rule, &leaf, &Observed::Content(own.clone())), []);
        let mismatch = Outcome::Violated(Violation::Certificate(CertificateViolation::KeyMismatch));
        assert_eq!(check(&rule, &leaf, &Observed::Content(pem(&other))), [mismatch]);
        let cut = check(&rule, &leaf, &Observed::Content(pem(&own[..bytes - 1])));
        assert!(matches!(cut.as_slice(), [Outcome::NotChecked(_)]), "{cut:?}");
    }
}

#[test]
fn what_cannot_be_trusted_is_refused_in_the_policy() {
    let problem = |rest: Value| {
        let mut rule = json!({ "id": "a", "type": "certificate", "place": { "file": "/a", "key": "." } });
        rule.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let text = json!({ "version": 1, "constraints": [rule] }).to_string();
        Constraints::parse(text.as_bytes()).unwrap_err().problem().clone()
    };
    assert_eq!(problem(json!({ "anchors": ["!"] })), Problem::NotBase64);
    assert_eq!(problem(json!({ "anchors": [] })), Problem::Anchors(CaSetError::Empty));
    assert!(matches!(
        problem(json!({ "anchors": ["MAA="] })),
        Problem::Anchors(CaSetError::Certificate { .. })
    ));
    assert_eq!(problem(json!({ "names": [] })), Problem::Empty);
    assert_eq!(problem(json!({ "keys": [] })), Problem::Empty);
    assert!(matches!(problem(json!({ "keys": [{ "type": "dsa" }] })), Problem::UnknownWord { .. }));
    assert!(matches!(problem(json!({ "extended_key_usage": ["any"] })), Problem::UnknownWord { .. }));
    assert_eq!(problem(json!({ "private_key": "tls.key" })), Problem::NotNormalPath);
}

/// Certificates that are too many, too large or in a circle are refused at once.
#[test]
fn bombs_and_circles_of_certificates_are_refused() {
    let plant = plant();
    let trusted = CaSet::of(vec![plant.root_der.clone()]).unwrap();
    let leaf = device(&plant.line, &KeyPair::generate().unwrap());
    let refused = |text: &str| trusted.verify(text.as_bytes(), now()).unwrap_err().reason;
    assert_eq!(refused(&leaf.repeat(17)), "more than 16 certificates");
    assert!(refused(&leaf.repeat(200)).ends_with("at most 65536 are read"));
    // Two that issue each other, many times over.
    let (first, second) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ours = Issuer::new(params("First CA", true), first);
    let pem = params("Second CA", true).signed_by(&second, &ours).unwrap().pem();
    let theirs = Issuer::new(params("Second CA", true), second);
    let back = params("First CA", true).signed_by(ours.key(), &theirs).unwrap().pem();
    let leaf = device(&ours, &KeyPair::generate().unwrap());
    assert!(!refused(&format!("{leaf}{}", format!("{back}{pem}").repeat(7))).is_empty());
}
