//! A key is compromised: contained, assessed, remedied, recovered from (guide, "Key Compromise Response").
//!
//! The vault acts before anything is recorded, once:
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Signer as _};
//! use openfactory_sn::lifecycle::event::key::{BlastRadius, Revocation};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::timestamp;
//! use openfactory_sn::lifecycle::workflow::compromise::{is_revoked_key, revoked_by_vault};
//!
//! let (stolen, successor) = (*Ed25519Key::generate()?.key_id(), *Ed25519Key::generate()?.key_id());
//! let now = timestamp::parse("2026-11-25T14:43:25.120Z")?;
//! # let body = EventBody::RevocationOrdered(serde_json::from_value(serde_json::json!({
//! #     "key": {"key_id": stolen, "kind": "build-platform-signing", "name": "build platform",
//! #         "window": {"log": "plant.example/audit", "from": 40}},
//! #     "detected_at": "2026-11-25T14:00:00Z", "reported_by": "Ada", "evidence": "a log-in that nobody made",
//! #     "incident": "compromise/1", "builds": [], "devices": [],
//! # }))?);
//! let ordered = Event::derived(&"e-1".parse()?, "revocation", now, body);
//! let revocation = Revocation::new(now, 60, successor, 1);
//! let commit = revoked_by_vault(&ordered, revocation.clone(), BlastRadius::new(), now).ok_or("not such an order")?;
//! assert_eq!(commit.inbox, is_revoked_key(&ordered));
//! assert!(matches!(&commit.outbox[0].body, EventBody::KeyRevoked(told) if told.revocation == revocation));
//!
//! // Of another event nothing is to be committed.
//! let other = commit.outbox[0].clone();
//! assert_eq!(revoked_by_vault(&other, revocation, BlastRadius::new(), now), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;
use std::time::SystemTime;

use openfactory_attest::compromise::Place;
use openfactory_attest::key::KeyKind;

use super::super::correlation;
use super::super::entity::compromise::{Compromise, CompromiseStage};
use super::super::entity::{Build, BuildStage, Entity, EntityKey, OrderRecord};
use super::super::event::key::{
    ArtifactResigned, AssessedBuild, BlastRadius, CompromiseReviewed, CompromisedKey, DeviceConverged,
    KeyCompromised, KeyRecovered, KeyRevoked, Revocation, RevocationOrdered,
};
use super::super::event::order::OrderGiven;
use super::super::event::{Event, EventBody};
use super::super::id::{BuildId, DeviceId, EventId, FleetId, OrderId};
use super::super::platform::{Action, Order};
use super::super::state::commit::Commit;
use super::order::critical;
use super::{Context, Step, Stop, deadline, refuse};

/// Phase 1: the vault is to revoke the key, and whatever runs a build signed by it is held.
pub(super) fn compromised(context: &Context<'_>, body: &KeyCompromised) -> Result<Step, Stop> {
    let key = &body.key;
    if key.kind != KeyKind::BuildPlatformSigning {
        return refuse(format!("the response to a compromised {} key is not automated", key.kind.as_str()));
    }
    if context.view.compromise(&key.key_id)?.is_some() {
        return Ok(context.step(format!("key {} is known to be compromised", key.key_id)));
    }
    let uses = context.view.signed_builds(&key.key_id)?;
    let incident = correlation::compromise(&key.key_id);
    let mut step = context.step(format!(
        "key {} is compromised: to be revoked; {} build(s), {} device(s) are held",
        key.key_id,
        uses.len(),
        uses.values().map(|used| used.devices.len()).sum::<usize>(),
    ));
    for (build, used) in uses {
        for device in &used.devices {
            let reason =
                format!("build {build} on device {device} is signed by the compromised key {}", key.key_id);
            let held = Held { key, build, fleet: &used.fleet, device, incident: incident.as_str() };
            give(context, &mut step, &held, "hold", vec![Action::Quarantine], reason);
        }
    }
    let devices: BTreeSet<DeviceId> = uses.values().flat_map(|used| used.devices.iter().cloned()).collect();
    let ordered = RevocationOrdered {
        key: key.clone(),
        detected_at: body.detected_at,
        reported_by: body.reported_by.clone(),
        evidence: body.evidence.clone(),
        incident: incident.clone(),
        builds: uses.keys().cloned().collect(),
        devices: devices.iter().cloned().collect(),
    };
    step.publish(context.derived("revocation", context.now, EventBody::RevocationOrdered(Box::new(ordered))));
    let compromise = Compromise {
        key: key.clone(),
        incident,
        detected_at: body.detected_at,
        stage: CompromiseStage::Containing,
        revocation: None,
        radius: BlastRadius::new(),
        resigned: BTreeSet::new(),
        devices,
        converged: BTreeSet::new(),
        review: None,
        recovering_since: None,
    };
    deadline::detected(&mut step, &compromise);
    step.write(EntityKey::Compromise(key.key_id), 0, Entity::Compromise(Box::new(compromise)));
    Ok(step)
}

/// The inbox id under which the end of a revocation is committed; if it is applied, the vault need not act again.
#[must_use]
pub fn is_revoked_key(ordered: &Event) -> EventId {
    EventId::derived(&ordered.identity(), "revoked")
}

/// What to commit when the vault has revoked the key of a `key.revocation_ordered` event: the event that tells of
/// it, with what the key touched. `None` if the event is another one.
#[must_use]
pub fn revoked_by_vault(
    ordered: &Event,
    revocation: Revocation,
    radius: BlastRadius,
    now: SystemTime,
) -> Option<Commit> {
    let EventBody::RevocationOrdered(body) = &ordered.body else { return None };
    let mut commit = Commit::new(is_revoked_key(ordered));
    let told = KeyRevoked { key: body.key.clone(), revocation, incident: body.incident.clone(), radius };
    let told = EventBody::KeyRevoked(Box::new(told));
    commit.outbox.push(Event::derived(&ordered.identity(), "revoked", now, told));
    Some(commit)
}

/// Phase 2: what the log proves to be from before the window is let go; the rest stays held, and its builds count no
/// more.
pub(super) fn revoked(context: &Context<'_>, body: &KeyRevoked) -> Result<Step, Stop> {
    let key = &body.key;
    let Some((version, known)) = context.view.compromise(&key.key_id)? else {
        return refuse(format!("nobody has said that key {} is compromised", key.key_id));
    };
    if known.stage != CompromiseStage::Containing {
        return Ok(context.step(format!("key {} was revoked before", key.key_id)));
    }
    let mut compromise = known.clone();
    let mut step = context.step(format!(
        "key {} is revoked; {} of {} build(s) signed by it are not proved to be from before the window",
        key.key_id,
        body.affected(),
        body.radius.len(),
    ));
    for (build, assessed) in &body.radius {
        let Some((build_version, kept)) = context.view.build(build)? else {
            return refuse(format!("build {build} in the blast radius is not known"));
        };
        assessed_build(context, &mut step, &mut compromise, (build, assessed, kept))?;
        if assessed.place.is_affected() {
            let kept = Build { stage: BuildStage::Rejected, ..kept.clone() };
            step.write(EntityKey::Build(build.clone()), build_version, Entity::Build(kept));
        }
    }
    compromise.stage = CompromiseStage::Remediating;
    compromise.revocation = Some(body.revocation.clone());
    compromise.radius = body.radius.clone();
    deadline::went_on(context, &mut step, &mut compromise);
    conclude(context, &mut step, &mut compromise);
    step.write(EntityKey::Compromise(key.key_id), version, Entity::Compromise(Box::new(compromise)));
    Ok(step)
}

fn assessed_build(
    context: &Context<'_>,
    step: &mut Step,
    compromise: &mut Compromise,
    (build, assessed, kept): (&BuildId, &AssessedBuild, &Build),
) -> Result<(), Stop> {
    for device in &assessed.devices {
        let known = !compromise.devices.insert(device.clone());
        let held = Held {
            key: &compromise.key,
            build,
            fleet: &kept.fleet,
            device,
            incident: compromise.incident.as_str(),
        };
        match (assessed.place, known) {
            // One that has an incident of its own is let go when that is over.
            (Place::Before { .. }, true)
                if context.view.device(device)?.and_then(|(_, device)| critical(device)).is_some() => {}
            (Place::Before { index }, true) => {
                let reason = format!(
                    "the audit log held the document of build {build} at entry {index}, before the window opened"
                );
                give(context, step, &held, "let-go", vec![Action::Release], reason);
            }
            (place, false) if place.is_affected() => {
                let reason = format!("the document of build {build} on device {device} is {place}");
                give(context, step, &held, "hold", vec![Action::Quarantine], reason);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Phase 3: a build is signed again for the very same digests; its devices are to take the new document.
pub(super) fn resigned(context: &Context<'_>, body: &ArtifactResigned) -> Result<Step, Stop> {
    let id = &body.build_id;
    let Some((version, known)) = context.view.compromise(&body.key_id)? else {
        return refuse(format!("key {} is not known to be compromised", body.key_id));
    };
    let Some(assessed) = known.radius.get(id) else {
        return refuse(format!("build {id} was not signed by key {}, as far as is known", body.key_id));
    };
    if known.resigned.contains(id) {
        return Ok(context.step(format!("build {id} was signed again before")));
    }
    if assessed.place.is_affected() {
        return refuse(format!(
            "build {id} can't be signed again: the log holds no digest of it from before the window; build it anew"
        ));
    }
    let Some((build_version, build)) = context.view.build(id)? else {
        return refuse(format!("build {id} is not known"));
    };
    if build.document_digest != Some(body.replaces) {
        return refuse(format!("the document that is to be replaced is not that of build {id}"));
    }
    if build.root_hash != Some(body.root_hash) || build.manifest_digest != Some(body.manifest_digest) {
        return refuse(format!("the new document of build {id} is about another image"));
    }
    let Some(signer) = body.document.key_ids_unverified().next().filter(|signer| *signer != body.key_id)
    else {
        return refuse(format!("the new document of build {id} is not signed by another key"));
    };
    let mut step = context.step(format!("build {id} is signed again, by key {signer}"));
    for device in &assessed.devices {
        let held = Held {
            key: &known.key,
            build: id,
            fleet: &build.fleet,
            device,
            incident: known.incident.as_str(),
        };
        let push = Action::PushDocument { build: id.clone(), document_digest: body.document_digest };
        let reason = format!("the document of build {id} is signed anew by key {signer}");
        give(context, &mut step, &held, "push", vec![push], reason);
    }
    let build =
        Build { document_digest: Some(body.document_digest), signed_by: Some(signer), ..build.clone() };
    step.write(EntityKey::Build(id.clone()), build_version, Entity::Build(build));
    let mut compromise = known.clone();
    compromise.resigned.insert(id.clone());
    deadline::went_on(context, &mut step, &mut compromise);
    step.write(EntityKey::Compromise(body.key_id), version, Entity::Compromise(Box::new(compromise)));
    Ok(step)
}

/// Phase 4: a device has proved itself.
pub(super) fn converged(context: &Context<'_>, body: &DeviceConverged) -> Result<Step, Stop> {
    let Some((version, known)) = context.view.compromise(&body.key_id)? else {
        return refuse(format!("key {} is not known to be compromised", body.key_id));
    };
    let mut compromise = known.clone();
    compromise.converged.insert(body.device.clone());
    let mut step = context.step(format!(
        "device {} has converged: {} of {}",
        body.device,
        compromise.converged.len(),
        compromise.devices.len()
    ));
    conclude(context, &mut step, &mut compromise);
    step.write(EntityKey::Compromise(body.key_id), version, Entity::Compromise(Box::new(compromise)));
    Ok(step)
}

/// Phase 4: a person has looked back.
pub(super) fn reviewed(context: &Context<'_>, body: &CompromiseReviewed) -> Result<Step, Stop> {
    let Some((version, known)) = context.view.compromise(&body.key_id)? else {
        return refuse(format!("key {} is not known to be compromised", body.key_id));
    };
    if known.review.is_some() {
        return Ok(context.step(format!("the compromise of key {} was reviewed before", body.key_id)));
    }
    let mut compromise = known.clone();
    compromise.review = Some(body.clone());
    let mut step =
        context.step(format!("{} has reviewed the compromise of key {}", body.reviewer, body.key_id));
    conclude(context, &mut step, &mut compromise);
    step.write(EntityKey::Compromise(body.key_id), version, Entity::Compromise(Box::new(compromise)));
    Ok(step)
}

/// Ends it, if nothing is left to wait for.
fn conclude(context: &Context<'_>, step: &mut Step, compromise: &mut Compromise) {
    let (true, Some(revocation), Some(review)) =
        (compromise.is_over(), compromise.revocation.clone(), compromise.review.clone())
    else {
        return;
    };
    compromise.stage = CompromiseStage::Recovered;
    deadline::went_on(context, step, compromise);
    let recovered = KeyRecovered {
        key: compromise.key.clone(),
        revocation,
        incident: compromise.incident.clone(),
        detected_at: compromise.detected_at,
        recovered_at: context.now,
        resigned: compromise.resigned.iter().cloned().collect(),
        converged: compromise.converged.iter().cloned().collect(),
        review,
    };
    step.publish(context.derived("recovered", context.now, EventBody::KeyRecovered(Box::new(recovered))));
}

/// A device that a compromised key has touched.
struct Held<'a> {
    key: &'a CompromisedKey,
    build: &'a BuildId,
    fleet: &'a FleetId,
    device: &'a DeviceId,
    incident: &'a str,
}

fn give(
    context: &Context<'_>,
    step: &mut Step,
    held: &Held<'_>,
    label: &str,
    actions: Vec<Action>,
    reason: String,
) {
    let label = format!("{label}.{}", held.device);
    let id = OrderId::derived(&context.event.identity(), &label);
    let mut order =
        Order::new(id, held.device.clone(), held.fleet.clone(), held.build.clone(), actions, reason);
    order.incidents.push(held.incident.to_owned());
    order.compromised_key = Some(held.key.key_id);
    let record = OrderRecord { order: order.clone(), performed: None, performed_at: None, proved: false };
    step.write(EntityKey::Order(order.id.clone()), 0, Entity::Order(record));
    let body = EventBody::OrderGiven(Box::new(OrderGiven::new(order)));
    step.publish(context.derived(&label, context.now, body));
}
