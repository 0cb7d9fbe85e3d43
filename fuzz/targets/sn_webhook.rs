//! Whatever is posted to a webhook receiver: refused with a reason; and what is signed is read or refused.
//!
//! Input: three lines for the headers (id, time, signature) and the body.
#![no_main]

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use openfactory_sn::webhook::{MemoryReplays, RecordChanged, Verifier, WebhookSecret, sign};

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (id, time, signature, body) = (line(), line(), line(), line());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx").expect("a secret");
    let verifier = Verifier::new([secret.clone()]);
    let mut headers = HeaderMap::new();
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    // Nobody guesses a MAC of 256 bits.
    let refusal = verifier.verify(&headers, body, now).expect_err("a guessed signature");
    assert!(!refusal.to_string().is_empty());

    let id = std::str::from_utf8(id).unwrap_or("evt_1");
    let Ok(signed) = sign(&secret, id, now, body) else { return };
    let signed = signed.to_map();
    let Ok(verified) = verifier.verify(&signed, body, now) else {
        assert!(body.len() > openfactory_sn::webhook::BODY_MAX, "our own signature is refused");
        return;
    };
    assert_eq!((verified.id(), verified.body()), (id, body));
    match verified.record_changed(&["change_request", "incident"]) {
        Ok(hint) => {
            assert!(["change_request", "incident"].contains(&hint.table.as_str()));
            let _ = (hint.command(), hint.text("state").len());
        }
        Err(reason) => assert!(!reason.to_string().is_empty()),
    }
    assert!(RecordChanged::parse(body, &[]).is_err(), "a table that nobody named");

    let replays = MemoryReplays::new(4);
    assert!(verifier.verify_once(&signed, body, now, &replays).is_ok());
    assert!(verifier.verify_once(&signed, body, now, &replays).is_err(), "a replay");
    let mut altered = body.to_vec();
    altered.push(b' ');
    assert!(verifier.verify(&signed, &altered, now).is_err(), "another body under the same signature");
});
