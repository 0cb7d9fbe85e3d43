use serde_json::json;

use super::*;
use crate::key::{Ed25519Key, Signer as _};
use crate::statement::{Predicate, Statement, Subject};

#[derive(Serialize, Deserialize)]
struct Said {}

impl Predicate for Said {
    const TYPE: &'static str = "https://example.com/said/v1";
}

fn key() -> Ed25519Key {
    Ed25519Key::from_seed(&[7; 32])
}

fn of(envelope: &Envelope) -> KeyUse {
    KeyUse::of_envelope(envelope, *key().key_id(), "build-1", SystemTime::UNIX_EPOCH)
}

#[test]
fn what_was_signed_is_recognized() {
    let plain = Envelope::sign("text/plain", b"hello", &key()).unwrap();
    assert_eq!((of(&plain).kind.as_str(), of(&plain).payload), ("text/plain", Sha256Digest::of(b"hello")));

    let subject = vec![Subject::new("x", &Sha256Digest::of(b"x"))];
    let statement = Statement::new(subject, Said {}).sign(&key()).unwrap();
    assert_eq!(of(&statement).kind, Said::TYPE);
    assert_eq!(of(&statement).payload, statement.payload_digest());

    for bytes in [
        &b"example.com/log\n7\nAAAA\n"[..],
        b"DSSEv1 10 text/plain 5 hello more",
        b"DSSEv1 10 text/plain 6 hello",
        b"DSSEv1 -1 a 5 hello",
        b"DSSEv1 99999999999999999999 a 5 hello",
        b"DSSEv1 1 \xff 5 hello",
        b"DSSEv1 ",
        b"",
    ] {
        let raw = KeyUse::of_signed(*key().key_id(), bytes, "x", SystemTime::UNIX_EPOCH);
        assert_eq!((raw.kind.as_str(), raw.payload), ("raw", Sha256Digest::of(bytes)));
        assert_eq!(raw.signed, raw.payload);
    }
}

#[test]
fn entries_round_trip_and_the_same_use_has_the_same_id() {
    let key_use = of(&Envelope::sign("text/plain", b"hello", &key()).unwrap());
    let entry = Entry::parse(&key_use.to_entry().to_bytes().unwrap()).unwrap();
    assert_eq!(KeyUse::from_entry(&entry).unwrap(), Some(key_use.clone()));
    let later = KeyUse { when: SystemTime::now(), who: "router".to_owned(), ..key_use.clone() };
    assert_eq!(later.entry_id(), key_use.entry_id());
    let other = of(&Envelope::sign("text/html", b"hello", &key()).unwrap());
    assert_ne!(other.entry_id(), key_use.entry_id());
}

#[test]
fn a_long_kind_is_cut() {
    let envelope = Envelope::sign(&"ü".repeat(40_000), b"hello", &key()).unwrap();
    assert_eq!(of(&envelope).kind.chars().count(), 200);
    assert!(of(&envelope).to_entry().to_bytes().is_ok());
}

#[test]
fn what_is_no_entry_of_the_ledger_is_told_apart() {
    let good = of(&Envelope::sign("text/plain", b"hello", &key()).unwrap()).to_entry();
    let other = Entry { what: "incident.created".to_owned(), ..good.clone() };
    assert_eq!(KeyUse::from_entry(&other), Ok(None));

    let with = |change: fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut entry = good.clone();
        change(entry.new.as_mut().unwrap().as_object_mut().unwrap());
        KeyUse::from_entry(&entry).unwrap_err()
    };
    let shape = |error: &LedgerEntryError| matches!(error, LedgerEntryError::Shape { .. });
    assert!(shape(&with(|new| drop(new.remove("kind")))));
    assert!(shape(&with(|new| drop(new.insert("more".to_owned(), json!(1))))));
    assert!(shape(&with(|new| drop(new.insert("key_id".to_owned(), json!("7"))))));
    assert!(matches!(
        with(|new| drop(new.insert("version".to_owned(), json!(2)))),
        LedgerEntryError::Version { found: 2, .. }
    ));
    let id = with(|new| drop(new.insert("signed_sha256".to_owned(), json!(Sha256Digest::of(b"other")))));
    assert!(matches!(id, LedgerEntryError::Id { .. }));
    let mut bare = good.clone();
    bare.new = None;
    assert!(shape(&KeyUse::from_entry(&bare).unwrap_err()));
}

proptest::proptest! {
    #[test]
    fn no_signed_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
        let prefixed = [b"DSSEv1 ", &bytes[..]].concat();
        for signed in [bytes, prefixed] {
            let key_use = KeyUse::of_signed(*key().key_id(), &signed, "x", SystemTime::UNIX_EPOCH);
            proptest::prop_assert_eq!(key_use.signed, Sha256Digest::of(&signed));
        }
    }
}
