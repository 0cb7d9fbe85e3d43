use super::*;
use crate::key::Ed25519Key;
use crate::trust::{TakeListError, TrustedKey};

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

/// Two roots (1, 2) and a build platform (3).
fn trust() -> TrustStore {
    let mut trust = TrustStore::new();
    for (seed, kind) in
        [(1, KeyKind::RootSigning), (2, KeyKind::RootSigning), (3, KeyKind::BuildPlatformSigning)]
    {
        let name = format!("key {seed}");
        trust.add(TrustedKey::new(name, kind, key(seed).public_key().clone())).unwrap();
    }
    trust
}

fn revoke(seed: u8) -> RevokedKey {
    RevokedKey::new(*key(seed).key_id(), Reason::KeyCompromise)
}

fn list(sequence: u64) -> RevocationList {
    RevocationList::new(sequence, SystemTime::UNIX_EPOCH)
}

/// A list as foreign JSON, signed by the first root.
fn foreign(json: &str) -> RevocationListError {
    let envelope = Envelope::sign(PAYLOAD_TYPE, json.as_bytes(), &key(1)).unwrap();
    RevocationList::open(&envelope, &trust()).unwrap_err()
}

#[test]
fn the_signed_bytes_are_frozen() {
    let stolen = revoke(3)
        .with_incident("INC0010001")
        .with_window(Window::from("example.com/b", 7))
        .with_window(Window::from("example.com/a", 5).until(9))
        .with_successor(*key(4).key_id());
    let envelope = list(1).with(stolen).sign(&key(1)).unwrap();
    let expected = format!(
        concat!(
            r#"{{"issued":"1970-01-01T00:00:00Z","revoked":[{{"incident":"INC0010001","key_id":"{}","#,
            r#""reason":"key-compromise","superseded_by":"{}","windows":[{{"from":5,"log":"example.com/a","to":9}},"#,
            r#"{{"from":7,"log":"example.com/b"}}]}}],"sequence":1,"version":1}}"#
        ),
        key(3).key_id(),
        key(4).key_id()
    );
    assert_eq!(String::from_utf8_lossy(envelope.payload_unverified()), expected);
    let opened = RevocationList::open(&envelope, &trust()).unwrap();
    assert_eq!(opened.get().get(key(3).key_id()).unwrap().windows.len(), 2);
}

#[test]
fn only_a_root_key_revokes() {
    let by_platform = list(1).with(revoke(1)).sign(&key(3)).unwrap();
    let error = RevocationList::open(&by_platform, &trust()).unwrap_err();
    assert!(matches!(error, RevocationListError::Envelope(OpenError::KindNotAllowed { .. })), "{error}");
    let by_stranger = list(1).with(revoke(3)).sign(&key(9)).unwrap();
    let error = RevocationList::open(&by_stranger, &trust()).unwrap_err();
    assert!(matches!(error, RevocationListError::Envelope(OpenError::UnknownSigner { .. })), "{error}");
}

#[test]
fn a_root_does_not_revoke_itself_alone_and_once_revoked_revokes_nobody() {
    let suicide = list(1).with(revoke(1)).sign(&key(1)).unwrap();
    let mut store = trust();
    let error = store.take_revocations(&suicide).unwrap_err();
    assert_eq!(error, TakeListError::List(RevocationListError::SignerRevoked));
    assert_eq!(store, trust());
    // With the other root beside it, or by the other root, it is.
    assert!(RevocationList::open(&suicide.countersign(&key(2)).unwrap(), &store).is_ok());
    assert_eq!(store.take_revocations(&list(1).with(revoke(1)).sign(&key(2)).unwrap()), Ok(true));

    let by_revoked = list(2).with(revoke(1)).with(revoke(3)).sign(&key(1)).unwrap();
    let error = store.take_revocations(&by_revoked).unwrap_err();
    let revoked =
        matches!(error, TakeListError::List(RevocationListError::Envelope(OpenError::Revoked { .. })));
    assert!(revoked, "{error}");
}

#[test]
fn lists_follow_each_other_and_forget_nothing() {
    let mut store = trust();
    let first = list(3).with(revoke(3)).sign(&key(1)).unwrap();
    assert_eq!(store.take_revocations(&first), Ok(true));
    assert_eq!(store.take_revocations(&first), Ok(false));
    // The same list under another root's signature is the same list.
    assert_eq!(store.take_revocations(&list(3).with(revoke(3)).sign(&key(2)).unwrap()), Ok(false));

    let mut refuse = |list: RevocationList| store.take_revocations(&list.sign(&key(1)).unwrap()).unwrap_err();
    assert_eq!(refuse(list(2).with(revoke(3))), TakeListError::Older { found: 2, taken: 3 });
    assert_eq!(refuse(list(3).with(revoke(2))), TakeListError::Conflict { sequence: 3 });
    let key_id = *key(3).key_id();
    assert_eq!(refuse(list(4).with(revoke(2))), TakeListError::Forgets { found: 4, taken: 3, key_id });

    let next = store.revocations().unwrap().next(SystemTime::UNIX_EPOCH).with(revoke(2));
    assert_eq!(store.take_revocations(&next.sign(&key(1)).unwrap()), Ok(true));
    assert!(store.revoked(key(2).key_id()).is_some() && store.revoked(key(1).key_id()).is_none());
}

#[test]
fn trust_files_carry_the_list_and_stand_by_it() {
    let mut store = trust();
    store.take_revocations(&list(1).with(revoke(3)).sign(&key(1)).unwrap()).unwrap();
    assert_eq!(TrustStore::parse(&store.to_json()).unwrap(), store);

    let file = String::from_utf8(store.to_json()).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&file).unwrap();
    let keys = json["keys"].as_array_mut().unwrap();
    keys.retain(|key| key["kind"] != "root-signing");
    let error = TrustStore::parse(json.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, crate::trust::ParseTrustError::Revocations(_)), "{error}");
}

#[test]
fn foreign_lists_are_refused_each_with_its_reason() {
    let one = |revoked: &str| {
        format!(r#"{{"version":1,"sequence":1,"issued":"2026-03-01T12:00:00Z","revoked":[{revoked}]}}"#)
    };
    let of =
        |rest: &str| one(&format!(r#"{{"key_id":"{}","reason":"key-compromise"{rest}}}"#, key(3).key_id()));
    let opened = {
        let envelope = Envelope::sign(PAYLOAD_TYPE, of("").as_bytes(), &key(1)).unwrap();
        RevocationList::open(&envelope, &trust())
    };
    assert!(opened.is_ok(), "{opened:?}");

    let json =
        |error: &RevocationListError| matches!(error, RevocationListError::Payload(PayloadError::Json(_)));
    let shape = |error: &RevocationListError| {
        matches!(error, RevocationListError::Payload(PayloadError::Shape { .. }))
    };
    let invalid = |error: &RevocationListError| matches!(error, RevocationListError::Invalid { .. });
    type Judge<'j> = &'j dyn Fn(&RevocationListError) -> bool;
    let window = |window: &str| of(&format!(r#","windows":[{window}]"#));
    let rows: &[(String, Judge<'_>)] = &[
        ("{".to_owned(), &json),
        (one("").replace("\"version\":1", "\"version\":1,\"version\":1"), &json),
        (of(r#","reason":"superseded""#), &json),
        (one("").replace("\"sequence\":1", "\"sequence\":1.5"), &json),
        (one("").replace("\"sequence\":1", "\"sequence\":9007199254740993"), &json),
        (window(r#"{"log":"a","from":1e3}"#), &json),
        (format!("{}{}", one(""), " ".repeat(MAX_LIST)), &json),
        (one("").replace("\"version\":1,", ""), &shape),
        (r#"[1,1,"2026-03-01T12:00:00Z",[]]"#.to_owned(), &shape),
        (of(r#","more":1"#), &shape),
        (of("").replace("key-compromise", "dislike"), &shape),
        (one("").replace("12:00:00Z", "12:00:00+01:00"), &shape),
        (window(r#"{"log":"a","from":-1}"#), &shape),
        (window(r#"{"log":"a"}"#), &shape),
        (one("").replace("\"sequence\":1", "\"sequence\":0"), &invalid),
        (one(&format!("{0},{0}", of("").split_once('[').unwrap().1.trim_end_matches("]}"))), &invalid),
        (window(r#"{"log":"a","from":5,"to":5}"#), &invalid),
        (window(r#"{"log":"b","from":5},{"log":"a","from":5}"#), &invalid),
        (window(r#"{"log":"a","from":5},{"log":"a","from":6}"#), &invalid),
        (window(r#"{"log":"","from":5}"#), &invalid),
        (of(r#","incident":"""#), &invalid),
        (of(&format!(r#","superseded_by":"{}""#, key(3).key_id())), &invalid),
    ];
    for (text, judge) in rows {
        let error = foreign(text);
        assert!(judge(&error), "{}: {error:?}", text.chars().take(300).collect::<String>());
    }
    // A later version is told as such, whatever else is in it.
    let later = foreign(r#"{"version":2,"sequence":1,"keys":{}}"#);
    assert_eq!(later, RevocationListError::Version { found: 2 });
}

#[test]
fn what_would_be_refused_is_not_signed() {
    let empty_window = list(1).with(revoke(3).with_window(Window::from("log", 5).until(5)));
    assert!(matches!(empty_window.sign(&key(1)), Err(SignListError::Invalid { .. })));
    assert!(matches!(list(0).sign(&key(1)), Err(SignListError::Invalid { .. })));
    let far = list(1).with(revoke(3).with_window(Window::from("log", u64::MAX)));
    assert!(matches!(far.sign(&key(1)), Err(SignListError::Canonical(_))));
}

#[test]
fn reasons_round_trip() {
    for reason in Reason::ALL {
        assert_eq!(reason.as_str().parse(), Ok(reason));
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{reason}\""));
    }
    assert!("dislike".parse::<Reason>().is_err());
}

proptest::proptest! {
    #[test]
    fn no_payload_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let envelope = Envelope::sign(PAYLOAD_TYPE, &bytes, &key(1)).unwrap();
        proptest::prop_assert!(RevocationList::open(&envelope, &trust()).is_err());
    }
}
