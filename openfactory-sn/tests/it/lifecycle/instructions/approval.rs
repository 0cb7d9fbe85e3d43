//! Instructions that the policy has wait for the approval of their change request.

use openfactory_sn::SysId;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::entity::{Instruction, RemediationState};
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody};

use super::super::samples;
use super::super::world::{World, types};
use super::{AT, dropped, hint, instruct, investigated, only, order, remembered, write};
use openfactory_sn::CorrelationId;

/// Rebuilds wait; Ada has instructed one.
async fn waiting() -> (World, CorrelationId, SysId) {
    let (mut world, incident) = investigated().await;
    world.policy.instructions_that_wait.insert(Instruction::Rebuild);
    instruct(&mut world, &incident, "rebuild", "ada", AT);
    let published = world.apply(&hint("h-1", &incident)).await;
    assert_eq!(types(&published), ["remediation.changed"]);
    let EventBody::RemediationChanged(changed) = &published[0].body else { panic!() };
    assert!(changed.proposed.as_ref().is_some_and(|order| order.rebuilds() == Some(&samples::build_id())));
    assert_eq!(only(&world).await.state, RemediationState::Waiting);
    let change = correlation::order_change(&only(&world).await.order);
    (world, incident, SysId::derived("change_request", &change))
}

fn approval(id: &str, change: &SysId) -> Event {
    let body = RecordChanged::new("change_request", change.clone());
    samples::event(id, 460, EventBody::RecordChanged(Box::new(body)))
}

#[tokio::test]
async fn it_is_begun_by_the_approval_once() {
    let (mut world, incident, change) = waiting().await;
    world.observe(&change, "requested", "-3");
    assert_eq!(world.apply(&approval("c-1", &change)).await, vec![]);
    assert_eq!(world.apply(&hint("h-2", &incident)).await, vec![]);
    world.observe(&change, "approved", "-2");
    let published = world.apply(&approval("c-2", &change)).await;
    assert_eq!(types(&published), ["remediation.changed", "order.given"]);
    assert_eq!(order(&published).rebuilds(), Some(&samples::build_id()));
    assert_eq!(world.apply(&approval("c-3", &change)).await, vec![]);
}

#[tokio::test]
async fn a_rejection_ends_it() {
    let (mut world, incident, change) = waiting().await;
    world.observe(&change, "rejected", "-5");
    assert_eq!(types(&world.apply(&approval("c-1", &change)).await), ["remediation.changed"]);
    assert!(dropped(&only(&world).await).contains("rejected"));
    world.observe(&change, "approved", "-2");
    assert_eq!(world.apply(&approval("c-2", &change)).await, vec![], "decided once");
    assert_eq!(world.apply(&hint("h-2", &incident)).await, vec![]);
}

#[tokio::test]
async fn an_empty_field_withdraws_it_and_another_word_takes_its_place() {
    let (mut world, incident, change) = waiting().await;
    write(&mut world, &incident, &[]);
    assert_eq!(types(&world.apply(&hint("h-2", &incident)).await), ["remediation.changed"]);
    assert!(dropped(&only(&world).await).contains("withdrawn"));
    world.observe(&change, "approved", "-2");
    assert_eq!(world.apply(&approval("c-1", &change)).await, vec![]);

    let (mut world, incident, _) = waiting().await;
    instruct(&mut world, &incident, "rollback", "ada", "2026-09-21 14:21:00");
    let published = world.apply(&hint("h-2", &incident)).await;
    assert_eq!(types(&published), ["remediation.changed", "remediation.changed", "order.given"]);
    let all = remembered(&world).await;
    let of = |instruction| all.iter().find(|one| one.instruction == instruction).unwrap();
    assert!(dropped(of(Instruction::Rebuild)).contains("rollback by ada"));
    assert_eq!(of(Instruction::Rollback).state, RemediationState::Ordered);
}

#[tokio::test]
async fn a_device_that_proves_itself_meanwhile_needs_none() {
    let (mut world, _, change) = waiting().await;
    assert_eq!(types(&world.report(470, &[]).await), ["remediation.changed", "device.complied"]);
    assert!(dropped(&only(&world).await).contains("proved"));
    world.observe(&change, "approved", "-2");
    assert_eq!(world.apply(&approval("c-1", &change)).await, vec![]);
}

#[tokio::test]
async fn a_change_request_that_can_not_be_read_approves_nothing() {
    let (world, _, change) = waiting().await;
    assert_eq!(world.apply(&approval("c-1", &change)).await, vec![]);
    assert_eq!(only(&world).await.state, RemediationState::Waiting);
}
