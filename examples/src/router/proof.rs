//! What an event carries inside is believed no more than the event: signed statements in it are opened with the
//! same trust, and must say what the event says of them.

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::trust::TrustStore;
use openfactory_sn::lifecycle::event::build::{BuildRequested, BuildVerified};
use openfactory_sn::lifecycle::event::{Event, EventBody};

use crate::told::told;

/// Opens the signed statements inside an event.
///
/// # Errors
/// Why one is not believed, or what it says otherwise, for a person.
pub(super) fn check(event: &Event, trust: &TrustStore) -> Result<(), String> {
    match &event.body {
        EventBody::BuildRequested(body) => intent(body, trust),
        EventBody::BuildVerified(body) => document(body, trust),
        _ => Ok(()),
    }
}

fn intent(body: &BuildRequested, trust: &TrustStore) -> Result<(), String> {
    let intent = BuildIntent::open(&body.intent, trust)
        .map_err(|error| format!("the build intent is not believed: {}", told(&error)))?
        .into_inner();
    for (what, same) in [
        ("recipe", intent.recipe_hash == body.recipe.recipe_hash()),
        ("request text", intent.request_digest == Sha256Digest::of(body.request_text.as_bytes())),
        ("requester", intent.requester == body.requester),
        ("base version", intent.base_version == body.base_version),
    ] {
        if !same {
            return Err(format!("the signed build intent is about another {what}"));
        }
    }
    Ok(())
}

fn document(body: &BuildVerified, trust: &TrustStore) -> Result<(), String> {
    let document = VerificationDocument::open(&body.document, trust)
        .map_err(|error| format!("the verification document is not believed: {}", told(&error)))?
        .into_inner();
    for (what, same) in [
        ("build", document.build_id == body.build_id.as_str()),
        ("file manifest", document.manifest.sha256 == body.manifest_digest),
        ("dm-verity root hash", *document.verity.root_hash.digest() == body.root_hash),
        ("digest", body.document.payload_digest() == body.document_digest),
    ] {
        if !same {
            return Err(format!("the signed verification document has another {what}"));
        }
    }
    Ok(())
}
