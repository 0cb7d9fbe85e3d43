//! Whatever stands in a field, a key or a secret store: read, or refused; and what is read survives a round trip.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_sn::models::change_request::{ChangeRequest, State};
use openfactory_sn::models::incident::Incident;
use openfactory_sn::record::FromRow;
use openfactory_sn::secret::{FernetKeys, SecretStore};
use openfactory_sn::value::{Raw, format_date_time, parse_date_time, parse_journal};
use openfactory_sn::webhook::WebhookSecret;
use openfactory_sn::{CorrelationId, Fields, Number, Row, SysId};

fuzz_target!(|input: &[u8]| {
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(input) {
        let _ = Raw::of(&value).map(|raw| (raw.text().len(), raw.is_empty()));
        if let Ok(row) = Row::try_from(value) {
            let whole: Vec<_> = row.iter().map(|(name, _)| name.to_owned()).collect();
            for name in &whole {
                let _ = (row.raw(name), row.reference(name), row.text(name).len());
                let _ =
                    (row.read::<i64>(name), row.read::<bool>(name), row.read::<std::time::Duration>(name));
            }
            assert!(Fields::new().differing_from(&row).is_empty());
            let _ = (ChangeRequest::from_row(row.clone()), Incident::from_row(row));
        }
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(time) = parse_date_time(text) {
        assert_eq!(
            format_date_time(time).as_deref(),
            Some(text),
            "a date that reads otherwise than it is written"
        );
    }
    for entry in parse_journal(text) {
        assert!(entry.text.lines().all(|line| text.contains(line)), "a journal entry that nobody wrote");
    }
    if let Ok(key) = SysId::new(text) {
        assert_eq!(key.as_str(), text);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')));
    }
    if let Ok(id) = CorrelationId::new(text) {
        assert_eq!(SysId::derived("incident", &id).as_str().len(), 32);
    }
    let _ = (Number::new(text), State::from_raw(text), WebhookSecret::parse(text).is_ok());
    let keys = || FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").expect("a key");
    assert!(keys().decrypt(text).is_err(), "a guessed token");
    let _ = (
        FernetKeys::parse(text).is_ok(),
        FernetKeys::made_at(text),
        SecretStore::parse(text, keys()).is_ok(),
    );
});
