//! Constraints that look at more than one place: equality, conditions, and what the device is beside what its files say.

use std::collections::BTreeMap;
use std::time::Duration;

use openfactory_zone2::constraint::EqualViolation;
use openfactory_zone2::finding::{NotChecked, Violation};
use openfactory_zone2::live::{Fix, FixedFacts, InterfaceAddress};
use openfactory_zone2::policy::Problem;
use openfactory_zone2::value::{ReadFileError, ReadFiles, observe};
use openfactory_zone2::{Constraints, Finding, Outcome, Priority, Role, Row, check};
use serde_json::{Value, json};

use super::support::at;

struct Files(BTreeMap<&'static str, &'static str>);

impl ReadFiles for Files {
    fn read(&self, path: &str, _most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        match self.0.get(path) {
            Some(&"LINK") => Err(ReadFileError::NotAFile),
            found => Ok(found.map(|text| text.as_bytes().to_vec())),
        }
    }
}

fn policy(constraint: &Value) -> Result<Constraints, Problem> {
    let text = json!({ "version": 1, "constraints": [constraint] }).to_string();
    Constraints::parse(text.as_bytes()).map_err(|error| error.problem().clone())
}

fn look(constraint: &Value, files: &[(&'static str, &'static str)], facts: &FixedFacts) -> Vec<Finding> {
    let files = Files(files.iter().copied().collect());
    let policy = policy(constraint).unwrap();
    policy
        .iter()
        .flat_map(|constraint| constraint.look(at(0), |place| observe(place, &files, facts)))
        .collect()
}

fn line(path: &str) -> Value {
    json!({ "file": path, "key": ".", "format": "line" })
}

#[test]
fn two_files_say_the_same() {
    let rule = json!({ "id": "name", "type": "equal", "place": line("/etc/hostname"),
                       "to": { "file": "/etc/plant.json", "key": "hostname" } });
    let none = FixedFacts::new();
    let same = [("/etc/hostname", "press-07\n"), ("/etc/plant.json", r#"{"hostname": "press-07"}"#)];
    assert!(look(&rule, &same, &none).is_empty());
    let other = [("/etc/hostname", "press-07\n"), ("/etc/plant.json", r#"{"hostname": "press-08"}"#)];
    let found = look(&rule, &other, &none);
    assert_eq!(found[0].outcome(), &Outcome::Violated(Violation::Equal(EqualViolation::Differs)));
    assert_eq!((found[0].priority(), found[0].assignment()), (Priority::P3, Role::DeviceOps));
    // A place that can't be looked at is no difference.
    let gone = look(&rule, &[("/etc/hostname", "press-07\n")], &none);
    assert!(matches!(gone[0].outcome(), Outcome::NotChecked(_)), "{gone:?}");
    let link = look(&rule, &[("/etc/hostname", "LINK"), ("/etc/plant.json", "{}")], &none);
    assert!(matches!(link[0].outcome(), Outcome::NotChecked(_)), "{link:?}");
}

#[test]
fn secrets_of_neither_place_are_shown() {
    let secret = |path: &str| json!({ "file": path, "key": ".", "format": "line", "secret": true });
    let rule = json!({ "id": "pin", "type": "equal", "place": secret("/etc/a"), "to": secret("/etc/b") });
    let found = look(&rule, &[("/etc/a", "4711"), ("/etc/b", "0815")], &FixedFacts::new());
    let shown = format!("{found:?} {}", found[0]);
    assert!(!shown.contains("4711") && !shown.contains("0815"), "{shown}");
}

/// What a file says and what the device is: a file may still say what it should.
#[test]
fn a_file_and_an_interface_disagree() {
    let rule = json!({ "id": "address", "type": "equal", "place": { "interface": "eth0" },
                       "to": { "file": "/etc/netplan/a.yaml", "key": "network.ethernets.eth0.addresses", "format": "yaml" } });
    let file = [(
        "/etc/netplan/a.yaml",
        "network: {ethernets: {eth0: {addresses: [10.20.3.7/24, \"FD00:20::7/64\"]}}}",
    )];
    let mut facts = FixedFacts::new();
    let address = |text: &str, prefix| InterfaceAddress::new(text.parse().unwrap(), prefix);
    facts.set_interface("eth0", vec![address("fd00:20::7", 64), address("10.20.3.7", 24)]);
    assert!(look(&rule, &file, &facts).is_empty());
    facts.set_interface("eth0", vec![address("fd00:20::7", 64), address("10.20.3.8", 24)]);
    let found = look(&rule, &file, &facts);
    let Outcome::Violated(violation) = found[0].outcome() else { panic!("{found:?}") };
    assert_eq!((violation.row(), found[0].priority()), (Row::NetworkAddress, Priority::P2));
    assert_eq!(found[0].assignment(), Role::NetworkOps);
}

#[test]
fn a_file_and_a_receiver_disagree() {
    let rule = json!({ "id": "site", "type": "equal", "metres": 100,
                       "place": { "file": "/etc/site", "key": ".", "format": "line" },
                       "to": { "receiver": "gpsd:127.0.0.1:2947", "max_age": 30 } });
    let file = [("/etc/site", "48°08'13.6\"N 11°34'31.4\"E\n")];
    let fix = |position: &str, age| Fix::new(position.parse().unwrap(), Duration::from_secs(age));
    let at = |fix| {
        let mut facts = FixedFacts::new();
        facts.set_receiver("gpsd:127.0.0.1:2947", fix);
        look(&rule, &file, &facts)
    };
    assert!(at(fix("48.1371,11.5754", 0)).is_empty());
    let moved = at(fix("48.2,11.5754", 30));
    let Outcome::Violated(violation) = moved[0].outcome() else { panic!("{moved:?}") };
    assert_eq!((violation.row(), moved[0].priority()), (Row::Position, Priority::P1));
    // An old position is none.
    let stale = at(fix("48.2,11.5754", 31));
    assert!(matches!(stale[0].outcome(), Outcome::NotChecked(NotChecked::Unreadable(_))), "{stale:?}");
    assert!(matches!(look(&rule, &file, &FixedFacts::new())[0].outcome(), Outcome::NotChecked(_)));
}

/// Integration guide, "Zone 2 Constraint Violations": "GPS coordinates outside installation zone | P1", by a receiver.
#[test]
fn guide_row_gps_coordinates_outside_installation_zone_by_a_receiver() {
    let rule = json!({ "id": "site", "type": "position", "place": { "receiver": "nmea:/dev/ttyS0" },
                       "regions": [{ "centre": "48.1371,11.5754", "metres": 500 }] });
    let policy = policy(&rule).unwrap();
    let mut facts = FixedFacts::new();
    let mut check = |position: &str| {
        facts.set_receiver("nmea:/dev/ttyS0", Fix::new(position.parse().unwrap(), Duration::ZERO));
        check::constraints(&policy, at(0), |place| observe(place, &Files(BTreeMap::new()), &facts))
    };
    assert_eq!(check("48.1371,11.5754"), check::Results::default());
    let moved = check("50.11,8.68");
    assert_eq!((moved.findings[0].row, moved.findings[0].priority), (Row::Position, Priority::P1));
    assert_eq!(moved.findings[0].subject, "receiver nmea:/dev/ttyS0");
}

#[test]
fn a_constraint_is_wanted_only_where_its_condition_holds() {
    let rule = json!({ "id": "vlan", "type": "range", "min": "100", "max": "199", "place": line("/etc/vlan"),
                       "when": { "place": line("/etc/site"), "in": ["north", "south"] } });
    let none = FixedFacts::new();
    let at = |site: &'static str, vlan: &'static str| {
        look(&rule, &[("/etc/site", site), ("/etc/vlan", vlan)], &none)
    };
    assert!(at("north", "150").is_empty());
    assert_eq!(at("north", "99").len(), 1);
    assert_eq!(at("south", "200.5").len(), 1);
    assert!(at("east", "99").is_empty());
    assert!(at("", "99").is_empty());
    // Whoever makes the condition unreadable has not switched off the rule.
    let hidden = at("LINK", "150");
    assert!(matches!(hidden[0].outcome(), Outcome::NotChecked(_)), "{hidden:?}");
}

#[test]
fn patterns_ranges_and_presence_row_by_row() {
    let rule = |rest: Value| {
        let mut rule = json!({ "id": "a", "place": line("/etc/a") });
        rule.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        rule
    };
    let pattern = rule(json!({ "type": "pattern", "pattern": "[A-Z]{2}[0-9]{3}" }));
    let range = rule(json!({ "type": "range", "min": "-0.5", "max": "0.5" }));
    let there = rule(json!({ "type": "presence", "present": true }));
    let gone = rule(json!({ "type": "presence", "present": false }));
    let table = [
        (&pattern, Some("PX001"), ""),
        (&pattern, Some("px001"), "does not match the pattern"),
        (&pattern, None, "not checked"),
        (&range, Some("0.50"), ""),
        (&range, Some("0.51"), "is more than the most"),
        (&range, Some("-1"), "is less than the least"),
        (&range, Some("1e-1"), "is not a decimal number"),
        (&there, Some("x"), ""),
        (&there, None, "is not there"),
        (&there, Some("LINK"), "not checked"),
        (&gone, None, ""),
        (&gone, Some("x"), "is there"),
        (&gone, Some("LINK"), "not checked"),
    ];
    for (rule, content, expected) in table {
        let files: Vec<_> = content.map(|content| ("/etc/a", content)).into_iter().collect();
        let found = look(rule, &files, &FixedFacts::new());
        match found.as_slice() {
            [] => assert_eq!(expected, "", "{rule} {content:?}"),
            [finding] => {
                assert!(finding.to_string().contains(expected) && !expected.is_empty(), "{finding}");
                assert_eq!(finding.priority(), Priority::P3);
                if let Outcome::Violated(violation) = finding.outcome() {
                    assert_eq!(violation.row(), Row::AllowedSet);
                }
            }
            more => panic!("{more:?}"),
        }
    }
}

#[test]
fn rules_that_cannot_be_are_refused() {
    let problem = |rest: Value| {
        let mut rule = json!({ "id": "a", "place": line("/etc/a") });
        rule.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        policy(&rule).unwrap_err()
    };
    assert_eq!(problem(json!({ "type": "range" })), Problem::NoRange);
    assert_eq!(problem(json!({ "type": "range", "min": "2", "max": "1" })), Problem::NoRange);
    assert_eq!(problem(json!({ "type": "range", "min": "a" })), Problem::NotADecimal);
    assert_eq!(problem(json!({ "type": "range", "min": 1 })), Problem::WrongType { expected: "a string" });
    assert_eq!(problem(json!({ "type": "equal" })), Problem::MissingKey { key: "to" });
    assert_eq!(
        problem(json!({ "type": "presence", "present": "yes" })),
        Problem::WrongType { expected: "true or false" }
    );
    assert!(matches!(problem(json!({ "type": "pattern", "pattern": "(" })), Problem::Pattern(_)));
    let when = json!({ "type": "presence", "present": true, "when": { "place": line("/etc/b"), "in": [] } });
    assert_eq!(problem(when), Problem::Empty);
    let receiver = |name: &str| json!({ "type": "equal", "to": { "receiver": name } });
    assert_eq!(problem(receiver("ntp:host")), Problem::NotAReceiver);
    assert_eq!(problem(receiver("gpsd:")), Problem::NotAReceiver);
}
