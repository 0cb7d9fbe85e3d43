//! Events as they come in.

use std::time::{Duration, SystemTime};

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{Ed25519Key, KeyId, Signer as _};
use openfactory_attest::manifest::Difference;
use openfactory_attest::recipe::BuildRecipe;
use openfactory_attest::report::DeviceReport;
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::event::build::{
    BuildCompleted, BuildRequested, BuildVerified, ChainLink, EvidenceFile, Image, LinkStatus,
};
use openfactory_sn::lifecycle::event::command::{CommandHandled, CommandIssued, CommandOutcome};
use openfactory_sn::lifecycle::event::device::{Deployment, DeviceDeployed, DeviceReported};
use openfactory_sn::lifecycle::event::lockdown::LockdownChanged;
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, CommandId, DeviceId, EventId, FleetId};
use serde_json::json;

pub(super) fn instant(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
}

/// The key that signs the samples' documents.
pub(super) fn old_key() -> KeyId {
    *Ed25519Key::from_seed(&[7; 32]).key_id()
}

pub(super) fn build_id() -> BuildId {
    BuildId::new("b-1").unwrap()
}

pub(super) fn device_id() -> DeviceId {
    DeviceId::new("edge-1").unwrap()
}

pub(super) fn fleet() -> FleetId {
    FleetId::new("line-7").unwrap()
}

pub(super) fn change_request() -> SysId {
    SysId::derived("change_request", &correlation::change(&build_id()))
}

pub(super) fn digest(of: &str) -> Sha256Digest {
    Sha256Digest::of(of.as_bytes())
}

/// An envelope that is the same in every run.
pub(super) fn envelope(payload: &str) -> Envelope {
    let key = Ed25519Key::from_seed(&[7; 32]);
    Envelope::sign("application/vnd.in-toto+json", payload.as_bytes(), &key).unwrap()
}

pub(super) fn recipe(json: &serde_json::Value) -> BuildRecipe {
    BuildRecipe::parse(json.to_string().as_bytes()).unwrap()
}

pub(super) fn event(id: &str, seconds: u64, body: EventBody) -> Event {
    Event::new(EventId::new(id).unwrap(), "/platform", instant(seconds), body)
}

pub(super) fn requested() -> Event {
    let recipe = recipe(&json!({
        "name": "press", "baseImage": "debian-trixie", "features": ["ssh", "docker", "security-hardening"],
        "security": {"hardeningLevel": "strict"}, "x-new": {"kept": true},
    }));
    let body = BuildRequested::new(
        build_id(),
        fleet(),
        "13.1",
        "ada@plant.example",
        "A hardened image for the presses of line 7, with ssh and docker.",
        recipe,
        envelope("intent"),
    );
    event("requested-1", 0, EventBody::BuildRequested(Box::new(body)))
}

pub(super) fn completed() -> Event {
    let image = Image::new("b-1.squashfs", 4096, digest("image"));
    let body = BuildCompleted::new(build_id(), image, digest("root"), digest("log"), 42);
    event("completed-1", 100, EventBody::BuildCompleted(Box::new(body)))
}

pub(super) fn verification(links: &[(&str, LinkStatus, &str)]) -> BuildVerified {
    let document = envelope("document");
    let chain = links.iter().map(|(name, status, reason)| ChainLink::new(*name, *status, *reason)).collect();
    let document_digest = document.payload_digest();
    BuildVerified::new(build_id(), document, document_digest, digest("manifest"), digest("root"), chain)
}

pub(super) fn verified() -> Event {
    let mut body = verification(&[
        ("signature", LinkStatus::Proved, ""),
        ("recipe", LinkStatus::Proved, ""),
        ("sbom", LinkStatus::NotChecked, "no SBOM was given"),
    ]);
    body.evidence.push(EvidenceFile::new("chain.txt", "text/plain", b"signature: proved\n".to_vec()));
    event("verified-1", 110, EventBody::BuildVerified(Box::new(body)))
}

pub(super) fn deployment() -> DeviceDeployed {
    let mut body = DeviceDeployed::new(Deployment {
        device: device_id(),
        serial: "SN-0001".to_owned(),
        fleet: fleet(),
        build_id: build_id(),
        base_image: "debian-trixie".to_owned(),
        base_version: "13.1".to_owned(),
        os_version: "13.1-b-1".to_owned(),
        distribution: "Debian".to_owned(),
        recipe_hash: digest("recipe"),
        root_hash: digest("root"),
        document_digest: envelope("document").payload_digest(),
    });
    body.features = vec!["ssh".to_owned(), "docker".to_owned()];
    body.security_level = "strict".to_owned();
    body
}

pub(super) fn deployed() -> Event {
    event("deployed-1", 200, EventBody::DeviceDeployed(Box::new(deployment())))
}

pub(super) fn difference(path: &str) -> Difference {
    serde_json::from_value(json!({
        "path": path, "kind": "content", "expected": "a", "found": "b", "executable": false,
    }))
    .unwrap()
}

/// A device's report at an instant, with these paths changed.
pub(super) fn report(seconds: u64, paths: &[&str]) -> DeviceReport {
    DeviceReport::new("edge-1", "b-1", instant(seconds), digest("manifest"), 1234)
        .with_findings(paths.iter().map(|path| difference(path)).collect())
}

pub(super) fn reported(report: DeviceReport) -> Event {
    let id = format!("report-{}", report.time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis());
    let time = report.time;
    let body = EventBody::DeviceReported(Box::new(DeviceReported::new(report)));
    Event::new(EventId::new(id).unwrap(), "/agent/edge-1", time, body)
}

/// A command for the device. What it says is the device's business.
pub(super) fn command_issued() -> Event {
    let body = CommandIssued::new(device_id(), envelope("command"));
    event("issued-1", 500, EventBody::CommandIssued(Box::new(body)))
}

pub(super) fn command_handled(outcome: CommandOutcome) -> Event {
    let body = CommandHandled::new(device_id(), CommandId::new("c-1").unwrap(), outcome);
    event("handled-1", 510, EventBody::CommandHandled(Box::new(body)))
}

/// A device that was unlocked by an operator's command.
pub(super) fn unlocked() -> Event {
    let transition = serde_json::from_value(json!({
        "sequence": 2, "from": "locked", "to": "unlocked", "at": "2026-09-21T14:21:40Z", "row": "zone2.lockdown.unlocked",
        "cause": {"command": {
            "id": "c-1", "signer": "ada", "operator": "ada@plant.example",
            "justification": "the gateway is replaced", "change_request": "CHG0030001",
        }},
        "seal": digest("seal").to_string(),
    }));
    let mut body = LockdownChanged::new(device_id(), transition.unwrap());
    body.expires = Some(instant(900));
    let body = EventBody::LockdownChanged(Box::new(body));
    Event::new(EventId::new("lockdown-2").unwrap(), "/agent/edge-1", instant(500), body)
}

pub(super) fn hint(id: &str, seconds: u64) -> Event {
    let body = RecordChanged::new("change_request", change_request());
    event(id, seconds, EventBody::RecordChanged(Box::new(body)))
}
