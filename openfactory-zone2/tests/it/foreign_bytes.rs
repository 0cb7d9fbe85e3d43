//! Bytes that others wrote: whatever they are, the end is a value or an error.

use openfactory_attest::Sha256Digest;
use openfactory_zone2::command::{Action, Command};
use openfactory_zone2::lockdown::LockdownRecord;
use openfactory_zone2::policy::Policy;
use openfactory_zone2::scan::Scan;
use openfactory_zone2::seal::Binding;
use openfactory_zone2::value::{Format, MAX_VALUES, extract};
use openfactory_zone2::{Observed, OverlayReport, Seal};
use proptest::prelude::*;

use super::support::{at, command, file};

/// Text that is nearly a configuration file.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("[Network]\n"),
        Just("[a"),
        Just("Address"),
        Just("="),
        Just("10.0.0.1"),
        Just("\n"),
        Just("\\\n"),
        Just("# c\n"),
        Just(";\n"),
        Just("\""),
        Just("'"),
        Just("{\"a\":"),
        Just("[1,"),
        Just("]"),
        Just("}"),
        Just("null"),
        Just(" "),
        Just("export "),
        Just("\u{e9}"),
        Just("\0"),
        Just("\r\n"),
        Just("$x"),
    ];
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

fn damage(mut bytes: Vec<u8>, at: usize, with: u8, cut: usize) -> Vec<u8> {
    let len = bytes.len();
    bytes[at % len] = with;
    bytes.truncate(len - cut % len);
    bytes
}

proptest! {
    #[test]
    fn any_file_has_a_value_or_a_reason(format in format(), key in "[a-zA-Z.0]{0,12}", text in nearly()) {
        match extract(format, &key, text.as_bytes()) {
            Observed::Values(values) => prop_assert!((1..=MAX_VALUES).contains(&values.len())),
            Observed::Content(bytes) => prop_assert_eq!(bytes, text.into_bytes()),
            Observed::Unreadable(reason) => prop_assert!(!reason.is_empty()),
            _ => {}
        }
    }

    #[test]
    fn any_bytes_have_a_value_or_a_reason(format in format(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = extract(format, "a.b", &bytes);
        let _ = LockdownRecord::parse(&bytes);
        let _ = Policy::parse(&bytes, &bytes);
        let _ = serde_json::from_slice::<Command>(&bytes);
        let _ = serde_json::from_slice::<Seal>(&bytes);
        let _ = serde_json::from_slice::<OverlayReport>(&bytes);
    }

    /// What is written as a value is read as that value.
    #[test]
    fn values_come_back(value in "[a-z0-9:/ _-]{0,40}[a-z0-9]", before in "(#[a-z ]*\n|[a-z]+=1\n){0,5}") {
        let expected = Observed::value(value.trim());
        let key_value = format!("{before}KEY={value}\nOTHER=x\n");
        prop_assert_eq!(extract(Format::KeyValue, "KEY", key_value.as_bytes()), expected.clone());
        let quoted = format!("{before}KEY=\"{value}\"\n");
        prop_assert_eq!(extract(Format::KeyValue, "KEY", quoted.as_bytes()), Observed::value(&value));
        let ini = format!("{before}[S]\nKey = {value}\n[T]\nKey=x\n");
        prop_assert_eq!(extract(Format::Ini, "S.Key", ini.as_bytes()), expected);
        let json = serde_json::json!({"S": {"Key": value}}).to_string();
        prop_assert_eq!(extract(Format::Json, "S.Key", json.as_bytes()), Observed::value(value));
    }

    /// A damaged document is refused, or is still within its rules, so that it reads back as itself.
    #[test]
    fn damaged_documents_are_refused_or_consistent(position in any::<usize>(), with in any::<u8>(), cut in 0..3_usize) {
        let binding = Binding::new("press-1", at(0), "lock-1", Sha256Digest::of(b"policy"));
        let seal = Seal::of(&Scan::new(vec![file("etc/a.conf", "a"), file("etc/b.conf", "b")], vec![]), binding);
        let seal = damage(serde_json::to_vec(&seal.unwrap()).unwrap(), position, with, cut);
        if let Ok(seal) = serde_json::from_slice::<Seal>(&seal) {
            let json = serde_json::to_vec(&seal).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Seal>(&json).unwrap(), seal);
        }
        let order = serde_json::to_vec(&command("c-1", Action::Unlock)).unwrap();
        if let Ok(order) = serde_json::from_slice::<Command>(&damage(order, position, with, cut)) {
            prop_assert!(order.expires() > order.issued() && !order.operator().is_empty());
        }
        let record = LockdownRecord::born(at(0));
        let bytes = damage(record.to_json().unwrap(), position, with, cut);
        if let Ok(record) = LockdownRecord::parse(&bytes) {
            prop_assert_eq!(LockdownRecord::parse(&record.to_json().unwrap()).unwrap(), record);
        }
        let report = OverlayReport::new(&record, Sha256Digest::of(b"policy"));
        let bytes = damage(serde_json::to_vec(&report).unwrap(), position, with, cut);
        if let Ok(report) = serde_json::from_slice::<OverlayReport>(&bytes) {
            prop_assert!(!report.compliant());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever follows whatever, the state is one of the four transitions' and only a lock changes the seal.
    #[test]
    fn no_order_of_commands_leaves_the_state_machine(actions in prop::collection::vec(0..5_u8, 0..30)) {
        let mut record = LockdownRecord::born(at(0));
        for (index, action) in actions.into_iter().enumerate() {
            let (now, before) = (20 + index as u64, record.clone());
            let action = match action {
                0 => Action::Unlock,
                1 => Action::Lock,
                2 => Action::Migrate,
                3 => Action::Attest { nonce: "n".into() },
                _ => {
                    if let Ok(next) = record.migration_failed(at(now)) {
                        record = next.into_record(None).unwrap();
                        prop_assert_eq!(record.seal(), before.seal());
                    }
                    continue;
                }
            };
            let lock = action == Action::Lock;
            let Ok(next) = super::commands::obey(&record, &format!("c-{index}"), action, now) else { continue };
            let new = Sha256Digest::of(&index.to_le_bytes());
            record = next.into_record(Some(new)).unwrap();
            prop_assert_eq!(record.seal() != before.seal(), lock);
            prop_assert_eq!(record.expires().is_some(), record.state().access() == openfactory_zone2::lockdown::Access::ReadWrite && record.seal().is_some());
        }
    }
}
