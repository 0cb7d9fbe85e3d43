use super::*;
use crate::webhook::{Encoding, ID, Part, SIGNATURE, SchemeError, TIMESTAMP, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
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
        let header = HeaderName::from_static(header);
        let refused = |refusal: Result<Verified<'_>, Refusal>| refusal.unwrap_err();
        let expected = Refusal::HeaderMissing { header: header.clone() };
        assert_eq!(refused(verifier.verify(&missing, BODY, at(AT))), expected);
        let mut doubled = good();
        let value = doubled[&header].clone();
        doubled.append(&header, value);
        assert_eq!(verifier.verify(&doubled, BODY, at(AT)).unwrap_err(), Refusal::HeaderRepeated { header });
    }
}

#[test]
fn malformed_headers() {
    let verifier = Verifier::new([secret(SECRET)]);
    for id in ["evt.1", "", "evt 1", &"x".repeat(257)] {
        let refusal = verifier.verify(&headers(id, "1767225600", EXPECTED), BODY, at(AT)).unwrap_err();
        assert_eq!(refusal, Refusal::HeaderMalformed { header: HeaderName::from_static(ID) }, "{id}");
    }
    for time in ["", "+1767225600", "-1", "1767225600.0", "soon", "9999999999999"] {
        let refusal = verifier.verify(&headers(IDENTITY, time, EXPECTED), BODY, at(AT)).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::HeaderMalformed { header: HeaderName::from_static(TIMESTAMP) },
            "{time}"
        );
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

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

/// `x-time` and `x-mac: sha256=<hex>`, over `v0:time:body`.
fn own() -> Scheme {
    let parts = [text("v0:"), Part::Timestamp, text(":"), Part::Body];
    Scheme::new(None, "X-Time", "x-mac", parts).unwrap().prefix("sha256=").encoding(Encoding::Hex)
}

/// The MAC of `v0:1767225600:{}`, as `openssl dgst -sha256 -hmac openfactory-test-secret-000001` has it.
const OWN: &str = "1bc891be6c85761457c3b959e8c8f266417f3faf873aa7b8445b601754140095";

/// `printf 'v0:1767225600:{}' | sha256sum`.
const DIGEST: &str = "1d2643bb1c358fb8c7234564b8f31b8c234cc80dba48adb1094af18aead0ccc3";

#[test]
fn headers_of_their_own() {
    let signed = own().sign(&secret(SECRET), "passed over", at(AT), b"{}").unwrap();
    assert_eq!((signed.len(), &signed["x-time"]), (2, &"1767225600".parse().unwrap()));
    assert_eq!(signed["x-mac"], format!("sha256={OWN}"));
    let verifier = Verifier::new([secret(OTHER), secret(SECRET)]).scheme(own());
    let verified = verifier.verify(&signed, b"{}", at(AT)).unwrap();
    assert_eq!((verified.id(), verified.secret(), verified.signed_at()), (DIGEST, 1, at(AT)));
    assert_eq!(verifier.verify(&signed, b"{ }", at(AT)).unwrap_err(), Refusal::Signature);
    assert!(matches!(verifier.verify(&signed, b"{}", at(AT + 301)), Err(Refusal::TooOld { .. })));
    let standard = sign(&secret(SECRET), "a", at(AT), b"{}").unwrap().to_map();
    let missing = Refusal::HeaderMissing { header: HeaderName::from_static("x-time") };
    assert_eq!(verifier.verify(&standard, b"{}", at(AT)).unwrap_err(), missing);
    let with = |mac: &str| {
        let mut headers = signed.clone();
        headers.insert("x-mac", mac.parse().unwrap());
        verifier.verify(&headers, b"{}", at(AT)).map(|verified| verified.id().to_owned())
    };
    let base64 = STANDARD.encode(hex::decode(OWN).unwrap());
    assert_eq!(
        with(&format!("sha256={base64}")),
        Err(Refusal::Signature),
        "this scheme writes hexadecimal digits"
    );
    assert_eq!(with(OWN), Err(Refusal::Signature), "without its prefix");
    let upper = format!("sha256=00 sha256={}", OWN.to_uppercase());
    assert_eq!(with(&upper), Ok(DIGEST.to_owned()), "another writing is the same webhook");
}

#[test]
fn a_webhook_without_an_id_is_taken_once_all_the_same() {
    use crate::webhook::MemoryReplays;

    let (verifier, taken) = (Verifier::new([secret(SECRET)]).scheme(own()), MemoryReplays::new(10));
    let signed = own().sign(&secret(SECRET), "", at(AT), b"{}").unwrap();
    assert!(verifier.verify_once(&signed, b"{}", at(AT), &taken).is_ok());
    let mut again = signed.clone();
    again.insert("x-mac", format!("sha256={}", OWN.to_uppercase()).parse().unwrap());
    assert_eq!(verifier.verify_once(&again, b"{}", at(AT), &taken).unwrap_err(), Refusal::Replayed);
    let later = own().sign(&secret(SECRET), "", at(AT + 1), b"{}").unwrap();
    assert!(verifier.verify_once(&later, b"{}", at(AT + 1), &taken).is_ok(), "signed anew");

    let rotating = Verifier::new([secret(OTHER), secret(SECRET)]).scheme(own());
    let mac = |with| {
        own().sign(&secret(with), "", at(AT + 2), b"{}").unwrap()["x-mac"].to_str().unwrap().to_owned()
    };
    let by_both = format!("{} {}", mac(OTHER), mac(SECRET));
    for (signatures, is_first) in [(by_both, true), (mac(SECRET), false), (mac(OTHER), false)] {
        let mut headers = later.clone();
        headers.insert("x-time", (AT + 2).to_string().parse().unwrap());
        headers.insert("x-mac", signatures.parse().unwrap());
        let outcome = rotating.verify_once(&headers, b"{}", at(AT + 2), &taken);
        assert_eq!(outcome.is_ok(), is_first, "{signatures}: one webhook, by whichever secret");
    }
}

#[test]
fn milliseconds_ids_and_where_they_end() {
    let parts = [Part::Id, text("|"), Part::Timestamp, text("\n"), Part::Body];
    let scheme = Scheme::new(Some("x-id"), "x-time", "x-mac", parts).unwrap().milliseconds();
    let now = at(AT) + Duration::from_millis(250);
    let signed = scheme.sign(&secret(SECRET), "evt.1", now, b"{}").unwrap();
    assert_eq!(signed["x-time"], "1767225600250");
    let verifier = Verifier::new([secret(SECRET)]).scheme(scheme.clone());
    let verified = verifier.verify(&signed, b"{}", at(AT)).unwrap();
    assert_eq!((verified.id(), verified.signed_at()), ("evt.1", now));
    assert!(verifier.verify(&signed, b"{}", at(AT + 300)).is_ok());
    assert!(verifier.verify(&signed, b"{}", at(AT + 301)).is_err());
    let refused = scheme.sign(&secret(SECRET), "evt|1", now, b"{}").unwrap_err();
    assert_eq!(refused, crate::webhook::SignError::Id);
    let mut renamed = signed.clone();
    renamed.insert("x-id", "evt.2".parse().unwrap());
    assert_eq!(verifier.verify(&renamed, b"{}", at(AT)).unwrap_err(), Refusal::Signature, "the id is signed");
    renamed.insert("x-id", "evt|1".parse().unwrap());
    let header = HeaderName::from_static("x-id");
    assert_eq!(verifier.verify(&renamed, b"{}", at(AT)).unwrap_err(), Refusal::HeaderMalformed { header });
}

#[test]
fn schemes_that_would_prove_nothing() {
    let scheme = |id: Option<&str>, parts: Vec<Part>| Scheme::new(id, "x-time", "x-mac", parts);
    let signed = |id, parts| matches!(scheme(id, parts), Err(SchemeError::Signed { .. }));
    assert!(signed(None, vec![Part::Body]), "no time: an old webhook would be new for ever");
    assert!(signed(None, vec![Part::Timestamp, Part::Body]), "1 and 7 would be 17 and nothing");
    assert!(signed(None, vec![Part::Timestamp, text("0"), Part::Body]));
    assert!(signed(None, vec![Part::Timestamp, text(""), Part::Body]));
    assert!(signed(None, vec![Part::Timestamp, text("."), Part::Body, text(".")]), "the body is no end");
    assert!(signed(None, vec![Part::Body, text("."), Part::Timestamp]));
    assert!(
        signed(None, vec![Part::Id, text("."), Part::Timestamp, text("."), Part::Body]),
        "no header has it"
    );
    assert!(signed(Some("x-id"), vec![Part::Timestamp, text("."), Part::Body]), "the id is not signed");
    assert!(signed(Some("x-id"), vec![Part::Id, text("-"), Part::Timestamp, text("."), Part::Body]));
    let good = || vec![Part::Timestamp, text("."), Part::Body];
    assert!(scheme(None, good()).is_ok());
    for (id, time, mac) in [(None, "x-a", "X-A"), (None, "x a", "x-b"), (Some("x-b"), "x-a", "x-b")] {
        let refused = Scheme::new(id, time, mac, good()).unwrap_err();
        assert!(matches!(refused, SchemeError::Header { .. }), "{refused}");
    }
}
