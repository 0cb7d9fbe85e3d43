use std::time::Duration;

use super::*;
use crate::envelope::{Envelope, OpenError, PayloadError};
use crate::key::{Ed25519Key, Signer};
use crate::trust::{ParseTrustError, TakeRegistryError, TrustStore};

const DAY: Duration = Duration::from_secs(86_400);

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

fn day(days: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400) + DAY * days
}

fn trusted(seed: u8, kind: KeyKind) -> TrustedKey {
    TrustedKey::new(format!("key {seed}"), kind, key(seed).public_key().clone())
}

/// Trusts the root keys 1 and 2 (and 3, as no root).
fn roots() -> TrustStore {
    let mut store = TrustStore::new();
    for (seed, kind) in [(1, KeyKind::RootSigning), (2, KeyKind::RootSigning), (3, KeyKind::Operator)] {
        store.add(trusted(seed, kind)).unwrap();
    }
    store
}

/// Key 4 from day 1 to day 20, and a passphrase of two devices.
fn registry() -> KeyRegistry {
    let platform = RegisteredKey::new(&trusted(4, KeyKind::BuildPlatformSigning), day(1)).until(day(20));
    let secret = RegisteredKey::secret("luks-2026", "disks", KeyKind::LuksPassphrase, day(0))
        .held_by([Holder::Device("press-1".to_owned()), Holder::Device("press-2".to_owned())]);
    KeyRegistry::new(1, day(0), day(30)).with(platform).with(secret)
}

fn signed(registry: &KeyRegistry, seeds: &[u8]) -> Envelope {
    let keys: Vec<Ed25519Key> = seeds.iter().map(|seed| key(*seed)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    registry.sign(&signers).unwrap()
}

#[test]
fn keys_count_in_their_life_and_the_registry_in_its_own() {
    let mut store = roots();
    assert_eq!(store.take_registry(&signed(&registry(), &[1])), Ok(true));
    assert_eq!(store.take_registry(&signed(&registry(), &[2])), Ok(false), "the same content");
    let platform = key(4);
    let document = Envelope::sign("text/plain", b"x", &platform).unwrap();
    let opens = |store: &TrustStore| {
        let opened = document.open(store, "text/plain", &[KeyKind::BuildPlatformSigning]);
        (opened.is_ok(), store.get(platform.key_id()).is_some(), store.iter().count())
    };
    // Until somebody says for which time, none counts.
    assert_eq!(opens(&store), (false, false, 3));
    for (at, counts) in [(0, false), (1, true), (19, true), (20, false), (29, false)] {
        let then = store.clone().as_of(day(at)).unwrap();
        assert_eq!(opens(&then), (counts, counts, if counts { 4 } else { 3 }), "day {at}");
    }
    let expired = store.clone().as_of(day(30)).unwrap_err();
    assert_eq!((expired.sequence, expired.expired), (1, day(30)));
    let changes: Vec<_> = [0, 1, 20, 30].map(|at| store.changes_after(day(at))).into();
    assert_eq!(changes, [Some(day(1)), Some(day(20)), Some(day(30)), None]);

    // In a file it is the same, and a key of the file's own is no way around the registry's word.
    store.add(trusted(4, KeyKind::BuildPlatformSigning)).unwrap();
    let read = TrustStore::parse(&store.to_json()).unwrap();
    assert_eq!(read, store);
    assert_eq!(opens(&read.as_of(day(25)).unwrap()), (false, false, 3));
    // Root keys are not made by a registry.
    let root = registry().with(RegisteredKey::new(&trusted(5, KeyKind::RootSigning), day(0)));
    let mut store = roots();
    store.take_registry(&signed(&root, &[1])).unwrap();
    let store = store.as_of(day(2)).unwrap();
    assert!(store.get(key(5).key_id()).is_none() && store.get(key(1).key_id()).is_some());
}

#[test]
fn as_many_root_keys_as_were_asked_for_have_to_sign() {
    let unvouched = |error: Result<bool, TakeRegistryError>, needed, found| {
        let threshold = OpenError::Threshold { needed, found };
        assert_eq!(error, Err(TakeRegistryError::Registry(RegistryError::Envelope(threshold))));
    };
    let two = registry().with_threshold(2);
    assert!(matches!(two.sign(&[&key(1)]), Err(SignRegistryError::Invalid { .. })));
    // By its own word.
    let mut store = roots();
    unvouched(store.take_registry(&signed(&two, &[1, 3])), 2, 1);
    unvouched(store.take_registry(&signed(&two, &[1, 1])), 2, 1);
    assert_eq!(store.take_registry(&signed(&two, &[1, 2])), Ok(true));
    // By the word of the one before.
    let next = two.next(day(3), day(33)).with_threshold(1);
    unvouched(store.take_registry(&signed(&next, &[1])), 2, 1);
    assert_eq!(store.take_registry(&signed(&next, &[2, 1])), Ok(true));
    assert_eq!(store.take_registry(&signed(&next.next(day(4), day(34)), &[1])), Ok(true));
    // By the store's own.
    let mut store = roots().with_threshold(2);
    unvouched(store.take_registry(&signed(&registry(), &[1])), 2, 1);
    store.take_registry(&signed(&registry(), &[1, 2])).unwrap();
    let file = String::from_utf8(store.to_json()).unwrap();
    assert_eq!(TrustStore::parse(file.as_bytes()).unwrap(), store);
    let three = file.replace("\"threshold\": 2", "\"threshold\": 3");
    assert_ne!(three, file);
    assert!(matches!(TrustStore::parse(three.as_bytes()), Err(ParseTrustError::Registry(_))));
    // Nobody else does.
    let stranger = roots().take_registry(&signed(&registry(), &[3])).unwrap_err();
    let TakeRegistryError::Registry(RegistryError::Envelope(OpenError::KindNotAllowed { .. })) = stranger
    else {
        panic!("{stranger}");
    };
}

#[test]
fn registries_are_taken_only_forward() {
    let mut store = roots();
    let second = registry().next(day(2), day(32));
    store.take_registry(&signed(&second, &[1])).unwrap();
    let take = |store: &mut TrustStore, registry: &KeyRegistry| store.take_registry(&signed(registry, &[1]));
    assert_eq!(take(&mut store, &registry()), Err(TakeRegistryError::Older { found: 1, taken: 2 }));
    let other = KeyRegistry { expires: day(99), ..second.clone() };
    assert_eq!(take(&mut store, &other), Err(TakeRegistryError::Conflict { sequence: 2 }));
    let mut shorter = second.next(day(3), day(33));
    shorter.keys.retain(|key| key.public_key.is_none());
    let another =
        second.next(day(3), day(33)).with(RegisteredKey::new(&trusted(4, KeyKind::Operator), day(1)));
    for forgetful in [shorter, another] {
        let error = take(&mut store, &forgetful).unwrap_err();
        assert!(matches!(error, TakeRegistryError::Forgets { found: 3, taken: 2, .. }), "{error}");
    }
    // Its life and its holders may change.
    let longer = RegisteredKey::new(&trusted(4, KeyKind::BuildPlatformSigning), day(1)).until(day(99));
    take(&mut store, &second.next(day(3), day(33)).with(longer)).unwrap();
}

#[test]
fn a_key_touches_what_stands_under_it_and_who_holds_it() {
    let root = RegisteredKey::new(&trusted(1, KeyKind::RootSigning), day(0));
    let id = |seed: u8| key(seed).key_id().to_string();
    let platform = RegisteredKey::new(&trusted(4, KeyKind::BuildPlatformSigning), day(1))
        .under(id(1))
        .held_by([Holder::Service("builder".to_owned())]);
    let deploy = RegisteredKey::secret("deploy", "deploy", KeyKind::GitDeploy, day(0))
        .under(id(4))
        .held_by([Holder::Repository("recipes".to_owned())]);
    let successor = RegisteredKey::new(&trusted(5, KeyKind::BuildPlatformSigning), day(5))
        .replacing(id(4), Some("INC0010001"));
    let all = registry().with(root).with(platform).with(deploy).with(successor);
    let mut store = roots();
    store.take_registry(&signed(&all, &[1])).unwrap();
    let registry = store.registry().unwrap();
    let touched = |id: &str| {
        let touched = registry.touched_by(id).unwrap();
        let holders: Vec<String> = touched.holders.iter().map(ToString::to_string).collect();
        (touched.keys.len(), holders)
    };
    let both = ["service:builder", "repository:recipes"].map(String::from);
    assert_eq!(touched(&id(1)), (3, both.to_vec()));
    assert_eq!(touched("deploy"), (1, vec!["repository:recipes".to_owned()]));
    assert_eq!(touched("luks-2026"), (1, ["device:press-1", "device:press-2"].map(String::from).to_vec()));
    assert_eq!(registry.touched_by("nobody"), None);
    assert_eq!(registry.get(&id(5)).unwrap().incident.as_deref(), Some("INC0010001"));
    for text in ["device:a", "service:a:b", "repository:x/y", "person:QA"] {
        assert_eq!(text.parse::<Holder>().unwrap().to_string(), text);
    }
    for text in ["", "device", "device:", "cat:Tom"] {
        assert!(text.parse::<Holder>().is_err(), "{text}");
    }
}

#[test]
fn what_contradicts_itself_is_not_signed_and_not_believed() {
    let good = || RegisteredKey::new(&trusted(4, KeyKind::BuildPlatformSigning), day(1));
    let secret = |id: &str| RegisteredKey::secret(id, "x", KeyKind::Fernet, day(0));
    let with = |key: RegisteredKey| registry().with(key);
    let bad = [
        ("sequence", KeyRegistry { sequence: 0, ..registry() }),
        ("expires before", KeyRegistry { expires: day(0), ..registry() }),
        ("0 keys", registry().with_threshold(0)),
        ("not sorted", KeyRegistry { keys: registry().keys.into_iter().rev().collect(), ..registry() }),
        ("another public key", with(RegisteredKey { id: "x".to_owned(), ..good() })),
        ("no public key", with(RegisteredKey { public_key: None, ..good() })),
        ("of kind fernet", with(RegisteredKey { kind: KeyKind::Fernet, ..good() })),
        ("ends before", with(good().until(day(1)))),
        ("not listed", with(good().under("nobody"))),
        ("not listed", with(good().replacing("nobody", None))),
        ("replaces itself", with(secret("a").replacing("a", None))),
        ("no name", with(secret("a").held_by([Holder::Device("a\nb".to_owned())]))),
        ("no name", with(secret("a").replacing("luks-2026", Some("")))),
        ("under itself", with(secret("a").under("b")).with(secret("b").under("a"))),
    ];
    for (reason, registry) in bad {
        let told = registry.sign(&[&key(1)]).unwrap_err().to_string();
        assert!(told.contains(reason), "{reason}: {told}");
        // Nor where somebody signed it all the same.
        let payload = crate::canonical::to_vec_signed(&registry).unwrap();
        let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, &key(1)).unwrap();
        let error = KeyRegistry::open(&envelope, &roots(), 1).unwrap_err();
        assert!(matches!(error, RegistryError::Invalid { .. }), "{error}");
    }
    let sign = |payload: &[u8]| {
        let envelope = Envelope::sign(PAYLOAD_TYPE, payload, &key(1)).unwrap();
        KeyRegistry::open(&envelope, &roots(), 1).unwrap_err()
    };
    assert!(matches!(sign(b"{"), RegistryError::Payload(_)));
    assert!(matches!(sign(br#"{"version":1}"#), RegistryError::Payload(_)));
    let array = br#"[1,1,"2026-03-01T12:00:00Z","2027-03-01T12:00:00Z",1,[]]"#;
    assert!(matches!(sign(array), RegistryError::Payload(PayloadError::Shape { .. })));
    assert_eq!(sign(br#"{"version":2}"#), RegistryError::Version { found: 2 });
}
