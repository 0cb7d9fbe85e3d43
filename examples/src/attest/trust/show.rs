//! `attest trust show`.

use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::key::KeyId;
use openfactory_attest::trust::registry::RegisteredKey;
use openfactory_attest::trust::revocation::RevokedKey;
use openfactory_attest::{TrustStore, TrustedKey};
use serde_json::{Value, json};

use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

pub(super) fn show(file: &Path, key_id: Option<&KeyId>, as_json: bool) -> Result<Verdict, CliError> {
    let kept = input::trust_file(file)?;
    // What has expired is shown too, with nothing that counts by it.
    let (store, expired) = match kept.clone().as_of(SystemTime::now()) {
        Ok(store) => (store, false),
        Err(_expired) => (kept, true),
    };
    let registered: Vec<&RegisteredKey> = store
        .registry()
        .into_iter()
        .flat_map(|registry| &registry.keys)
        .filter(|key| key_id.is_none_or(|wanted| wanted.to_string() == key.id))
        .collect();
    let keys: Vec<&TrustedKey> =
        store.iter().filter(|key| key_id.is_none_or(|wanted| wanted == key.key_id())).collect();
    // Keys may be revoked that this store never trusted.
    let strangers: Vec<&RevokedKey> = store
        .revocations()
        .into_iter()
        .flat_map(|list| &list.revoked)
        .filter(|key| store.get(&key.key_id).is_none() && key_id.is_none_or(|wanted| *wanted == key.key_id))
        .collect();
    if let Some(key_id) = key_id.filter(|_| keys.is_empty() && strangers.is_empty() && registered.is_empty())
    {
        return Err(CliError::new(format!("the trust store does not know the key {key_id}")));
    }
    if as_json {
        output::write_json(&json!({
            "keys": keys.iter().map(|key| told(key, &store)).collect::<Vec<_>>(),
            "revoked_strangers": strangers,
            "revocation_list": store.revocations().map(|list| list.sequence),
            "registry": store.registry().map(|registry| json!({
                "sequence": registry.sequence,
                "expires": time(registry.expires),
                "expired": expired,
                "threshold": registry.threshold,
                "keys": registered,
            })),
        }))?;
    } else {
        let lines = keys.iter().map(|key| {
            let state = store.revoked(key.key_id()).map(|revoked| format!("  {}", words(revoked)));
            format!("{} {} {}{}\n", key.key_id(), key.kind, key.name, state.unwrap_or_default())
        });
        let head = store.registry().map(|registry| {
            let word = if expired { "expired" } else { "expires" };
            format!("registry {}, {word} {}\n", registry.sequence, time(registry.expires))
        });
        let registered = registered.iter().map(|key| {
            let counts = key.public_key.as_ref().is_some_and(|public| store.get(public.key_id()).is_some());
            let word = if counts { "" } else { "  (counts for no signature now)" };
            format!("registered {} {} {}{word}\n", key.id, key.kind, key.name)
        });
        let registered: Vec<String> = head.into_iter().chain(registered).collect();
        let strangers = strangers.iter().map(|key| format!("{} {}\n", key.key_id, words(key)));
        output::text(&lines.chain(strangers).chain(registered).collect::<String>())?;
    }
    Ok(Verdict::Good)
}

fn told(key: &TrustedKey, store: &TrustStore) -> Value {
    json!({
        "key_id": key.key_id(),
        "kind": key.kind,
        "name": key.name,
        "revoked": store.revoked(key.key_id()),
    })
}

fn words(revoked: &RevokedKey) -> String {
    let mut text = format!("revoked ({})", revoked.reason);
    if let Some(incident) = &revoked.incident {
        text.push_str(&format!(", {incident}"));
    }
    for (word, at) in [("at", revoked.revoked_at), ("invalid since", revoked.invalid_since)] {
        if let Some(at) = at {
            text.push_str(&format!(", {word} {}", time(at)));
        }
    }
    for window in &revoked.windows {
        text.push_str(&format!(", {window}"));
    }
    if let Some(key_id) = &revoked.superseded_by {
        text.push_str(&format!(", superseded by {key_id}"));
    }
    text
}

fn time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}
