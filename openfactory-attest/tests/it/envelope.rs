//! Envelopes: who may open what, what is refused, and what Python's securesystemslib says.

use std::fs;

use openfactory_attest::envelope::{OpenError, ParseEnvelopeError};
use openfactory_attest::{
    Ed25519Key, Envelope, KeyKind, PublicKey, Signer, TrustStore, TrustedKey, canonical,
};
use serde_json::{Value, json};

use crate::python;

const TYPE: &str = "application/vnd.test+json";

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

fn trust(keys: &[(u8, KeyKind)]) -> TrustStore {
    let mut store = TrustStore::new();
    for (seed, kind) in keys {
        store.add(TrustedKey::new(format!("key {seed}"), *kind, key(*seed).public_key().clone())).unwrap();
    }
    store
}

fn signed() -> Value {
    let envelope = Envelope::sign(TYPE, br#"{"a":1}"#, &key(1)).unwrap();
    serde_json::from_slice(&envelope.to_json()).unwrap()
}

fn parse(value: &Value) -> Result<Envelope, ParseEnvelopeError> {
    Envelope::parse(value.to_string().as_bytes())
}

#[test]
fn only_a_trusted_key_of_the_right_kind_opens() {
    let envelope = parse(&signed()).unwrap();
    let kinds = &[KeyKind::DeviceAttestation];
    let opened = envelope.open(&trust(&[(1, KeyKind::DeviceAttestation)]), TYPE, kinds).unwrap();
    assert_eq!((opened.get().as_slice(), opened.signer().name.as_str()), (&br#"{"a":1}"#[..], "key 1"));

    let open = |trust: &TrustStore| envelope.open(trust, TYPE, kinds).unwrap_err();
    assert!(matches!(open(&trust(&[])), OpenError::UnknownSigner { .. }));
    assert!(matches!(open(&trust(&[(2, KeyKind::DeviceAttestation)])), OpenError::UnknownSigner { .. }));
    let wrong_kind = open(&trust(&[(1, KeyKind::Integration), (2, KeyKind::DeviceAttestation)]));
    assert!(
        matches!(wrong_kind, OpenError::KindNotAllowed { kind: KeyKind::Integration, .. }),
        "{wrong_kind}"
    );
}

#[test]
fn payload_type_and_payload_are_both_under_the_signature() {
    let trust = trust(&[(1, KeyKind::Integration)]);
    let open = |value: &Value, payload_type: &str| {
        parse(value).unwrap().open(&trust, payload_type, &[KeyKind::Integration]).unwrap_err()
    };
    assert!(matches!(open(&signed(), "application/other"), OpenError::PayloadType { .. }));

    let mut swapped = signed();
    swapped["payloadType"] = json!("application/other");
    assert!(matches!(open(&swapped, "application/other"), OpenError::BadSignature { .. }));

    let payload = br#"{"a":1}"#;
    for bit in 0..payload.len() * 8 {
        let mut bytes = payload.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut flipped = signed();
        flipped["payload"] = json!(base64(&bytes));
        assert!(matches!(open(&flipped, TYPE), OpenError::BadSignature { .. }), "bit {bit}");
    }

    let mut unsigned = signed();
    unsigned["signatures"] = json!([]);
    assert_eq!(open(&unsigned, TYPE), OpenError::Unsigned);
}

fn base64(bytes: &[u8]) -> String {
    // A signature over these bytes would change nothing: only the encoding is of interest here.
    let envelope = Envelope::sign(TYPE, bytes, &key(9)).unwrap();
    let json: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    json["payload"].as_str().unwrap().to_owned()
}

#[test]
fn the_key_id_is_a_hint_and_no_more() {
    let trust = trust(&[(1, KeyKind::Integration), (2, KeyKind::Integration)]);
    let open = |value: &Value| parse(value).unwrap().open(&trust, TYPE, &[KeyKind::Integration]);
    for key_id in [json!(key(2).key_id().to_string()), json!("nonsense"), json!(""), Value::Null] {
        let mut other = signed();
        other["signatures"][0]["keyid"] = key_id.clone();
        assert_eq!(open(&other).unwrap().signer().name, "key 1", "{key_id}");
    }
    let mut none = signed();
    none["signatures"][0].as_object_mut().unwrap().remove("keyid");
    assert_eq!(open(&none).unwrap().signer().name, "key 1");
}

#[test]
fn keys_count_not_signatures() {
    let trust = trust(&[(1, KeyKind::Integration), (2, KeyKind::Integration), (3, KeyKind::SshHost)]);
    let one = Envelope::sign(TYPE, b"x", &key(1)).unwrap();
    let open = |envelope: &Envelope| envelope.open_by(2, &trust, TYPE, &[KeyKind::Integration]);
    let twice = one.clone().countersign(&key(1)).unwrap();
    assert_eq!(open(&twice).unwrap_err(), OpenError::Threshold { needed: 2, found: 1 });
    let wrong_kind = one.clone().countersign(&key(3)).unwrap();
    assert_eq!(open(&wrong_kind).unwrap_err(), OpenError::Threshold { needed: 2, found: 1 });
    let two = one.countersign(&key(2)).unwrap();
    assert_eq!(open(&two).unwrap().signers().count(), 2);
    // What an unknown key adds does no harm.
    let three = two.countersign(&key(9)).unwrap();
    assert_eq!(open(&three).unwrap().signers().count(), 2);
}

#[test]
fn what_is_no_envelope_is_refused_each_with_its_reason() {
    let text = signed().to_string();
    let twice = text.replacen('{', r#"{"payload":"","#, 1);
    assert!(matches!(
        Envelope::parse(twice.as_bytes()),
        Err(ParseEnvelopeError::Json(canonical::ParseError::DuplicateName { .. }))
    ));
    for (member, value) in [("payload", json!("*")), ("payload", json!("QQ=")), ("payload", json!("QR=="))] {
        let mut bad = signed();
        bad[member] = value.clone();
        assert!(matches!(parse(&bad), Err(ParseEnvelopeError::Base64 { .. })), "{value}");
    }
    for member in ["payload", "payloadType", "signatures"] {
        let mut less = signed();
        less.as_object_mut().unwrap().remove(member);
        assert!(matches!(parse(&less), Err(ParseEnvelopeError::Shape { .. })), "{member}");
    }
    let mut many = signed();
    many["signatures"] = Value::Array(vec![signed()["signatures"][0].clone(); 17]);
    assert_eq!(parse(&many), Err(ParseEnvelopeError::TooManySignatures { count: 17 }));
    assert!(serde_json::from_value::<Envelope>(many).is_err());

    let mut more = signed();
    more["more"] = json!({"new": 1.5});
    assert!(parse(&more).is_ok(), "unknown members are ignored");
}

#[test]
fn signed_json_is_read_strictly() {
    let trust = trust(&[(1, KeyKind::Integration)]);
    for payload in [&br#"{"a":1,"a":2}"#[..], b"", b"[", br#"{"a":9007199254740993}"#] {
        let envelope = Envelope::sign(TYPE, payload, &key(1)).unwrap();
        let opened = envelope.open(&trust, TYPE, &[KeyKind::Integration]).unwrap();
        assert!(opened.parse_json::<Value>().is_err(), "{}", String::from_utf8_lossy(payload));
    }
}

#[test]
fn securesystemslib_verifies_our_envelopes_and_we_theirs() {
    let test = "securesystemslib_verifies_our_envelopes_and_we_theirs";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let modules = &["securesystemslib", "cryptography"];
    let script = python::script("dsse.py");
    let python = |arguments: &[&str]| python::run(test, modules, &script, arguments);

    let ours = key(1);
    let key_id = ours.key_id().to_string();
    let payload = "{\"text\":\"\u{2014} \u{1f980}\"}".as_bytes();
    let envelope = Envelope::sign("application/vnd.in-toto+json", payload, &ours).unwrap();
    fs::write(path("ours.json"), envelope.to_json()).unwrap();
    fs::write(path("ours.pub"), ours.public_key().to_pem()).unwrap();
    let verify = ["verify", &path("ours.json"), &path("ours.pub"), &key_id, &path("payload")];
    let Some(output) = python(&verify) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(path("payload")).unwrap(), payload);

    // It also sees when one is wrong, so that its approval means something.
    let text = String::from_utf8(envelope.to_json()).unwrap();
    fs::write(path("ours.json"), text.replace("in-toto", "in-tot0")).unwrap();
    assert!(!python(&verify).unwrap().status.success());

    let theirs = key(2);
    fs::write(path("theirs"), theirs.to_pem().unwrap().as_bytes()).unwrap();
    fs::write(path("message"), payload).unwrap();
    let output = python(&["sign", &path("message"), TYPE, &path("theirs"), &path("theirs.json")]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let envelope = Envelope::parse(&fs::read(path("theirs.json")).unwrap()).unwrap();
    let opened = envelope.open(&trust(&[(2, KeyKind::Integration)]), TYPE, &[KeyKind::Integration]).unwrap();
    assert_eq!(opened.get(), payload);
    assert_eq!(opened.signer().public_key, PublicKey::from_pem(&theirs.public_key().to_pem()).unwrap());
}
