//! A device's files, in every format: the first line says which and under what key. Whatever stands there, the end is values
//! or a reason; certificates, private keys, positions and sentences of receivers likewise.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use openfactory_zone2::constraint::{CaSet, CertificateRule, Position, PositionRule, Region};
use openfactory_zone2::place::Place;
use openfactory_zone2::value::{Format, MAX_VALUES, extract};
use openfactory_zone2::{Constraints, Observed, nmea};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (head, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let head = String::from_utf8_lossy(head);
    let (word, key) = head.split_once(' ').unwrap_or((&head, "."));
    if let Some(format) = Format::ALL.into_iter().find(|format| format.as_str() == word) {
        match extract(format, key, body) {
            Observed::Values(values) => assert!((1..=MAX_VALUES).contains(&values.len())),
            Observed::Content(bytes) => assert_eq!(bytes, body),
            _ => {}
        }
    }
    let policy = br#"{"version":1,"constraints":[{"id":"a","type":"certificate","place":{"file":"/a","key":"."},"private_key":"/b"}]}"#;
    let policy = Constraints::parse(policy).expect("a policy");
    for constraint in &policy {
        let _: Vec<_> = constraint.look(SystemTime::UNIX_EPOCH, |_: &Place| Observed::Content(body.to_vec()));
    }
    let _ = CertificateRule::new(std::time::Duration::ZERO).check(body, SystemTime::UNIX_EPOCH);
    if let Ok(trusted) = CaSet::parse(body) {
        let _ = trusted.verify(body, SystemTime::UNIX_EPOCH);
    }
    let Ok(text) = std::str::from_utf8(body) else { return };
    let _ = nmea::parse(text);
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
        let rule = PositionRule::new(vec![Region::circle(position, 0)]).expect("a region");
        assert_eq!(rule.check(&position), None);
    }
});
