//! Guide, "Bidirectional Sync Detail": incident assignment notifies engineers, incident closure updates the device's status.

use openfactory_sn::CorrelationId;
use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::entity::{Instruction, RemediationState};
use openfactory_sn::lifecycle::event::incident::{IncidentAssigned, IncidentClosed};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::platform::Action;

use super::super::samples::instant;
use super::super::world::{World, types};
use super::{AT, dropped, given, hint, instruct, investigated, only, order, write};

fn assigned(published: &[Event]) -> &IncidentAssigned {
    match &published[0].body {
        EventBody::IncidentAssigned(body) => body,
        other => panic!("{other:?}"),
    }
}

fn closed(published: &[Event]) -> &IncidentClosed {
    let found = published.iter().find_map(|event| match &event.body {
        EventBody::IncidentClosed(body) => Some(body),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{published:?}"))
}

/// The person closes it.
async fn close(world: &mut World, incident: &CorrelationId, seconds: u64, state: &str) -> Vec<Event> {
    let fields = [("state", state), ("number", "INC0010042"), ("sys_updated_by", "ada")];
    write(world, incident, &fields);
    world.at(instant(seconds)).apply(&hint(&format!("closed-{seconds}"), incident)).await
}

#[tokio::test]
async fn whoever_gets_an_incident_is_told_once() {
    let (mut world, incident) = investigated().await;
    write(&mut world, &incident, &[("assignment_group", "g-1")]);
    assert_eq!(world.apply(&hint("h-1", &incident)).await, vec![], "the group that it was made with");
    let to = |user, group| [("assigned_to", user), ("assignment_group", group), ("number", "INC0010042")];
    write(&mut world, &incident, &to("u-1", "g-1"));
    let published = world.apply(&hint("h-2", &incident)).await;
    let told = assigned(&published);
    assert_eq!((told.assigned_to.as_str(), told.group.as_str()), ("u-1", "g-1"));
    assert_eq!((told.number.as_str(), &told.incident), ("INC0010042", &incident));
    assert_eq!(world.apply(&hint("h-3", &incident)).await, vec![], "doubled");
    write(&mut world, &incident, &to("u-2", "g-1"));
    assert_eq!(assigned(&world.apply(&hint("h-4", &incident)).await).assigned_to, "u-2");
    write(&mut world, &incident, &to("", "g-2"));
    assert_eq!(assigned(&world.apply(&hint("h-5", &incident)).await).group, "g-2");
    write(&mut world, &incident, &to("", "g-2"));
    assert_eq!(world.apply(&hint("h-6", &incident)).await, vec![]);
    write(&mut world, &incident, &to("u-2", "g-2"));
    assert_eq!(
        types(&world.apply(&hint("h-7", &incident)).await),
        ["incident.assigned"],
        "given back to her"
    );
}

#[tokio::test]
async fn closing_makes_nothing_compliant_and_awaits_a_report() {
    for state in ["7", "8"] {
        let (mut world, incident) = investigated().await;
        assert_eq!(world.device().await.compliance, Compliance::Drifted);
        let published = close(&mut world, &incident, 450, state).await;
        assert_eq!(types(&published), ["incident.closed"]);
        let told = closed(&published);
        assert_eq!((told.compliance, told.released), (Compliance::Unknown, false));
        assert_eq!((told.number.as_str(), told.updated_by.as_str()), ("INC0010042", "ada"));
        assert!(world.device().await.incidents.is_empty());
        assert_eq!(close(&mut world, &incident, 451, state).await, vec![], "doubled");
        // No report comes: that is an incident by itself, sooner than usual.
        let published = world.let_time_pass_until(450 + 1800).await;
        assert_eq!(types(&published), ["device.unattested"]);
    }
}

#[tokio::test]
async fn what_is_still_wrong_is_a_new_incident() {
    let (mut world, incident) = investigated().await;
    close(&mut world, &incident, 450, "7").await;
    assert_eq!(types(&world.report(460, &["etc/ntp.conf"]).await), ["device.drifted"]);
    assert_ne!(world.device().await.incidents[0].incident, incident);
    let (mut world, incident) = investigated().await;
    close(&mut world, &incident, 450, "7").await;
    assert_eq!(types(&world.report(460, &[]).await), ["device.complied"]);
}

#[tokio::test]
async fn a_resolved_incident_is_not_closed() {
    let (mut world, incident) = investigated().await;
    for (seconds, state) in (450..).zip(["1", "2", "3", "6", "42", ""]) {
        let published = close(&mut world, &incident, seconds, state).await;
        assert!(!types(&published).contains(&"incident.closed"), "{state:?}");
        assert_eq!(world.device().await.incidents.len(), 1);
    }
}

#[tokio::test]
async fn closing_ends_a_quarantine_that_a_person_has_ordered() {
    let (mut world, incident) = investigated().await;
    instruct(&mut world, &incident, "quarantine", "ada", AT);
    let ordered = given(world.apply(&hint("h-1", &incident)).await);
    world.perform(&ordered, 440).await;
    let published = close(&mut world, &incident, 450, "7").await;
    assert_eq!(types(&published), ["order.given", "incident.closed"]);
    assert_eq!(order(&published).actions, [Action::Release]);
    let told = closed(&published);
    assert_eq!((told.compliance, told.released), (Compliance::Quarantined, true), "until it is performed");
    world.perform(&given(published), 460).await;
    let device = world.device().await;
    assert_eq!((device.compliance, device.quarantined, device.held), (Compliance::Unknown, false, None));
    assert_eq!(types(&world.report(470, &[]).await), ["device.complied"]);
}

#[tokio::test]
async fn another_critical_incident_keeps_it_apart() {
    let mut world = World::with_device().await;
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    world.perform(&ordered, 410).await;
    world.report(420, &["etc/shadow", "etc/passwd"]).await;
    let incidents = world.device().await.incidents;
    assert_eq!(incidents.len(), 2);
    let published = close(&mut world, &incidents[0].incident, 450, "7").await;
    assert_eq!(types(&published), ["incident.closed"]);
    assert!(world.device().await.quarantined);
    let published = close(&mut world, &incidents[1].incident, 460, "7").await;
    assert_eq!(types(&published), ["order.given", "incident.closed"]);
}

#[tokio::test]
async fn a_rollback_that_waits_for_its_proof_goes_on() {
    let mut world = World::with_compliant_device().await;
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    world.perform(&ordered, 410).await;
    let incident = world.device().await.incidents[0].incident.clone();
    let published = close(&mut world, &incident, 420, "7").await;
    assert_eq!(types(&published), ["incident.closed"], "its proof ends the quarantine");
    assert!(world.device().await.order.is_some());
    assert_eq!(types(&world.report(430, &[]).await), ["device.complied", "order.given"]);
}

#[tokio::test]
async fn what_waits_on_a_closed_incident_is_not_begun() {
    let (mut world, incident) = investigated().await;
    world.policy.instructions_that_wait.insert(Instruction::Rebuild);
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    world.apply(&hint("h-1", &incident)).await;
    assert_eq!(only(&world).await.state, RemediationState::Waiting);
    let published = close(&mut world, &incident, 450, "7").await;
    assert_eq!(types(&published), ["remediation.changed", "incident.closed"]);
    assert!(dropped(&only(&world).await).contains("closed"));
}
