//! Places in policies, and what is found there.

use std::collections::BTreeMap;

use openfactory_attest::Envelope;
use openfactory_zone2::check;
use openfactory_zone2::live::{FixedFacts, InterfaceAddress};
use openfactory_zone2::policy::{self, BothError, Policy, Problem, SignPolicyError, SignedPolicyError};
use openfactory_zone2::value::{Format, Observer, ReadFileError, ReadFiles, observe};
use openfactory_zone2::{Constraints, Observed, Priority, Row};

use super::support::{at, key, trust};

struct Files(BTreeMap<&'static str, &'static str>);

impl ReadFiles for Files {
    fn read(&self, path: &str, _most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        match path {
            "/etc/link" => Err(ReadFileError::NotAFile),
            path => Ok(self.0.get(path).map(|text| text.as_bytes().to_vec())),
        }
    }
}

fn files() -> Files {
    Files(BTreeMap::from([
        ("/etc/hostname", "press-07\n"),
        ("/etc/default/plant", "DEPARTMENT=\"QA-01\"\nPIN=4711\n"),
        ("/etc/systemd/network/10.network", "[Match]\nName=eth0\n[Network]\nAddress=10.20.3.7/16\n"),
        ("/etc/device.json", r#"{"net": {"address": ["10.20.3.7/16", "192.168.1.1/24"]}}"#),
    ]))
}

fn constraint(type_: &str, place: &str, rest: &str) -> String {
    let id = place.len() + type_.len() * 1000 + rest.len() * 100_000;
    format!(r#"{{"id": "c{id}", "type": "{type_}", "place": {place}, {rest}}}"#)
}

fn policy(constraints: &[String]) -> Constraints {
    let json = format!(r#"{{"version": 1, "constraints": [{}]}}"#, constraints.join(","));
    Constraints::parse(json.as_bytes()).unwrap()
}

const PLANT: &str = r#""permitted": ["10.20.0.0/16"]"#;

#[test]
fn each_format_leads_to_its_value() {
    let facts = FixedFacts::new();
    let table = [
        (r#"{"file": "/etc/hostname", "key": ".", "format": "line"}"#, Observed::value("press-07")),
        (
            r#"{"file": "/etc/default/plant", "key": "DEPARTMENT", "format": "key-value"}"#,
            Observed::value("QA-01"),
        ),
        (
            r#"{"file": "/etc/systemd/network/10.network", "key": "Network.Address", "format": "ini"}"#,
            Observed::value("10.20.3.7/16"),
        ),
        (
            r#"{"file": "/etc/device.json", "key": "net.address", "format": "json"}"#,
            Observed::Values(vec!["10.20.3.7/16".into(), "192.168.1.1/24".into()]),
        ),
        (r#"{"file": "/etc/device.json", "key": "net.address.0"}"#, Observed::value("10.20.3.7/16")),
        (r#"{"file": "/etc/none", "key": "a"}"#, Observed::Absent),
        (r#"{"file": "/etc/hostname", "key": "."}"#, Observed::Content(b"press-07\n".to_vec())),
        (
            r#"{"file": "/etc/link", "key": "a"}"#,
            Observed::Unreadable("not a regular file that is reached without links".into()),
        ),
    ];
    for (place, expected) in table {
        let policy = policy(&[constraint("allowed-set", place, r#""allowed": ["x"]"#)]);
        let place = policy.iter().next().unwrap().place();
        assert_eq!(observe(place, &files(), &facts), expected, "{place}");
    }
}

/// The demo's event: a live address leaves its subnet, while the file still says what it should.
#[test]
fn guide_row_network_address_outside_permitted_subnet_on_a_live_interface() {
    let policy = policy(&[
        constraint("subnet", r#"{"interface": "eth0"}"#, PLANT),
        constraint(
            "subnet",
            r#"{"file": "/etc/systemd/network/10.network", "key": "Network.Address", "format": "ini"}"#,
            PLANT,
        ),
    ]);
    let check = |addresses: &[(&str, u8)]| {
        let mut facts = FixedFacts::new();
        let addresses =
            addresses.iter().map(|(ip, prefix)| InterfaceAddress::new(ip.parse().unwrap(), *prefix));
        facts.set_interface("eth0", addresses.collect());
        check::constraints(&policy, at(0), |place| observe(place, &files(), &facts))
    };
    assert_eq!(check(&[("10.20.3.7", 16), ("fe80::1", 64)]), check::Results::default());

    let moved = check(&[("10.20.3.7", 16), ("192.168.77.5", 24)]);
    let finding = &moved.findings[0];
    assert_eq!(moved.findings.len(), 1);
    assert_eq!((finding.row, finding.priority), (Row::NetworkAddress, Priority::P2));
    assert_eq!(
        (finding.subject.as_str(), finding.value.as_deref()),
        ("interface eth0", Some("192.168.77.5/24"))
    );
    assert_eq!(finding.row.role(), openfactory_zone2::Role::NetworkOps);

    // No address, and no interface, are not known to be good.
    assert_eq!(check(&[]).not_checked[0].reason, "there is no value");
    let none = check::constraints(&policy, at(0), |place| observe(place, &files(), &FixedFacts::new()));
    assert_eq!(none.not_checked[0].reason, "there is no interface eth0");
}

#[test]
fn secrets_are_not_shown() {
    let place = r#"{"file": "/etc/default/plant", "key": "PIN", "format": "key-value", "secret": true}"#;
    let policy = policy(&[constraint("allowed-set", place, r#""allowed": ["1234"]"#)]);
    let results = check::constraints(&policy, at(0), |place| observe(place, &files(), &FixedFacts::new()));
    assert_eq!(results.findings[0].value.as_deref(), Some("(4 bytes, not shown)"));
    assert!(!format!("{results:?}").contains("4711"));
}

#[test]
fn places_that_make_no_sense_are_refused() {
    let refused = |place: &str, type_: &str, rest: &str| {
        let json = format!(r#"{{"version": 1, "constraints": [{}]}}"#, constraint(type_, place, rest));
        Constraints::parse(json.as_bytes()).unwrap_err().problem().clone()
    };
    let words = r#""allowed": ["x"]"#;
    let not_a_key = |format| Problem::NotAKey { format };
    let table = [
        (r#"{"file": "/a", "key": "b", "format": "line"}"#, not_a_key(Format::Line)),
        (r#"{"file": "/a", "key": "b", "format": "whole"}"#, not_a_key(Format::Whole)),
        (r#"{"file": "/a", "key": ".", "format": "json"}"#, not_a_key(Format::Json)),
        (r#"{"file": "a", "key": "b"}"#, Problem::NotNormalPath),
        (r#"{"file": "/a/../b", "key": "b"}"#, Problem::NotNormalPath),
        (r#"{"file": "/a", "key": "b", "secret": 1}"#, Problem::WrongType { expected: "true or false" }),
    ];
    for (place, problem) in table {
        assert_eq!(refused(place, "allowed-set", words), problem, "{place}");
    }
    let format = refused(r#"{"file": "/a", "key": "b", "format": "xml"}"#, "allowed-set", words);
    assert!(matches!(format, Problem::UnknownWord { .. }));
    // Only addresses are a fact of the running device.
    let interface = refused(r#"{"interface": "eth0"}"#, "allowed-set", words);
    assert!(matches!(interface, Problem::UnknownKey { .. }));
    let both = refused(r#"{"interface": "eth0", "file": "/a"}"#, "subnet", PLANT);
    assert!(matches!(both, Problem::UnknownKey { .. }));
    assert_eq!(refused(r#"{"interface": "a/b"}"#, "subnet", PLANT), Problem::NotAnInterface);
    let long = refused(r#"{"interface": "abcdefghijklmnop"}"#, "subnet", PLANT);
    assert!(matches!(long, Problem::TooLarge { .. }));
}

#[test]
fn both_files_have_one_digest_that_sha256sum_can_make() {
    let (manifest, constraints) = (r#"{"version":1,"paths":[]}"#, r#"{"version":1,"constraints":[]}"#);
    let policy = Policy::parse(manifest.as_bytes(), constraints.as_bytes()).unwrap();
    // printf '{"constraints":"%s","manifest":"%s"}' "$(sha256sum < constraints)" "$(sha256sum < manifest)" | sha256sum
    assert_eq!(policy.digest.to_string(), "d23a1679e2b7411c0c36a78a51375dcb37f7927a805d14416bfd76b88f0c1ff6");
    assert!(matches!(Policy::parse(b"", constraints.as_bytes()), Err(BothError::Manifest(_))));
    assert!(matches!(Policy::parse(manifest.as_bytes(), b""), Err(BothError::Constraints(_))));
}

#[test]
fn only_the_build_platforms_signature_makes_a_policy() {
    let (manifest, constraints) = (br#"{"version":1,"paths":[]}"#, br#"{"version":1,"constraints":[]}"#);
    let by = |seed| policy::sign(manifest, constraints, &key(seed)).unwrap();
    let open = |signed: &Envelope| Policy::open(manifest, constraints, signed, &trust());
    assert_eq!(open(&by(4)).unwrap(), Policy::parse(manifest, constraints).unwrap());
    // The operator, the device, and somebody.
    for seed in [1, 2, 9] {
        assert!(matches!(open(&by(seed)), Err(SignedPolicyError::Envelope(_))), "{seed}");
    }
    let sign = |payload: &[u8]| Envelope::sign(policy::PAYLOAD_TYPE, payload, &key(4)).unwrap();
    assert!(matches!(open(&sign(b"{}")), Err(SignedPolicyError::Payload(_))));
    let digest = "00".repeat(32);
    let future = format!(r#"{{"constraints":"{digest}","manifest":"{digest}","version":2}}"#);
    assert!(matches!(open(&sign(future.as_bytes())), Err(SignedPolicyError::Version { found: 2 })));
    let other = Policy::open(manifest, br#"{"version":1,"constraints":[ ]}"#, &by(4), &trust());
    assert!(matches!(other, Err(SignedPolicyError::Other { file: "zone2-constraints.json" })));
    assert!(matches!(policy::sign(b"", constraints, &key(4)), Err(SignPolicyError::Policy(_))));
}

/// A device whose files are read and counted.
struct Counted(std::cell::Cell<usize>);

impl ReadFiles for Counted {
    fn read(&self, path: &str, _most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        self.0.set(self.0.get() + 1);
        let site = if path.contains("large") { "n".repeat(600_000) } else { "north".to_owned() };
        Ok(Some(format!(r#"{{"site": "{site}", "line": 4}}"#).into_bytes()))
    }
}

#[test]
fn a_file_is_read_once_however_many_constraints_name_it() {
    let place = |path: &str, key: &str| format!(r#"{{"file": "/etc/{path}.json", "key": "{key}"}}"#);
    let when = format!(r#""when": {{"place": {}, "in": ["north"]}}"#, place("device", "site"));
    let rules = policy(&[
        constraint("pattern", &place("device", "site"), r#""pattern": "n.*""#),
        constraint("range", &place("device", "line"), &format!(r#""max": "4", {when}"#)),
    ]);
    let (files, facts) = (Counted(0.into()), FixedFacts::new());
    let mut observer = Observer::new(&files, &facts);
    let results = check::constraints(&rules, at(0), |place| observer.observe(place));
    assert_eq!((results, files.0.get()), (check::Results::default(), 1));

    // What is remembered has an end.
    let large = policy(&[
        constraint("pattern", &place("large1", "site"), r#""pattern": "n+""#),
        constraint("pattern", &place("large22", "site"), r#""pattern": "n+""#),
    ]);
    for round in 0..3 {
        let results = check::constraints(&large, at(0), |place| observer.observe(place));
        assert_eq!(results, check::Results::default(), "{round}");
    }
    assert_eq!(files.0.get(), 7);
}
