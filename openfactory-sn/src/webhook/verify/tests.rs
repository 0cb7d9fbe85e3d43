use super::*;
use crate::webhook::sign;

const SECRET: &str = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx";
const OTHER: &str = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAy";
const IDENTITY: &str = "evt_01J9Z0K3S5T7V9X1Y3Z5A7B9C1";
const BODY: &[u8] =
    br#"{"type":"change_request.approved","timestamp":"2026-01-01T00:00:00Z","data":{"number":"CHG0030001"}}"#;
const EXPECTED: &str = "v1,McNYYIk65MZuaLimu8A/7eGb57RtGVmvmQoRqlOs7eA=";
const AT: u64 = 1_767_225_600;

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::parse(text).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)]
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn good() -> HeaderMap {
    headers(IDENTITY, "1767225600", EXPECTED)
}

#[test]
fn the_known_vector_is_made_and_accepted() {
    let signed = sign(&secret(SECRET), IDENTITY, at(AT), BODY).unwrap();
    assert_eq!(signed.signature, EXPECTED);
    assert_eq!(signed.to_map(), good());
    let verified = Verifier::new([secret(SECRET)]).verify(&good(), BODY, at(AT)).unwrap();
    assert_eq!((verified.id(), verified.signed_at(), verified.secret()), (IDENTITY, at(AT), 0));
    assert_eq!(verified.body(), BODY);
}

#[test]
fn any_changed_byte_is_refused() {
    let verifier = Verifier::new([secret(SECRET)]);
    for place in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[place] ^= 1;
        assert_eq!(verifier.verify(&good(), &body, at(AT)).unwrap_err(), Refusal::Signature, "{place}");
    }
    let other_id = headers("evt_2", "1767225600", EXPECTED);
    assert_eq!(verifier.verify(&other_id, BODY, at(AT)).unwrap_err(), Refusal::Signature);
    let other_time = headers(IDENTITY, "1767225601", EXPECTED);
    assert_eq!(verifier.verify(&other_time, BODY, at(AT)).unwrap_err(), Refusal::Signature);
}

#[test]
fn both_edges_of_the_tolerance() {
    let verifier = Verifier::new([secret(SECRET)]);
    let verify = |now| verifier.verify(&good(), BODY, now).map(|_| ());
    assert_eq!(verify(at(AT + 300)), Ok(()));
    assert_eq!(verify(at(AT + 300) + Duration::from_millis(999)), Ok(()));
    assert_eq!(verify(at(AT + 301)), Err(Refusal::TooOld { age: Duration::from_secs(301) }));
    assert_eq!(verify(at(AT - 300)), Ok(()));
    assert_eq!(verify(at(AT - 301)), Err(Refusal::TooNew { ahead: Duration::from_secs(301) }));
    let strict = verifier.clone().tolerance(Duration::from_secs(10));
    assert!(strict.verify(&good(), BODY, at(AT + 10)).is_ok());
    assert!(strict.verify(&good(), BODY, at(AT + 11)).is_err());
}

#[test]
fn each_header_missing_or_doubled() {
    let verifier = Verifier::new([secret(SECRET)]);
    for header in [ID, TIMESTAMP, SIGNATURE] {
        let mut missing = good();
        missing.remove(header);
        assert_eq!(verifier.verify(&missing, BODY, at(AT)).unwrap_err(), Refusal::HeaderMissing { header });
        let mut doubled = good();
        let value = doubled[header].clone();
        doubled.append(header, value);
        assert_eq!(verifier.verify(&doubled, BODY, at(AT)).unwrap_err(), Refusal::HeaderRepeated { header });
    }
}

#[test]
fn malformed_headers() {
    let verifier = Verifier::new([secret(SECRET)]);
    for id in ["evt.1", "", "evt 1", &"x".repeat(257)] {
        let refusal = verifier.verify(&headers(id, "1767225600", EXPECTED), BODY, at(AT)).unwrap_err();
        assert_eq!(refusal, Refusal::HeaderMalformed { header: ID }, "{id}");
    }
    for time in ["", "+1767225600", "-1", "1767225600.0", "soon", "9999999999999"] {
        let refusal = verifier.verify(&headers(IDENTITY, time, EXPECTED), BODY, at(AT)).unwrap_err();
        assert_eq!(refusal, Refusal::HeaderMalformed { header: TIMESTAMP }, "{time}");
    }
    for signature in
        ["", "v1", "v1,", "v1,????", "v2,McNYYIk65MZuaLimu8A/7eGb57RtGVmvmQoRqlOs7eA=", "v1,AAAA"]
    {
        let refusal = verifier.verify(&headers(IDENTITY, "1767225600", signature), BODY, at(AT)).unwrap_err();
        assert_eq!(refusal, Refusal::Signature, "{signature}");
    }
}

#[test]
fn while_a_secret_is_replaced() {
    let both = Verifier::new([secret(OTHER), secret(SECRET)]);
    assert_eq!(both.verify(&good(), BODY, at(AT)).unwrap().secret(), 1);
    let new = sign(&secret(OTHER), IDENTITY, at(AT), BODY).unwrap().signature;
    let signed_twice = headers(IDENTITY, "1767225600", &format!("v1a,ed25519 {EXPECTED} {new}"));
    assert_eq!(both.verify(&signed_twice, BODY, at(AT)).unwrap().secret(), 0);
    assert_eq!(Verifier::new([secret(SECRET)]).verify(&signed_twice, BODY, at(AT)).unwrap().secret(), 0);
    assert_eq!(Verifier::new([secret(OTHER)]).verify(&good(), BODY, at(AT)).unwrap_err(), Refusal::Signature);
    assert_eq!(Verifier::new([]).verify(&good(), BODY, at(AT)).unwrap_err(), Refusal::Signature);
}

#[test]
fn the_body_has_a_limit() {
    let verifier = Verifier::new([secret(SECRET)]);
    let largest = vec![b' '; BODY_MAX];
    let signed = sign(&secret(SECRET), "a", at(AT), &largest).unwrap().to_map();
    assert!(verifier.verify(&signed, &largest, at(AT)).is_ok());
    let larger = vec![b' '; BODY_MAX + 1];
    let signed = sign(&secret(SECRET), "a", at(AT), &larger).unwrap().to_map();
    let refusal = verifier.verify(&signed, &larger, at(AT)).unwrap_err();
    assert_eq!(refusal, Refusal::BodyTooLarge { bytes: BODY_MAX + 1 });
}

#[test]
fn what_cannot_be_signed() {
    use crate::webhook::SignError;

    assert_eq!(sign(&secret(SECRET), "a.b", at(AT), b"").unwrap_err(), SignError::Id);
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(sign(&secret(SECRET), "a", before, b"").unwrap_err(), SignError::Time);
}

#[test]
fn a_mac_in_hexadecimal_is_taken_too() {
    let mac = STANDARD.decode(EXPECTED.trim_start_matches("v1,")).unwrap();
    let good = good();
    let verifier = Verifier::new([secret(SECRET)]);
    let verify = |headers: &HeaderMap| verifier.verify(headers, BODY, at(AT)).map(|_| ());
    let with = |signature: String| {
        let mut headers = good.clone();
        headers.insert(SIGNATURE, signature.parse().unwrap());
        headers
    };
    let hexadecimal = hex::encode(&mac);
    for text in [hexadecimal.clone(), hexadecimal.to_uppercase()] {
        assert!(verify(&with(format!("v1,{text}"))).is_ok(), "{text}");
    }
    let mut other = mac;
    other[0] ^= 1;
    assert_eq!(verify(&with(format!("v1,{}", hex::encode(other)))), Err(Refusal::Signature));
    assert_eq!(verify(&with(format!("v1,{}", &hexadecimal[..62]))), Err(Refusal::Signature));
}
