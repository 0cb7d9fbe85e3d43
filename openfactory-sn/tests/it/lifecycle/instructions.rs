//! Guide, "Bidirectional Sync Detail": remediation instructions trigger rollback, rebuild, quarantine.

mod approval;
mod closure;
mod promises;
pub(super) mod simulated;

use openfactory_sn::CorrelationId;
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::entity::{
    Entity, EntityKey, EntityKind, Instruction, Remediation, RemediationState,
};
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, OrderId};
use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Order, Performed};
use openfactory_sn::lifecycle::state::StateStore as _;

use super::samples::{self, instant};
use super::world::{World, types};

const AT: &str = "2026-09-21 14:20:00";

/// A device with an open P2, which nothing is ordered about, and Ada who may instruct.
pub(super) async fn investigated() -> (World, CorrelationId) {
    let mut world = World::with_compliant_device().await;
    world.policy.instructors.insert("ada".to_owned());
    world.policy.instructors.insert(world.policy.own_user.clone());
    let published = world.report(400, &["etc/ntp.conf"]).await;
    assert_eq!(types(&published), ["device.drifted"]);
    let incident = world.device().await.incidents[0].incident.clone();
    (world, incident)
}

pub(super) fn record(incident: &CorrelationId) -> SysId {
    SysId::derived("incident", incident)
}

/// What stands in the incident's fields now.
pub(super) fn write(world: &mut World, incident: &CorrelationId, fields: &[(&str, &str)]) {
    let all = [("correlation_id", incident.as_str()), ("state", "2")];
    world.observe_fields(&record(incident), all.iter().chain(fields).copied());
}

pub(super) fn instruct(world: &mut World, incident: &CorrelationId, what: &str, by: &str, at: &str) {
    write(world, incident, &[("u_remediation", what), ("u_remediation_by", by), ("u_remediation_at", at)]);
}

/// A hint that the incident changed.
pub(super) fn hint(id: &str, incident: &CorrelationId) -> Event {
    let body = RecordChanged::new("incident", record(incident));
    samples::event(id, 450, EventBody::RecordChanged(Box::new(body)))
}

pub(super) fn order(events: &[Event]) -> &Order {
    let given = events.iter().find_map(|event| match &event.body {
        EventBody::OrderGiven(body) => Some(&body.order),
        _ => None,
    });
    given.unwrap_or_else(|| panic!("{events:?}"))
}

fn given(events: Vec<Event>) -> Event {
    events.into_iter().find(|event| matches!(event.body, EventBody::OrderGiven(_))).unwrap()
}

/// All instructions that are remembered.
pub(super) async fn remembered(world: &World) -> Vec<Remediation> {
    let rows = world.store.list(EntityKind::Remediation, None, 50).await.unwrap();
    rows.into_iter()
        .map(|(_, kept)| match kept.value {
            Entity::Remediation(remediation) => *remediation,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The one that is remembered.
pub(super) async fn only(world: &World) -> Remediation {
    let [one] = remembered(world).await.try_into().unwrap();
    one
}

fn dropped(remediation: &Remediation) -> &str {
    match &remediation.state {
        RemediationState::Dropped { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rollback_is_ordered_performed_and_proved_by_the_next_report() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "rollback", "ada", AT);
    let published = world.at(instant(450)).apply(&hint("h-1", &incident)).await;
    assert_eq!(types(&published), ["remediation.changed", "order.given"]);
    let order = order(&published).clone();
    assert_eq!(order.actions, [Action::RollBack { to_build: samples::build_id() }]);
    assert_eq!(
        (order.instructed_by.as_deref(), &order.incidents[..]),
        (Some("ada"), &[incident.to_string()][..])
    );
    assert_eq!(only(&world).await.state, RemediationState::Ordered);
    world.perform(&given(published), 460).await;
    assert_eq!(only(&world).await.state, RemediationState::Performed);
    assert_eq!(world.device().await.compliance, Compliance::Remediated, "the platform's word is no proof");
    let published = world.report(470, &[]).await;
    assert_eq!(types(&published), ["device.complied"]);
    assert_eq!(only(&world).await.state, RemediationState::Done);
    assert!(world.order(&order.id).await.proved);
    assert!(world.device().await.incidents.is_empty());
}

#[tokio::test]
async fn a_rebuild_is_of_what_it_runs_and_keeps_it_apart() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    let published = world.apply(&hint("h-1", &incident)).await;
    let order = order(&published);
    assert_eq!(order.actions, [Action::Quarantine, Action::Rebuild { build: samples::build_id() }]);
    assert!(order.is_change(), "it has a change request of its own");
    world.perform(&given(published), 460).await;
    let published = world.report(470, &[]).await;
    assert_eq!(types(&published), ["device.complied", "order.given"], "released after its proof");
    assert_eq!(only(&world).await.state, RemediationState::Done);
}

#[tokio::test]
async fn a_quarantine_lasts_though_the_device_reports_that_it_is_well() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "quarantine", "ada", AT);
    let published = world.apply(&hint("h-1", &incident)).await;
    assert_eq!(order(&published).actions, [Action::Quarantine]);
    world.perform(&given(published), 460).await;
    assert_eq!(only(&world).await.state, RemediationState::Done);
    assert_eq!(world.report(470, &[]).await, vec![]);
    let device = world.device().await;
    assert!(device.quarantined && device.held == Some(incident.clone()));
    assert_eq!(device.compliance, Compliance::Quarantined);

    // The same author has it rolled back: that ends with its proof.
    instruct(&mut world, &incident, "rollback", "ada", "2026-09-21 14:30:00");
    let published = world.at(instant(480)).apply(&hint("h-2", &incident)).await;
    world.perform(&given(published), 490).await;
    assert_eq!(types(&world.report(500, &[]).await), ["device.complied", "order.given"]);
}

/// The report was on its way when the quarantine was ordered.
#[tokio::test]
async fn a_good_report_before_the_quarantine_is_in_force_ends_nothing() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "quarantine", "ada", AT);
    let ordered = given(world.apply(&hint("h-1", &incident)).await);
    assert_eq!(world.report(455, &[]).await, vec![]);
    assert_eq!(world.report(456, &["etc/resolv.conf"]).await.len(), 1, "another cause is another incident");
    assert!(world.device().await.incidents.iter().any(|open| open.incident == incident));
    world.perform(&ordered, 460).await;
    assert!(world.device().await.quarantined);
}

/// A release that was ordered before, and is performed after, is not performed.
#[tokio::test]
async fn a_release_that_was_ordered_before_is_withheld() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "quarantine", "ada", AT);
    world.apply(&hint("h-1", &incident)).await;
    let device = world.device().await;
    let release = Order::new(
        OrderId::new("o-1").unwrap(),
        samples::device_id(),
        samples::fleet(),
        samples::build_id(),
        vec![Action::Release],
        "it proved itself",
    );
    assert!(openfactory_sn::lifecycle::workflow::withheld(&release, &device).is_some());
}

#[tokio::test]
async fn doubled_late_and_reordered_hints_begin_nothing_twice() {
    let (mut world, incident) = investigated().await;
    write(&mut world, &incident, &[]);
    assert_eq!(world.apply(&hint("h-0", &incident)).await, vec![], "the later one came first, say");
    instruct(&mut world, &incident, "rollback", "ada", AT);
    let published = world.apply(&hint("h-2", &incident)).await;
    for late in ["h-1", "h-3", "poll-1"] {
        assert_eq!(world.apply(&hint(late, &incident)).await, vec![], "{late}");
    }
    // Our own notes change the record, but not who instructed what, and when.
    world.perform(&given(published), 460).await;
    world.report(470, &[]).await;
    assert_eq!(world.apply(&hint("h-4", &incident)).await, vec![]);
    assert_eq!(remembered(&world).await.len(), 1);
}

#[tokio::test]
async fn only_who_may_instruct_is_followed_and_is_told_once() {
    for (by, at, why) in [
        ("eve", AT, Some("not among those")),
        ("openfactory.integration", AT, Some("the integration's own user")),
        ("Ada", AT, Some("not among those")),
        ("", AT, None),
        ("ada", "", None),
    ] {
        let (mut world, incident) = investigated().await;
        instruct(&mut world, &incident, "quarantine", by, at);
        let published = world.apply(&hint("h-1", &incident)).await;
        match why {
            Some(why) => {
                assert_eq!(types(&published), ["remediation.changed"], "{by}");
                assert!(dropped(&only(&world).await).contains(why), "{by}");
            }
            None => assert_eq!(published, vec![], "{by:?} {at:?}"),
        }
        assert_eq!(world.apply(&hint("h-2", &incident)).await, vec![]);
        assert_eq!(world.device().await.order, None);
    }
    let (mut world, incident) = investigated().await;
    world.policy.instructors.clear();
    instruct(&mut world, &incident, "quarantine", "ada", AT);
    assert_eq!(types(&world.apply(&hint("h-1", &incident)).await), ["remediation.changed"]);
}

#[tokio::test]
async fn free_text_is_no_instruction() {
    for text in ["Rollback", "rollback ", "please rebuild", "rollback;quarantine", "9", "\u{202e}kcabllor"] {
        let (mut world, incident) = investigated().await;
        instruct(&mut world, &incident, text, "ada", AT);
        assert_eq!(world.apply(&hint("h-1", &incident)).await, vec![], "{text:?}");
        assert_eq!(remembered(&world).await, vec![]);
    }
    for instruction in Instruction::ALL {
        assert_eq!(Instruction::from_raw(instruction.as_str()), Some(instruction));
    }
}

#[tokio::test]
async fn an_incident_that_is_not_ours_is_not_followed() {
    let (mut world, incident) = investigated().await;
    // Another record that claims to be our incident: its sys_id does not follow from the correlation.
    let other = SysId::new("9d385017c611228701d22104cc95c371").unwrap();
    let fields = [
        ("correlation_id", incident.as_str()),
        ("u_remediation", "quarantine"),
        ("u_remediation_by", "ada"),
        ("u_remediation_at", AT),
    ];
    world.observe_fields(&other, fields.into_iter());
    let body = RecordChanged::new("incident", other);
    let forged = samples::event("h-1", 450, EventBody::RecordChanged(Box::new(body)));
    assert_eq!(world.apply(&forged).await, vec![]);
    // One that can not be read, and one of a device that nobody knows.
    world.forget(&record(&incident));
    assert_eq!(world.apply(&hint("h-2", &incident)).await, vec![]);
    let foreign = CorrelationId::new("incident/edge-9/39fffec3e6c3d26e").unwrap();
    instruct(&mut world, &foreign, "quarantine", "ada", AT);
    assert_eq!(world.apply(&hint("h-3", &foreign)).await, vec![]);
    assert_eq!(remembered(&world).await, vec![]);
}

#[tokio::test]
async fn there_is_never_a_second_remediation_while_one_is_under_way() {
    let mut world = World::with_compliant_device().await;
    world.policy.instructors.insert("ada".to_owned());
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    let incident = world.device().await.incidents[0].incident.clone();
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    assert_eq!(types(&world.apply(&hint("h-1", &incident)).await), ["remediation.changed"]);
    assert_eq!(only(&world).await.state, RemediationState::Queued);
    // Performed in full: its proof is awaited first, and with it the instruction is needless.
    world.perform(&ordered, 410).await;
    assert_eq!(only(&world).await.state, RemediationState::Queued);
    let published = world.report(420, &[]).await;
    assert_eq!(types(&published), ["remediation.changed", "device.complied", "order.given"]);
    assert!(dropped(&only(&world).await).contains("proved"));
    assert_eq!(world.device().await.instructed, None);
}

#[tokio::test]
async fn what_waits_is_begun_when_the_order_before_it_has_failed() {
    let mut world = World::with_compliant_device().await;
    world.policy.instructors.insert("ada".to_owned());
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    let first = order(std::slice::from_ref(&ordered)).clone();
    let incident = world.device().await.incidents[0].incident.clone();
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    world.apply(&hint("h-1", &incident)).await;
    let outcomes = vec![
        ActionOutcome::done(Action::Quarantine, "held"),
        ActionOutcome::failed(first.actions[1].clone(), "the stored image is gone"),
    ];
    let (_, published) = world.ends(&ordered, Performed::new(outcomes), 410).await;
    assert_eq!(types(&published), ["remediation.changed", "order.given"]);
    assert_eq!(order(&published).actions, [Action::Rebuild { build: samples::build_id() }]);
    let EventBody::RemediationChanged(changed) = &published[0].body else { panic!() };
    assert_eq!(changed.supersedes, Some(first.id));
    assert_eq!(only(&world).await.state, RemediationState::Ordered);
}

#[tokio::test]
async fn what_waits_is_begun_when_no_report_proves_the_order_before_it() {
    let mut world = World::with_compliant_device().await;
    world.policy.instructors.insert("ada".to_owned());
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    let incident = world.device().await.incidents[0].incident.clone();
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    world.apply(&hint("h-1", &incident)).await;
    world.perform(&ordered, 410).await;
    let published = world.let_time_pass_until(410 + 1800).await;
    assert_eq!(types(&published), ["device.unattested", "remediation.changed", "order.given"]);
    assert_eq!(only(&world).await.state, RemediationState::Ordered);
}

#[tokio::test]
async fn a_rollback_that_fails_is_told_to_a_person_and_not_tried_again() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "rollback", "ada", AT);
    let ordered = given(world.apply(&hint("h-1", &incident)).await);
    let action = order(std::slice::from_ref(&ordered)).actions[0].clone();
    let failed = Performed::new(vec![ActionOutcome::failed(action, "the stored image is gone")]);
    let (_, published) = world.ends(&ordered, failed, 460).await;
    assert_eq!(types(&published), ["order.given", "device.escalated", "remediation.changed"]);
    assert_eq!(order(&published).actions, [Action::Quarantine], "what can't be rolled back is held");
    assert!(matches!(only(&world).await.state, RemediationState::Failed { .. }));
    assert_eq!(world.apply(&hint("h-2", &incident)).await, vec![], "it is not tried again");
    assert_eq!(world.report(470, &["etc/ntp.conf"]).await, vec![]);
}

#[tokio::test]
async fn a_rollback_that_no_report_proves_is_told_to_a_person() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "rollback", "ada", AT);
    let ordered = given(world.apply(&hint("h-1", &incident)).await);
    world.perform(&ordered, 460).await;
    let published = world.let_time_pass_until(460 + 1800).await;
    assert_eq!(types(&published), ["device.unattested", "device.escalated", "remediation.changed"]);
    assert!(matches!(only(&world).await.state, RemediationState::Failed { .. }));
}

#[tokio::test]
async fn a_rollback_without_a_good_build_is_refused() {
    let mut world = World::with_device().await;
    world.policy.instructors.insert("ada".to_owned());
    world.report(400, &["etc/ntp.conf"]).await;
    let incident = world.device().await.incidents[0].incident.clone();
    instruct(&mut world, &incident, "rollback", "ada", AT);
    assert_eq!(types(&world.apply(&hint("h-1", &incident)).await), ["remediation.changed"]);
    assert!(dropped(&only(&world).await).contains("no build is known to be good"));
}

#[tokio::test]
async fn an_incident_that_is_over_takes_no_instruction() {
    let (mut world, incident) = investigated().await;
    world.report(410, &[]).await;
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    assert_eq!(types(&world.apply(&hint("h-1", &incident)).await), ["remediation.changed"]);
    assert!(dropped(&only(&world).await).contains("over"));
}

#[tokio::test]
async fn another_order_given_meanwhile_makes_the_decision_anew() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "rollback", "ada", AT);
    // Decided, and cut off before it is committed; then a P1 comes.
    let before = world.decide(&hint("h-1", &incident)).await;
    world.report(460, &["etc/ntp.conf", "etc/shadow"]).await;
    let openfactory_sn::lifecycle::workflow::Decision::Apply(step) = before else { panic!() };
    let outcome = world.store.commit(&step.commit).await.unwrap();
    assert_eq!(outcome, openfactory_sn::lifecycle::state::commit::CommitOutcome::Conflict);
    assert_eq!(types(&world.apply(&hint("h-1", &incident)).await), ["remediation.changed"]);
    assert_eq!(only(&world).await.state, RemediationState::Queued);
}

/// The key under which an instruction is remembered is that of its change request.
#[tokio::test]
async fn it_is_remembered_under_its_change_request() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "rollback", "ada", AT);
    let id: OrderId = order(&world.apply(&hint("h-1", &incident)).await).id.clone();
    let key = SysId::derived("change_request", &correlation::order_change(&id));
    let kept = world.entity(EntityKey::Remediation(key)).await;
    assert!(matches!(kept, Some(Entity::Remediation(kept)) if kept.build_id == BuildId::new("b-1").unwrap()));
}
