use super::*;
use crate::key::Ed25519Key;

const DOCUMENT: &str = "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.6\",\n  \"version\": 1,\n  \"metadata\": \
    {\"component\": {\"type\": \"firmware\", \"name\": \"é \\u20ac\", \"score\": 1.50}},\n  \"components\": []\n}\n";

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

fn signed() -> String {
    String::from_utf8(sign(DOCUMENT.as_bytes(), &key(1)).unwrap()).unwrap()
}

fn trust(seeds: &[u8], kind: KeyKind) -> TrustStore {
    let mut trust = TrustStore::new();
    for seed in seeds {
        trust.add(TrustedKey::new(format!("key {seed}"), kind, key(*seed).public_key().clone())).unwrap();
    }
    trust
}

fn verdict(document: &str) -> Result<KeyId, JsfError> {
    let trust = trust(&[2, 1], KeyKind::BuildPlatformSigning);
    verify(document.as_bytes(), &trust, &[KeyKind::BuildPlatformSigning]).map(|key| *key.key_id())
}

#[test]
fn the_text_stays_and_only_a_known_key_counts() {
    let text = signed();
    assert!(text.starts_with(DOCUMENT.trim_end().strip_suffix("\n}").unwrap()));
    assert_eq!(verdict(&text).unwrap(), *key(1).key_id());
    assert_eq!(signed(), text, "equal input, equal output");
    let others = trust(&[2], KeyKind::BuildPlatformSigning);
    let stranger = verify(text.as_bytes(), &others, &[KeyKind::BuildPlatformSigning]).unwrap_err();
    assert!(matches!(stranger, JsfError::Untrusted { key_id } if key_id == *key(1).key_id()));
    let of_devices = trust(&[1], KeyKind::DeviceAttestation);
    let device = verify(text.as_bytes(), &of_devices, &[KeyKind::BuildPlatformSigning]).unwrap_err();
    assert!(matches!(device, JsfError::Kind { kind: KeyKind::DeviceAttestation, .. }));
    // Written otherwise, it is the same document.
    let value: Value = serde_json::from_str(&text).unwrap();
    assert!(verdict(&value.to_string()).is_ok());
}

#[test]
fn no_byte_is_changed_unnoticed() {
    let text = signed();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let mut said_otherwise = 0;
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        let byte = bytes.get_mut(at).unwrap();
        *byte ^= 1;
        let same = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value == whole);
        let counts = String::from_utf8(bytes).is_ok_and(|changed| verdict(&changed).is_ok());
        assert_eq!(counts, same, "byte {at}");
        said_otherwise += usize::from(!same);
    }
    assert!(said_otherwise > 300, "{said_otherwise}");
}

#[test]
fn what_covers_less_or_is_of_another_kind_is_refused_by_name() {
    let with = |part: &str, value: Value| {
        let mut document: Value = serde_json::from_str(&signed()).unwrap();
        document[SIGNATURE][part] = value;
        verdict(&document.to_string()).unwrap_err().to_string()
    };
    for part in REFUSED {
        assert_eq!(with(part, json!(["components"])), format!("signature.{part}: not supported"));
    }
    assert_eq!(with("algorithm", json!("ES256")), "signature.algorithm: \"ES256\", and not Ed25519");
    assert_eq!(with(VALUE, json!(7)), "signature.value: missing or no text");
    assert!(with(VALUE, json!("=")).starts_with("signature.value: no base64url"));
    assert_eq!(with("publicKey", json!({"kty": "EC"})), "signature.publicKey: no Ed25519 key");
    let short = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"});
    assert_eq!(with("publicKey", short), "signature.publicKey: x is not 32 bytes");
    assert_eq!(with("keyId", json!("another")), "the signature does not match the document");
}

#[test]
fn what_cannot_be_signed_is_told() {
    let refused = |document: &str| sign(document.as_bytes(), &key(1)).unwrap_err();
    assert!(matches!(refused("{"), JsfError::Json(_)));
    assert!(matches!(refused("[]"), JsfError::NotCycloneDx));
    assert!(matches!(refused(r#"{"spdxVersion": "SPDX-2.3"}"#), JsfError::NotCycloneDx));
    assert!(matches!(refused(&signed()), JsfError::Signed));
    assert!(matches!(refused(r#"{"bomFormat": "CycloneDX", "a": 1, "a": 2}"#), JsfError::Json(_)));
    assert!(matches!(verdict(DOCUMENT).unwrap_err(), JsfError::Unsigned));
}
