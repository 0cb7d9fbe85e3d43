use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::key::{Ed25519Key, Signer as _};

fn key(seed: u8) -> KeyId {
    *Ed25519Key::from_seed(&[seed; 32]).key_id()
}

fn payload(number: u64) -> Sha256Digest {
    Sha256Digest::of(&number.to_le_bytes())
}

fn signed(index: u64, seed: u8, number: u64) -> SignedAt {
    SignedAt::new(index, key(seed), payload(number), "document")
}

fn runs(device: &str, number: u64, seed: u8) -> DeviceFact {
    DeviceFact::running(device, format!("build-{number}"), payload(number), key(seed))
}

#[test]
fn each_place_in_the_log_and_what_follows_from_it() {
    let window = Window::from("log", 10).until(20);
    let log = [
        signed(9, 1, 9),
        signed(10, 1, 10),
        signed(19, 1, 19),
        signed(20, 1, 20),
        signed(11, 2, 11),
        // Logged again within the window: what counts is the first time.
        signed(15, 1, 9),
    ];
    let fleet = [
        runs("day-before", 9, 1),
        runs("first-inside", 10, 1),
        runs("last-inside", 19, 1),
        runs("first-after", 20, 1),
        runs("backdated", 77, 1),
        runs("other-key", 11, 2),
        DeviceFact::unknown("silent"),
        DeviceFact { signed_by: None, ..runs("unverified", 9, 1) },
    ];
    let unused =
        [Artifact::new(payload(78), key(1), "build-78"), Artifact::new(payload(79), key(2), "build-79")];
    let radius = assess(key(1), &window, &log, &unused, &fleet);

    let place = |number| radius.artifacts.iter().find(|it| it.payload == payload(number)).map(|it| it.place);
    let places = [9, 10, 19, 20, 77, 78, 79, 11].map(place);
    let expected = [
        Some(Place::Before { index: 9 }),
        Some(Place::Inside { index: 10 }),
        Some(Place::Inside { index: 19 }),
        Some(Place::After { index: 20 }),
        Some(Place::Unlogged),
        Some(Place::Unlogged),
        None,
        None,
    ];
    assert_eq!(places, expected);
    let names = |devices: &[AssessedDevice]| devices.iter().map(|it| it.device.clone()).collect::<Vec<_>>();
    assert_eq!(names(&radius.outside), ["day-before", "other-key"]);
    assert_eq!(
        names(&radius.affected),
        ["first-inside", "last-inside", "first-after", "backdated", "silent", "unverified"]
    );
    let builds: Vec<_> = radius.builds.iter().map(String::as_str).collect();
    assert_eq!(builds, ["build-10", "build-19", "build-20", "build-77", "build-78", "build-9"]);
    assert_eq!(radius.affected_artifacts().count(), 5);
}

#[test]
fn an_open_window_has_no_after() {
    let radius = assess(key(1), &Window::from("log", 0), &[signed(u64::MAX, 1, 1)], &[], &[]);
    assert_eq!(radius.artifacts[0].place, Place::Inside { index: u64::MAX });
}

#[test]
fn as_json_each_finding_is_flat() {
    let fleet = [runs("press", 1, 1), DeviceFact::unknown("mill")];
    let radius = assess(key(1), &Window::from("log", 3), &[signed(3, 1, 1)], &[], &fleet);
    let json = serde_json::to_value(&radius).unwrap();
    assert_eq!(
        json["affected"],
        serde_json::json!([
            {"device": "press", "build": "build-1", "standing": "signed", "place": "inside", "index": 3},
            {"device": "mill", "standing": "not-known"},
        ])
    );
    assert_eq!(json["artifacts"][0]["place"], "inside");
}

#[test]
fn foreign_fleet_files_are_refused_each_with_its_reason() {
    let parse = |text: &str| Fleet::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(parse("[1,[],[]]"), ParseFleetError::Shape { .. }));
    assert!(matches!(parse("{"), ParseFleetError::Json(_)));
    assert!(matches!(parse(r#"{"version":1,"version":1,"devices":[]}"#), ParseFleetError::Json(_)));
    assert!(matches!(parse(r#"{"version":1.0,"devices":[]}"#), ParseFleetError::Json(_)));
    assert!(matches!(parse(r#"{"version":9007199254740992,"devices":[]}"#), ParseFleetError::Json(_)));
    assert!(matches!(parse(r#"{"version":2,"devices":{}}"#), ParseFleetError::Version { found: 2 }));
    assert!(matches!(parse(r#"{"devices":[]}"#), ParseFleetError::Shape { .. }));
    assert!(matches!(
        parse(r#"{"version":1,"devices":[{"device":"a","x":1}]}"#),
        ParseFleetError::Shape { .. }
    ));
    let twice = r#"{"version":1,"devices":[{"device":"a"},{"device":"b"},{"device":"a"}]}"#;
    assert_eq!(parse(twice), ParseFleetError::DuplicateDevice { device: "a".to_owned() });
}

#[test]
fn fleet_files_round_trip() {
    let fleet = Fleet::new(
        vec![runs("press", 1, 1), DeviceFact::unknown("mill")],
        vec![Artifact::new(payload(1), key(1), "build-1")],
    );
    assert_eq!(Fleet::parse(&serde_json::to_vec(&fleet).unwrap()).unwrap(), fleet);
}

/// The same by brute force, straight from the definition.
fn affected_by_definition(window: &Window, log: &[(u64, u8, u64)], fact: &Option<(u64, u8)>) -> bool {
    let Some((number, seed)) = fact else { return true };
    let first = log.iter().filter(|(_, by, what)| *by == 1 && what == number).map(|(index, ..)| *index).min();
    *seed == 1 && first.is_none_or(|first| first >= window.from)
}

proptest! {
    #[test]
    fn every_device_is_on_the_side_that_the_definition_says(
        from in 0..12_u64,
        len in proptest::option::of(1..6_u64),
        log in proptest::collection::vec((0..16_u64, 1..3_u8, 0..8_u64), 0..24),
        fleet in proptest::collection::vec(proptest::option::of((0..10_u64, 1..3_u8)), 0..16),
    ) {
        let mut window = Window::from("log", from);
        window.to = len.map(|len| from + len);
        let entries: Vec<_> = log.iter().map(|(index, seed, number)| signed(*index, *seed, *number)).collect();
        let facts: Vec<_> = fleet.iter().enumerate().map(|(at, fact)| match fact {
            Some((number, seed)) => runs(&at.to_string(), *number, *seed),
            None => DeviceFact::unknown(at.to_string()),
        }).collect();
        let radius = assess(key(1), &window, &entries, &[], &facts);

        let mut sides: BTreeMap<&str, bool> = BTreeMap::new();
        sides.extend(radius.affected.iter().map(|it| (it.device.as_str(), true)));
        sides.extend(radius.outside.iter().map(|it| (it.device.as_str(), false)));
        prop_assert_eq!(sides.len(), fleet.len());
        for (at, fact) in fleet.iter().enumerate() {
            prop_assert_eq!(sides[at.to_string().as_str()], affected_by_definition(&window, &log, fact));
        }
        // The order in which the log is handed over makes no difference.
        let reversed: Vec<_> = entries.iter().rev().cloned().collect();
        prop_assert_eq!(assess(key(1), &window, &reversed, &[], &facts), radius);
    }
}
