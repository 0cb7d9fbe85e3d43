//! Policies, commands, seals, lockdown records and reports of a device's overlay: read or refused, with a place in the text.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use openfactory_zone2::lockdown::LockdownRecord;
use openfactory_zone2::policy::EntryKind;
use openfactory_zone2::{Command, Constraints, Manifest, Observed, OverlayReport, Seal};

fuzz_target!(|input: &[u8]| {
    match Manifest::parse(input) {
        Ok(manifest) => {
            let _ = manifest.rule_for(input, EntryKind::File);
        }
        Err(error) => assert!(error.location().line >= 1 && error.location().path.starts_with('$')),
    }
    match Constraints::parse(input) {
        Ok(constraints) => {
            for constraint in &constraints {
                let value = Observed::value("10.20.3.7/24");
                let _ = constraint.look(SystemTime::UNIX_EPOCH, |_| value.clone());
            }
        }
        Err(error) => assert!(error.location().line >= 1 && error.location().path.starts_with('$')),
    }
    if let Ok(record) = LockdownRecord::parse(input) {
        let written = record.to_json().expect("what was read");
        assert_eq!(LockdownRecord::parse(&written), Ok(record));
    }
    let _ = (
        serde_json::from_slice::<Command>(input).is_ok(),
        serde_json::from_slice::<Seal>(input).is_ok(),
        serde_json::from_slice::<OverlayReport>(input).is_ok(),
    );
});
