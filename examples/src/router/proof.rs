//! What an event carries inside is believed no more than the event: signed statements in it are opened with the
//! same trust, and must say what the event says of them.

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_sn::lifecycle::event::build::BuildRequested;
use openfactory_sn::lifecycle::event::command::CommandIssued;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, CommandId};
use openfactory_zone2::command::{Command, Target};

use crate::told::told;

/// Opens the signed statement inside an event, if there is one, and tells who signed it.
///
/// # Errors
/// Why it is not believed, or what it says otherwise, for a person.
pub(super) fn check(event: &Event, trust: &TrustStore) -> Result<Option<TrustedKey>, String> {
    match &event.body {
        EventBody::BuildRequested(body) => intent(body, trust).map(Some),
        EventBody::BuildVerified(body) => {
            let said = Said {
                build: &body.build_id,
                manifest: &body.manifest_digest,
                root_hash: &body.root_hash,
                digest: &body.document_digest,
            };
            document(&body.document, &said, trust).map(Some)
        }
        EventBody::ArtifactResigned(body) => {
            let said = Said {
                build: &body.build_id,
                manifest: &body.manifest_digest,
                root_hash: &body.root_hash,
                digest: &body.document_digest,
            };
            document(&body.document, &said, trust).map(Some)
        }
        EventBody::CommandIssued(body) => command(body, trust).map(|()| None),
        _ => Ok(None),
    }
}

/// The signed statement inside an event, opened or not.
pub(super) fn statement(event: &Event) -> Option<&Envelope> {
    match &event.body {
        EventBody::BuildRequested(body) => Some(&body.intent),
        EventBody::BuildVerified(body) => Some(&body.document),
        EventBody::ArtifactResigned(body) => Some(&body.document),
        _ => None,
    }
}

fn intent(body: &BuildRequested, trust: &TrustStore) -> Result<TrustedKey, String> {
    let opened = BuildIntent::open(&body.intent, trust)
        .map_err(|error| format!("the build intent is not believed: {}", told(&error)))?;
    let signer = opened.signer().clone();
    let intent = opened.into_inner();
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
    Ok(signer)
}

/// What an event says of the document inside it.
struct Said<'a> {
    build: &'a BuildId,
    manifest: &'a Sha256Digest,
    root_hash: &'a Sha256Digest,
    digest: &'a Sha256Digest,
}

fn document(envelope: &Envelope, said: &Said<'_>, trust: &TrustStore) -> Result<TrustedKey, String> {
    let opened = VerificationDocument::open(envelope, trust)
        .map_err(|error| format!("the verification document is not believed: {}", told(&error)))?;
    let signer = opened.signer().clone();
    let document = opened.into_inner();
    for (what, same) in [
        ("build", document.build_id == said.build.as_str()),
        ("file manifest", document.manifest.sha256 == *said.manifest),
        ("dm-verity root hash", document.verity.root_hash == *said.root_hash),
        ("digest", envelope.payload_digest() == *said.digest),
    ] {
        if !same {
            return Err(format!("the signed verification document has another {what}"));
        }
    }
    Ok(signer)
}

fn command(body: &CommandIssued, trust: &TrustStore) -> Result<(), String> {
    let command = Command::open(&body.command, trust)
        .map_err(|refusal| format!("the command is not believed ({}): {}", refusal.reason(), told(&refusal)))?
        .into_inner();
    if let Target::Device(device) = command.target()
        && device != body.device.as_str()
    {
        return Err(format!("the command is for the device {device:?}, not for {}", body.device));
    }
    CommandId::new(command.id()).map_err(|error| format!("the command's id can't be used: {error}"))?;
    Ok(())
}
