//! Guide, "Key Compromise Response": the build platform's signing key, from the report to the resolved incident.

use std::collections::BTreeSet;

use openfactory_attest::compromise::Place;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::trust::revocation::Window;
use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::entity::compromise::{Compromise, CompromiseStage};
use openfactory_sn::lifecycle::entity::{BuildStage, Entity, EntityKey};
use openfactory_sn::lifecycle::event::key::{
    ArtifactResigned, AssessedBuild, BlastRadius, CompromiseReviewed, CompromisedKey, KeyCompromised,
    Revocation,
};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::{Operation, plan};
use openfactory_sn::lifecycle::platform::Action;
use openfactory_sn::lifecycle::state::StateStore as _;
use openfactory_sn::lifecycle::state::commit::CommitOutcome;
use openfactory_sn::lifecycle::workflow::compromise::revoked_by_vault;
use openfactory_sn::lifecycle::workflow::{Decision, withheld};

use super::samples::{self, instant, old_key};
use super::world::{World, types};

fn window() -> Window {
    Window::from("openfactory.example/audit", 40)
}

fn successor() -> Ed25519Key {
    Ed25519Key::from_seed(&[8; 32])
}

pub(super) fn compromised(kind: KeyKind) -> Event {
    let key = CompromisedKey::new(old_key(), kind, "build platform", window());
    let body = KeyCompromised::new(key, instant(490), "Ada (security)", "the vault's log shows a login");
    samples::event("compromised-1", 500, EventBody::KeyCompromised(Box::new(body)))
}

fn radius(logged_at: Option<u64>) -> BlastRadius {
    let document = samples::envelope("document").payload_digest();
    let build = AssessedBuild::new(document, Place::of(logged_at, &window()), vec![samples::device_id()]);
    [(samples::build_id(), build)].into()
}

pub(super) fn resigned(document: &str) -> Event {
    let document = Envelope::sign("application/vnd.in-toto+json", document.as_bytes(), &successor()).unwrap();
    let replaces = samples::envelope("document").payload_digest();
    let body = ArtifactResigned::new(
        old_key(),
        samples::build_id(),
        document,
        replaces,
        samples::digest("manifest"),
        samples::digest("root"),
    );
    samples::event("resigned-1", 600, EventBody::ArtifactResigned(Box::new(body)))
}

pub(super) fn reviewed() -> Event {
    let body = CompromiseReviewed::new(old_key(), "Ada", "a stolen laptop", "use an HSM", "rotate monthly");
    samples::event("reviewed-1", 700, EventBody::CompromiseReviewed(Box::new(body)))
}

async fn compromise(world: &World) -> Compromise {
    let key = EntityKey::Compromise(old_key());
    match world.store.load(&[key]).await.unwrap().remove(0).1.unwrap().value {
        Entity::Compromise(compromise) => *compromise,
        other => panic!("{other:?}"),
    }
}

/// The vault revokes, and the workflow hears of it: the event that tells, and what follows from it.
async fn revoke(world: &mut World, ordered: &Event, logged_at: Option<u64>) -> (Event, Vec<Event>) {
    assert_eq!(world.apply(ordered).await, vec![]);
    let revocation = Revocation::new(instant(505), 60, *successor().key_id(), 1);
    let commit = revoked_by_vault(ordered, revocation, radius(logged_at), world.now).unwrap();
    assert_eq!(world.store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    let [told] = world.drain().await.try_into().unwrap();
    let follow = world.apply(&told).await;
    (told, follow)
}

/// Reported, held, revoked, and assessed.
pub(super) async fn contained(logged_at: Option<u64>) -> (World, Event, Event, Vec<Event>) {
    let mut world = World::with_compliant_device().await;
    let [hold, ordered] =
        world.at(instant(500)).apply(&compromised(KeyKind::BuildPlatformSigning)).await.try_into().unwrap();
    world.perform(&hold, 501).await;
    let (told, follow) = revoke(&mut world, &ordered, logged_at).await;
    (world, ordered, told, follow)
}

/// What a key comes to whose build was signed within the window: the order to revoke it, and that it is.
pub(super) async fn within_the_window() -> (Event, Event) {
    let (_, ordered, revoked, _) = contained(None).await;
    (ordered, revoked)
}

/// One of each type that the response derives.
pub(super) async fn derived() -> Vec<Event> {
    let late = late().await;
    let (mut world, ordered, told, follow) = contained(Some(39)).await;
    world.perform(&follow[0], 510).await;
    let [push] = world.at(instant(600)).apply(&resigned("document, again")).await.try_into().unwrap();
    world.perform(&push, 610).await;
    let converged = reports_by(&mut world, 620, "document, again").await.remove(0);
    world.apply(&converged).await;
    let recovered = world.at(instant(700)).apply(&reviewed()).await.remove(0);
    [vec![ordered, told, converged, recovered], late].concat()
}

/// A time limit that is not kept: that it is reached, and what that comes to.
async fn late() -> Vec<Event> {
    let mut world = World::with_compliant_device().await;
    world.at(instant(500)).apply(&compromised(KeyKind::BuildPlatformSigning)).await;
    world.drain().await;
    let due = instant(490 + 3600);
    assert_eq!(world.at(due).store.fire_due(due, 10).await.unwrap(), 1);
    let [reached] = world.drain().await.try_into().unwrap();
    let late = world.apply(&reached).await;
    [vec![reached], late].concat()
}

/// Let go, signed again, pushed, proved.
pub(super) async fn push_and_prove(world: &mut World, follow: &[Event]) {
    world.perform(&follow[0], 510).await;
    let [push] = world.at(instant(600)).apply(&resigned("document, again")).await.try_into().unwrap();
    world.perform(&push, 610).await;
    let converged = reports_by(world, 620, "document, again").await.remove(0);
    assert_eq!(world.apply(&converged).await, vec![]);
}

/// A passing report of the device, by the document with this text.
async fn reports_by(world: &mut World, seconds: u64, document: &str) -> Vec<Event> {
    let document = samples::envelope(document).payload_digest();
    let report = samples::report(seconds, &[]).with_document(document);
    world.at(instant(seconds)).apply(&samples::reported(report)).await
}

fn actions(event: &Event) -> &[Action] {
    match &event.body {
        EventBody::OrderGiven(body) => &body.order.actions,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn phase_1_the_key_is_to_be_revoked_and_its_devices_are_held() {
    let mut world = World::with_compliant_device().await;
    let published = world.at(instant(500)).apply(&compromised(KeyKind::BuildPlatformSigning)).await;
    assert_eq!(types(&published), ["order.given", "key.revocation_ordered"]);
    assert_eq!(actions(&published[0]), [Action::Quarantine]);
    world.perform(&published[0], 501).await;
    let device = world.device().await;
    assert!(device.quarantined);
    assert_eq!(device.compromised_key, Some(old_key()));
    assert_eq!(compromise(&world).await.stage, CompromiseStage::Containing);

    // It may report as often as it likes: what it is compared with is not trusted.
    assert_eq!(types(&world.report(502, &[]).await), Vec::<String>::new());
    assert_eq!(world.device().await.compliance, Compliance::Quarantined);

    // Told twice, by whomever, it is one compromise.
    let EventBody::KeyCompromised(body) = compromised(KeyKind::BuildPlatformSigning).body else { panic!() };
    let again = samples::event("compromised-2", 510, EventBody::KeyCompromised(body));
    assert_eq!(world.apply(&again).await, vec![]);
}

#[tokio::test]
async fn phase_2_what_the_log_held_before_the_window_is_let_go() {
    let (mut world, _, _, follow) = contained(Some(39)).await;
    let [release] = follow.try_into().unwrap();
    assert_eq!(actions(&release), [Action::Release]);
    world.perform(&release, 510).await;
    assert!(!world.device().await.quarantined);
    assert_eq!(world.device().await.compromised_key, Some(old_key()), "it has yet to prove itself");
    assert_eq!(types(&world.report(520, &[]).await), ["device.complied"]);
}

#[tokio::test]
async fn phase_2_what_came_within_the_window_or_never_stays_held_and_counts_no_more() {
    for (logged_at, place) in [(Some(40), Place::Inside { index: 40 }), (None, Place::Unlogged)] {
        let (mut world, _, told, follow) = contained(logged_at).await;
        assert_eq!(follow, vec![]);
        assert!(world.device().await.quarantined);
        assert_eq!(world.build().await.stage, BuildStage::Rejected);
        let EventBody::KeyRevoked(body) = &told.body else { panic!() };
        assert_eq!(body.radius[&samples::build_id()].place, place);
        assert_eq!(body.affected(), 1);
        // Its image can't be signed again: nothing proves what it was.
        world.now = instant(600);
        let Decision::Refused { reason } = world.decide(&resigned("document, again")).await else { panic!() };
        assert!(reason.contains("build it anew"), "{reason}");
    }
}

#[tokio::test]
async fn phase_3_and_4_signed_again_pushed_proved_reviewed_resolved() {
    let (mut world, _, _, follow) = contained(Some(39)).await;
    world.perform(&follow[0], 510).await;
    let resigned = resigned("document, again");
    let [push] = world.at(instant(600)).apply(&resigned).await.try_into().unwrap();
    let EventBody::ArtifactResigned(body) = &resigned.body else { panic!() };
    let document_digest = body.document_digest;
    assert_eq!(actions(&push), [Action::PushDocument { build: samples::build_id(), document_digest }]);
    assert_eq!(world.build().await.signed_by, Some(*successor().key_id()));
    world.perform(&push, 610).await;
    assert_eq!(world.device().await.compliance, Compliance::Remediated);

    let published = reports_by(&mut world, 620, "document, again").await;
    assert_eq!(types(&published), ["key.device_converged", "device.complied"]);
    assert_eq!(world.device().await.compromised_key, None);
    assert_eq!(world.apply(&published[0]).await, vec![], "a person has to look back first");
    assert_eq!(compromise(&world).await.converged, BTreeSet::from([samples::device_id()]));

    let published = world.at(instant(700)).apply(&reviewed()).await;
    assert_eq!(types(&published), ["key.recovered"]);
    assert_eq!(compromise(&world).await.stage, CompromiseStage::Recovered);
    let again = CompromiseReviewed::new(old_key(), "Bob", "something else", "x", "y");
    let again = samples::event("reviewed-2", 710, EventBody::CompromiseReviewed(Box::new(again)));
    assert_eq!(world.apply(&again).await, vec![]);
}

#[tokio::test]
async fn the_review_may_come_before_the_fleet_has_converged() {
    let (mut world, _, _, follow) = contained(Some(39)).await;
    assert_eq!(world.apply(&reviewed()).await, vec![]);
    world.perform(&follow[0], 510).await;
    let [push] = world.at(instant(600)).apply(&resigned("document, again")).await.try_into().unwrap();
    world.perform(&push, 610).await;
    let converged = reports_by(&mut world, 620, "document, again").await.remove(0);
    assert_eq!(types(&world.apply(&converged).await), ["key.recovered"]);
}

#[tokio::test]
async fn a_document_that_is_about_something_else_is_refused() {
    let (mut world, _, _, _) = contained(Some(39)).await;
    world.now = instant(600);
    let good = resigned("document, again");
    let EventBody::ArtifactResigned(good) = &good.body else { panic!() };
    let spoil = |spoil: fn(&mut ArtifactResigned)| {
        let mut body = good.clone();
        spoil(&mut body);
        samples::event("resigned-2", 600, EventBody::ArtifactResigned(body))
    };
    let cases = [
        (spoil(|body| body.replaces = samples::digest("other")), "not that of build"),
        (spoil(|body| body.root_hash = samples::digest("other")), "another image"),
        (spoil(|body| body.manifest_digest = samples::digest("other")), "another image"),
        (spoil(|body| body.document = samples::envelope("forged")), "not signed by another key"),
        (spoil(|body| body.key_id = *successor().key_id()), "not known to be compromised"),
    ];
    for (event, expected) in cases {
        let Decision::Refused { reason } = world.decide(&event).await else { panic!("{expected}") };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn the_response_to_other_kinds_of_key_is_left_to_people() {
    let world = World::with_compliant_device().await;
    let Decision::Refused { reason } = world.decide(&compromised(KeyKind::JwtSession)).await else {
        panic!()
    };
    assert!(reason.contains("jwt-session"), "{reason}");
}

fn told(event: &Event) -> Vec<String> {
    plan(event, &Mapping::guide()).operations.iter().map(ToString::to_string).collect()
}

/// What ServiceNow hears, phase by phase.
#[tokio::test]
async fn records_created_updated_and_closed_as_the_guide_has_them() {
    let key = old_key();
    let (mut world, ordered, revoked, follow) = contained(Some(39)).await;
    assert_eq!(told(&compromised(KeyKind::BuildPlatformSigning)), Vec::<String>::new());
    assert_eq!(told(&ordered), [format!("create incident compromise/{key}")]);
    let Operation::Create { values, .. } = &plan(&ordered, &Mapping::guide()).operations[0] else { panic!() };
    for (field, value) in [("impact", "1"), ("urgency", "1"), ("severity", "1")] {
        assert_eq!(values.get_text(field), Some(value), "{field}");
    }
    let description = values.get_text("description").unwrap();
    for content in [&*key.to_string(), "build-platform-signing", "from index 40", "1 build(s)", "1 device(s)"]
    {
        assert!(description.contains(content), "{content} in {description}");
    }

    assert_eq!(
        told(&revoked),
        [
            format!("create change_request revocation/{key}"),
            format!("move change_request revocation/{key} to Implement"),
            format!("move incident compromise/{key} to InProgress"),
            format!("create change_request rotation/{key}"),
            format!("move change_request rotation/{key} to Implement"),
            format!("write a work note on incident compromise/{key}"),
            format!("attach blast-radius.json to incident compromise/{key}"),
            format!(
                "create sn_grc_item {}",
                openfactory_sn::lifecycle::correlation::key_item(&key, "controls")
            ),
        ]
    );

    // Of a build from within the window the CMDB is asked what it runs on.
    let (_, _, within, _) = contained(None).await;
    assert!(
        told(&within)
            .contains(&format!("note on incident compromise/{key} what 1 build(s) run on by the CMDB"))
    );

    world.perform(&follow[0], 510).await;
    let resigned = resigned("document, again");
    let renewal = format!("change_request renewal/b-1/{key}");
    let changes = told(&resigned);
    assert_eq!(changes[..2], [format!("create {renewal}"), format!("move {renewal} to Implement")]);
    assert_eq!(changes[2], format!("attach verification.resigned.json to {renewal}"));
    assert_eq!(changes[3], "update cmdb_ci_os_image build/b-1");
    assert_eq!(changes.len(), 5 + 2 * 3, "a note and the document for each framework");

    let [push] = world.at(instant(600)).apply(&resigned).await.try_into().unwrap();
    let performed = world.perform(&push, 610).await;
    let update = plan(&performed, &Mapping::guide()).operations.pop().unwrap();
    let Operation::Update { values, .. } = update else { panic!("{update:?}") };
    assert_eq!(values.get_text("operational_status"), Some("Remediated"));
    assert!(values.get_text("u_document_digest").is_some());

    let converged = reports_by(&mut world, 620, "document, again").await.remove(0);
    world.apply(&converged).await;
    let recovered = world.at(instant(700)).apply(&reviewed()).await.remove(0);
    let operations = plan(&recovered, &Mapping::guide()).operations;
    let closed = told(&recovered);
    assert_eq!(
        closed[..3],
        [
            format!("move change_request revocation/{key} to Closed"),
            format!("move change_request rotation/{key} to Closed"),
            format!("move {renewal} to Closed"),
        ]
    );
    assert_eq!(closed.last().unwrap(), &format!("move incident compromise/{key} to Resolved"));
    let Some(Operation::MoveIncident { values, .. }) = operations.last() else { panic!() };
    let notes = values.get_text("close_notes").unwrap();
    for content in ["a stolen laptop", "rotate monthly", "edge-1", "1 of 1"] {
        assert!(notes.contains(content), "{content} in {notes}");
    }
}

#[tokio::test]
async fn a_device_with_a_p1_of_its_own_is_not_let_go_with_the_others() {
    let mut world = World::with_compliant_device().await;
    let [hold, ordered] =
        world.at(instant(500)).apply(&compromised(KeyKind::BuildPlatformSigning)).await.try_into().unwrap();
    world.perform(&hold, 501).await;
    assert_eq!(types(&world.report(502, &["etc/shadow"]).await), ["device.drifted", "order.given"]);
    let (_, follow) = revoke(&mut world, &ordered, Some(39)).await;
    assert_eq!(follow, vec![]);
    assert!(world.device().await.quarantined);
}

#[tokio::test]
async fn a_release_that_a_p1_has_overtaken_is_withheld() {
    let (mut world, _, _, follow) = contained(Some(39)).await;
    let EventBody::OrderGiven(release) = &follow[0].body else { panic!("{follow:?}") };
    assert_eq!(withheld(&release.order, &world.device().await), None);
    world.report(506, &["etc/shadow"]).await;
    let kept = withheld(&release.order, &world.device().await).unwrap();
    assert!(!kept.is_complete(), "{kept:?}");
    world.end(&follow[0], kept, 510).await;
    assert!(world.device().await.quarantined);
}

/// That it was signed anew, and even that it was pushed, is no proof that the device goes by it.
#[tokio::test]
async fn phase_4_only_the_new_document_on_the_device_is_convergence() {
    let (mut world, _, _, follow) = contained(Some(39)).await;
    world.perform(&follow[0], 510).await;
    let [push] = world.at(instant(600)).apply(&resigned("document, again")).await.try_into().unwrap();
    assert_eq!(types(&reports_by(&mut world, 605, "document").await), ["device.complied"], "not yet pushed");
    world.perform(&push, 610).await;
    assert_eq!(types(&world.report(615, &[]).await), ["device.complied"], "it does not say by which");
    assert_eq!(types(&reports_by(&mut world, 618, "document").await), ["device.complied"]);
    assert_eq!(world.device().await.compromised_key, Some(old_key()));
    let published = reports_by(&mut world, 620, "document, again").await;
    assert_eq!(types(&published), ["key.device_converged", "device.complied"]);
}
