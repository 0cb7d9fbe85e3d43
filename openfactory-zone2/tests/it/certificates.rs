//! The certificate constraint, on certificates that another library made.

use std::time::{Duration, SystemTime};

use openfactory_zone2::constraint::{CertificateViolation, KeyUsage};
use openfactory_zone2::finding::{NotChecked, Violation};
use openfactory_zone2::policy::Problem;
use openfactory_zone2::{Constraints, Finding, Observed, Outcome, PolicyError, Priority, Role};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);

/// 2026-03-01T00:00:00Z, from when the test's certificate is in force, for 90 days.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_323_200)
}

/// A certificate of "Plant CA" for digital signatures.
fn certificate() -> rcgen::Certificate {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Plant CA");
    let issuer = Issuer::new(ca, KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(vec!["press-7.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 3, 1);
    params.not_after = rcgen::date_time_ymd(2026, 5, 30);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap()
}

fn rule() -> Value {
    json!({ "id": "identity", "type": "certificate", "place": { "file": "/etc/plant/tls.pem", "key": "." },
            "warn_days": 14, "issuers": ["Plant CA", "Spare CA"], "key_usage": ["digital-signature"] })
}

fn parse(constraint: &Value) -> Result<Constraints, PolicyError> {
    Constraints::parse(json!({ "version": 1, "constraints": [constraint] }).to_string().as_bytes())
}

fn check(constraint: &Value, observed: &Observed, now: SystemTime) -> Vec<Finding> {
    parse(constraint).unwrap().iter().next().unwrap().check(observed, now)
}

#[track_caller]
fn one(findings: &[Finding]) -> (CertificateViolation, Priority, Role) {
    let [finding] = findings else { panic!("one finding, not {findings:?}") };
    let Outcome::Violated(Violation::Certificate(violation)) = finding.outcome() else { panic!("{finding}") };
    (violation.clone(), finding.priority(), finding.assignment())
}

/// Integration guide, "Zone 2 Constraint Violations": "TLS certificate expired or invalid issuer | P2 Incident:
/// device identity compromised | P2".
#[test]
fn guide_row_certificate_expired_or_invalid_issuer() {
    let pem = Observed::value(certificate().pem());
    let not_after = start() + 90 * DAY;
    let expired = one(&check(&rule(), &pem, not_after + Duration::from_secs(1)));
    assert_eq!(expired, (CertificateViolation::Expired { not_after }, Priority::P2, Role::Security));
    let mut foreign = rule();
    foreign["issuers"] = json!(["Spare CA"]);
    let issuer = CertificateViolation::Issuer { found: Some("Plant CA".into()) };
    assert_eq!(one(&check(&foreign, &pem, start())), (issuer, Priority::P2, Role::Security));
}

/// Integration guide, "Zone 2 Constraint Violations": "Certificate key usage flags mismatch | P2 Incident:
/// certificate does not meet key usage requirements | P2".
#[test]
fn guide_row_certificate_key_usage_flags_mismatch() {
    let mut encrypting = rule();
    encrypting["key_usage"] = json!(["digital-signature", "key-encipherment", "crl-sign"]);
    let findings = check(&encrypting, &Observed::value(certificate().pem()), start());
    let missing = vec![KeyUsage::KeyEncipherment, KeyUsage::CrlSign];
    assert_eq!(one(&findings), (CertificateViolation::KeyUsage { missing }, Priority::P2, Role::Security));
}

#[test]
fn validity_second_by_second() {
    let (second, not_after) = (Duration::from_secs(1), start() + 90 * DAY);
    let der = Observed::Content(certificate().der().to_vec());
    let early = CertificateViolation::NotYetValid { not_before: start() };
    let soon = CertificateViolation::ExpiresSoon { not_after };
    let expired = CertificateViolation::Expired { not_after };
    let table = [
        (start() - second, Some((early, Priority::P2))),
        (start(), None),
        (not_after - 14 * DAY, None),
        (not_after - 14 * DAY + second, Some((soon.clone(), Priority::P3))),
        (not_after, Some((soon.clone(), Priority::P3))),
        (not_after + second / 2, Some((soon, Priority::P3))),
        (not_after + second, Some((expired, Priority::P2))),
    ];
    for (now, expected) in table {
        let findings = check(&rule(), &der, now);
        let found = (!findings.is_empty())
            .then(|| one(&findings))
            .map(|(violation, priority, _)| (violation, priority));
        assert_eq!(found, expected, "{now:?}");
    }
}

#[test]
fn all_that_is_wrong_is_found() {
    let mut strict = rule();
    strict["issuers"] = json!(["Spare CA"]);
    strict["key_usage"] = json!(["cert-sign"]);
    let findings = check(&strict, &Observed::value(certificate().pem()), start() + 365 * DAY);
    assert_eq!(findings.len(), 3);
    assert!(findings.iter().all(|finding| finding.value().is_none()));
    assert_eq!(
        findings[0].to_string(),
        "P2 /etc/plant/tls.pem [.]: expired at 2026-05-30T00:00:00Z; rule: certificate in force for 14 more \
         days, issued by Spare CA, for cert-sign; do not trust the device's identity until it has a certificate as \
         the rule wants it"
    );
    let json = serde_json::to_value(findings[0].outcome()).unwrap();
    assert_eq!(json["violated"]["certificate"]["expired"]["not_after"], "2026-05-30T00:00:00Z");
}

#[test]
fn what_is_no_certificate_is_bad_and_what_cannot_be_read_is_not_checked() {
    let der = certificate().der().to_vec();
    let pem = certificate().pem();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let trailing = [der.clone(), vec![0]].concat();
    for bad in [&b""[..], b"plant", b"0", &der[..100], &trailing, &pem.as_bytes()[..200], key.as_bytes()] {
        let (violation, priority, _) = one(&check(&rule(), &Observed::Content(bad.to_vec()), start()));
        assert!(matches!(violation, CertificateViolation::NotACertificate { .. }), "{violation:?}");
        assert_eq!(priority, Priority::P2);
    }
    let both = format!("{key}{pem}");
    assert_eq!(check(&rule(), &Observed::value(both), start()), []);
    for (observed, reason) in [
        (Observed::Absent, NotChecked::Absent),
        (Observed::Unreadable("denied".into()), NotChecked::Unreadable("denied".into())),
    ] {
        let findings = check(&rule(), &observed, start());
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].outcome(), &Outcome::NotChecked(reason));
    }
}

#[test]
fn damaged_certificates_are_read_without_a_panic() {
    let der = certificate().der().to_vec();
    for at in 0..der.len() {
        let mut damaged = der.clone();
        damaged[at] ^= 0x55;
        for finding in check(&rule(), &Observed::Content(damaged), start()) {
            assert!(matches!(finding.outcome(), Outcome::Violated(_)), "byte {at}: {finding}");
        }
    }
}

#[test]
fn a_rule_that_cannot_be_kept_or_read_is_refused() {
    let refused = |key: &str, value: Value| {
        let mut constraint = rule();
        constraint[key] = value;
        let error = parse(&constraint).unwrap_err();
        (error.location().path.clone(), error.problem().clone())
    };
    assert_eq!(refused("issuers", json!([])), ("$.constraints[0].issuers".into(), Problem::Empty));
    let too_long = Problem::OutOfRange { number: 3661, max: 3660 };
    assert_eq!(refused("warn_days", json!(3661)), ("$.constraints[0].warn_days".into(), too_long));
    let (path, problem) = refused("key_usage", json!(["digital-signature", "magic"]));
    assert_eq!(path, "$.constraints[0].key_usage[1]");
    assert!(matches!(problem, Problem::UnknownWord { found, .. } if found == "magic"));
    assert!(matches!(refused("key_usage", json!(["crl-sign", "crl-sign"])).1, Problem::Duplicate { .. }));
}
