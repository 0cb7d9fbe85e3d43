//! Proof that an audit log held intent and document, and in which order.

use super::Logged;
use super::files::{Files, ReadBundleError};
use crate::audit::entry::MAX_ENTRY;
use crate::audit::{Proof, VerifierKey};
use crate::chain::{LinkStatus, broken, whole};
use crate::envelope::{Envelope, Verified};
use crate::key::KeyKind;
use crate::ledger::Held;
use crate::trust::{TrustStore, TrustedKey};

/// Bytes of a proof at most.
const MAX_PROOF: usize = 128 * 1024;

/// What the bundle's proof of one statement shows.
pub(super) enum Searched {
    /// A log held something; its key, which is trusted.
    Held(Box<(Held, TrustedKey)>),
    /// Nothing; why.
    Nothing(LinkStatus),
}

/// Reads a proof, and checks it by the keys of audit logs that are trusted: called as their log's origin, not revoked.
pub(super) fn search(files: &Files, trust: &TrustStore, what: Logged) -> Result<Searched, ReadBundleError> {
    let entry = files.read(what.entry(), MAX_ENTRY)?;
    let proof = files.read(what.proof(), MAX_PROOF)?;
    let (Some(entry), Some(proof)) = (entry, proof) else {
        let reason = format!("{} and {} are not both there", what.entry(), what.proof());
        return Ok(Searched::Nothing(LinkStatus::NotChecked { reason }));
    };
    let bad = |reason| Ok(Searched::Nothing(broken(reason)));
    let entry = match entry {
        Ok(entry) => entry,
        Err(reason) => return bad(format!("{}: {reason}", what.entry())),
    };
    let proof = match proof.and_then(|text| Proof::parse(&text).map_err(|error| error.to_string())) {
        Ok(proof) => proof,
        Err(reason) => return bad(format!("{}: {reason}", what.proof())),
    };
    let mut why = "no key of an audit log is trusted".to_owned();
    for key in trust.iter().filter(|key| key.kind == KeyKind::AuditLog) {
        if trust.revoked(key.key_id()).is_some() {
            continue;
        }
        let Ok(log) = VerifierKey::new(&key.name, key.public_key.clone()) else { continue };
        match Held::verify(&proof, &entry, &log) {
            Ok(held) => return Ok(Searched::Held(Box::new((held, key.clone())))),
            Err(error) => why = whole(&error),
        }
    }
    bad(why)
}

/// Whether what the log held is this statement, as one of its signers signed it.
pub(super) fn status<T>(
    searched: &Searched,
    envelope: &Envelope,
    opened: Option<&Verified<T>>,
) -> LinkStatus {
    let held = match searched {
        Searched::Held(held) => &held.0,
        Searched::Nothing(status) => return status.clone(),
    };
    let Some(opened) = opened else {
        return LinkStatus::NotChecked { reason: "what the log should have held is not believed".to_owned() };
    };
    if held.key_use().payload != envelope.payload_digest() {
        return broken("the log's entry is about another payload");
    }
    if !opened.signers().any(|signer| *signer.key_id() == held.key_use().key_id) {
        return broken("the log's entry is about the signature of another key");
    }
    LinkStatus::Proved
}

/// Whether the intent was there first.
pub(super) fn order(intent: &Searched, document: &Searched) -> LinkStatus {
    let (Searched::Held(intent), Searched::Held(document)) = (intent, document) else {
        return LinkStatus::NotChecked { reason: "not both are proved to have been in a log".to_owned() };
    };
    let (intent, document) = (&intent.0, &document.0);
    if intent.origin() != document.origin() {
        let reason = "they are in different logs, between which there is no order".to_owned();
        return LinkStatus::NotChecked { reason };
    }
    if intent.index() < document.index() {
        LinkStatus::Proved
    } else {
        let (intent, document) = (intent.index(), document.index());
        broken(format!("the log held the document at index {document}, the intent only at {intent}"))
    }
}
