//! `zone2-constraints.json` and the subnet check, through the public surface.

use std::time::SystemTime;

use openfactory_zone2::constraint::{SubnetError, SubnetViolation};
use openfactory_zone2::finding::{NotChecked, Violation};
use openfactory_zone2::policy::{MAX_FILE_BYTES, Problem};
use openfactory_zone2::{Constraints, Finding, Observed, Outcome, Priority, Role};
use serde_json::{Value, json};

fn constraint() -> Value {
    json!({
        "id": "plant-address",
        "type": "subnet",
        "place": { "file": "/etc/plant/network.json", "key": "interfaces.eth0.address" },
        "permitted": ["10.20.0.0/16", "10.0.0.0/30", "fd00:20::/32"],
    })
}

fn policy(constraints: &[Value]) -> Vec<u8> {
    json!({ "version": 1, "constraints": constraints }).to_string().into_bytes()
}

fn check(values: &[&str]) -> Vec<Finding> {
    let policy = Constraints::parse(&policy(&[constraint()])).unwrap();
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    policy.get("plant-address").unwrap().check(&Observed::Values(values), SystemTime::UNIX_EPOCH)
}

#[test]
fn addresses_inside_give_no_finding() {
    for value in [
        "10.20.0.0",
        "10.20.255.255",
        "10.20.3.7/24",
        "10.20.3.7/16",
        "10.20.3.7/32",
        "10.0.0.2/30",
        "::ffff:10.20.3.7",
        "::ffff:10.20.3.7/112",
        "fd00:20::1",
        "FD00:0020::1/64",
        "fd00:20::1%eth0/64",
    ] {
        assert_eq!(check(&[value]), [], "{value}");
    }
}

#[test]
fn each_bad_value_has_its_own_finding() {
    let wider = |network: &str, permitted: &str| SubnetViolation::Wider {
        network: network.parse().unwrap(),
        permitted: permitted.parse().unwrap(),
    };
    let table = [
        ("10.19.255.255", SubnetViolation::Outside),
        ("10.21.0.0", SubnetViolation::Outside),
        ("10.0.0.4", SubnetViolation::Outside),
        ("::10.20.3.7", SubnetViolation::Outside),
        ("::ffff:10.21.3.7", SubnetViolation::Outside),
        ("fd00:21::1", SubnetViolation::Outside),
        ("0.0.0.0/0", SubnetViolation::Outside),
        ("10.20.3.7/15", wider("10.20.0.0/15", "10.20.0.0/16")),
        ("::ffff:10.20.3.7/96", wider("0.0.0.0/0", "10.20.0.0/16")),
        ("fd00:20::1/31", wider("fd00:20::/31", "fd00:20::/32")),
        ("dhcp", SubnetViolation::NotAnAddress),
        ("", SubnetViolation::NotAnAddress),
        ("010.20.3.7", SubnetViolation::NotAnAddress),
    ];
    let values: Vec<&str> = table.iter().map(|(value, _)| *value).collect();
    let findings = check(&values);
    assert_eq!(findings.len(), table.len());
    for (finding, (value, violation)) in findings.iter().zip(table) {
        assert_eq!(finding.value(), Some(value));
        assert_eq!(finding.outcome(), &Outcome::Violated(Violation::Subnet(violation)), "{value}");
    }
}

/// Integration guide, "Zone 2 Constraint Violations": "Network address outside permitted subnet | P2 Incident:
/// device may be on wrong network segment; assignment_group set to network ops | P2".
#[test]
fn guide_row_network_address_outside_permitted_subnet() {
    let finding = check(&["192.0.2.7/24"]).remove(0);
    assert_eq!(finding.constraint(), "plant-address");
    assert_eq!(finding.place().to_string(), "/etc/plant/network.json [interfaces.eth0.address]");
    assert_eq!(finding.priority(), Priority::P2);
    assert_eq!(finding.assignment(), Role::NetworkOps);
    assert_eq!(finding.rule(), "network address inside 10.20.0.0/16 or 10.0.0.0/30 or fd00:20::/32");
    assert!(finding.advice().contains("wrong network segment"));
    assert_eq!(
        serde_json::to_value(&finding).unwrap(),
        json!({
            "constraint": "plant-address",
            "place": { "file": "/etc/plant/network.json", "key": "interfaces.eth0.address" },
            "value": "192.0.2.7/24",
            "outcome": { "violated": { "subnet": "outside" } },
            "rule": finding.rule(),
            "advice": finding.advice(),
            "priority": "P2",
            "assignment": "network-ops",
        })
    );
}

#[test]
fn what_could_not_be_checked_is_neither_good_nor_bad() {
    let policy = Constraints::parse(&policy(&[constraint()])).unwrap();
    let constraint = policy.get("plant-address").unwrap();
    let table = [
        (Observed::Absent, NotChecked::Absent),
        (Observed::Values(Vec::new()), NotChecked::Absent),
        (
            Observed::Unreadable("permission denied".into()),
            NotChecked::Unreadable("permission denied".into()),
        ),
    ];
    for (observed, reason) in table {
        let findings = constraint.check(&observed, SystemTime::UNIX_EPOCH);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].outcome(), &Outcome::NotChecked(reason));
        assert_eq!(findings[0].value(), None);
        assert!(findings[0].to_string().contains("not checked"));
    }
}

#[test]
fn a_finding_reads_as_one_line() {
    assert_eq!(
        check(&["10.20.3.7/8"])[0].to_string(),
        "P2 /etc/plant/network.json [interfaces.eth0.address]: \"10.20.3.7/8\" spans 10.0.0.0/8, which is wider \
         than the permitted 10.20.0.0/16; rule: network address inside 10.20.0.0/16 or 10.0.0.0/30 or \
         fd00:20::/32; lengthen the prefix until the network is inside a permitted subnet"
    );
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value)) -> (String, Problem) {
    let mut constraint = constraint();
    change(&mut constraint);
    let error = Constraints::parse(&policy(&[constraint])).unwrap_err();
    (error.location().path.clone(), error.problem().clone())
}

#[test]
fn unknown_types_are_refused_by_name_whatever_else_they_hold() {
    let (path, problem) = refused(|c| {
        c["type"] = "tides".into();
        c["issuer"] = "Plant CA".into();
    });
    assert_eq!(path, "$.constraints[0].type");
    assert_eq!(
        problem,
        Problem::UnknownConstraint {
            found: "tides".into(),
            known: &[
                "allowed-set",
                "certificate",
                "equal",
                "hostname",
                "pattern",
                "position",
                "presence",
                "range",
                "subnet",
            ],
        }
    );
}

#[test]
fn subnets_must_be_networks() {
    let permitted = |text: &str| refused(|c| c["permitted"][1] = text.into());
    let network = "10.20.0.0/16".parse().unwrap();
    let table = [
        ("10.20.3.7/16", SubnetError::HostBits { text: "10.20.3.7/16".into(), network }),
        ("::ffff:10.20.0.0/112", SubnetError::Mapped { text: "::ffff:10.20.0.0/112".into() }),
        ("10.20.0.0", SubnetError::Syntax { text: "10.20.0.0".into() }),
        ("fe80::%eth0/64", SubnetError::Syntax { text: "fe80::%eth0/64".into() }),
        ("plant", SubnetError::Syntax { text: "plant".into() }),
    ];
    for (text, error) in table {
        assert_eq!(permitted(text), ("$.constraints[0].permitted[1]".into(), Problem::Subnet(error)));
    }
    assert_eq!(
        refused(|c| c["permitted"] = json!([])),
        ("$.constraints[0].permitted".into(), Problem::Empty)
    );
    let (path, problem) = permitted("10.20.0.0/16");
    assert_eq!(path, "$.constraints[0].permitted[1]");
    let what = "the subnet 10.20.0.0/16".into();
    assert_eq!(problem, Problem::Duplicate { what, first: "$.constraints[0].permitted[0]".into() });
}

#[test]
fn incomplete_and_foreign_members_are_refused() {
    for key in ["id", "type", "place", "permitted"] {
        let (path, problem) = refused(|c| drop(c.as_object_mut().unwrap().remove(key)));
        assert_eq!((path.as_str(), problem), ("$.constraints[0]", Problem::MissingKey { key }));
    }
    assert!(matches!(refused(|c| c["forbidden"] = json!([])).1, Problem::UnknownKey { .. }));
    assert_eq!(refused(|c| c["place"]["file"] = "etc/x".into()).1, Problem::NotNormalPath);
    assert_eq!(refused(|c| c["place"]["file"] = "/etc/../x".into()).1, Problem::NotNormalPath);
    assert_eq!(refused(|c| c["place"]["key"] = "".into()).1, Problem::Empty);
    assert_eq!(refused(|c| c["id"] = "a".repeat(257).into()).1, Problem::TooLarge { bytes: 257, limit: 256 });
    assert_eq!(refused(|c| c["permitted"] = json!({})).1, Problem::WrongType { expected: "an array" });
    let many: Vec<String> = (0..=256).map(|n: u16| format!("10.{}.{}.0/24", n >> 8, n & 255)).collect();
    assert_eq!(refused(|c| c["permitted"] = json!(many)).1, Problem::TooMany { found: 257, limit: 256 });
}

#[test]
fn a_name_or_a_place_has_one_constraint() {
    let first = constraint();
    let mut other = constraint();
    other["id"] = "other".into();
    let error = Constraints::parse(&policy(&[first.clone(), other.clone()])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1, $.constraints[1]: a subnet constraint for /etc/plant/network.json [interfaces.eth0.address] is \
         already at $.constraints[0]"
    );
    other["place"]["key"] = "gateway".into();
    assert_eq!(Constraints::parse(&policy(&[first.clone(), other.clone()])).unwrap().iter().count(), 2);
    other["id"] = "plant-address".into();
    let error = Constraints::parse(&policy(&[first, other])).unwrap_err();
    assert!(matches!(error.problem(), Problem::Duplicate { .. }));
}

#[test]
fn versions_and_sizes_are_checked_first() {
    let error = Constraints::parse(br#"{"version": 2, "constraints": [], "extra": 1}"#).unwrap_err();
    assert!(matches!(error.problem(), Problem::UnknownKey { .. }));
    let error = Constraints::parse(br#"{"version": 2, "constraints": []}"#).unwrap_err();
    assert_eq!(error.problem(), &Problem::UnsupportedVersion { found: 2 });
    let error = Constraints::parse(&vec![b' '; MAX_FILE_BYTES + 1]).unwrap_err();
    assert_eq!(error.problem(), &Problem::TooLarge { bytes: MAX_FILE_BYTES + 1, limit: MAX_FILE_BYTES });
}
