//! Guide, "Incident Priority Matrix": respond and resolve within their times, or a person is told.

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::incident::IncidentOverdue;

use super::super::world::types;
use super::{investigated, write};

/// P3: 4 hours to respond, 48 to resolve, from 400 s on.
const RESPOND: u64 = 400 + 4 * 3600;
const RESOLVE: u64 = 400 + 48 * 3600;

#[tokio::test]
async fn nobody_looks_and_nobody_mends() {
    let (mut world, incident) = investigated().await;
    world.policy.report_within = None;
    write(&mut world, &incident, &[("state", "1"), ("number", "INC0010042")]);
    assert!(!types(&world.let_time_pass_until(RESPOND - 1).await).contains(&"device.escalated"));
    let published = world.let_time_pass_until(RESPOND).await;
    assert_eq!(types(&published), ["device.escalated"]);
    let EventBody::DeviceEscalated(told) = &published[0].body else { panic!() };
    assert_eq!(told.reason, "Incident INC0010042 (P3) was not responded to within 240 min.");
    assert_eq!(told.incident, Some(incident.clone()));
    write(&mut world, &incident, &[("state", "2")]);
    let published = world.let_time_pass_until(RESOLVE).await;
    let late = |event: &&openfactory_sn::lifecycle::event::Event| matches!(&event.body, EventBody::DeviceEscalated(told) if told.reason.contains("not resolved within 2880 min"));
    assert_eq!(published.iter().filter(late).count(), 1);
    assert!(
        !types(&world.let_time_pass_until(RESOLVE + 100_000).await).contains(&"device.escalated"),
        "once"
    );
}

#[tokio::test]
async fn what_was_looked_after_in_time_is_told_to_nobody() {
    let (mut world, incident) = investigated().await;
    write(&mut world, &incident, &[("state", "1"), ("assigned_to", "u-1")]);
    assert!(!types(&world.let_time_pass_until(RESPOND).await).contains(&"device.escalated"));
    world.report(RESPOND + 10, &[]).await;
    let published = world.let_time_pass_until(RESOLVE).await;
    assert!(!types(&published).contains(&"device.escalated"), "the device has proved itself");
}

/// The clock's event, as it comes out of the outbox.
#[tokio::test]
async fn an_incident_that_can_not_be_read_is_not_called_late() {
    let (world, incident) = investigated().await;
    let data = serde_json::json!({
        "device": "edge-1", "incident": incident, "priority": "P3", "promise": "respond",
    });
    let body: IncidentOverdue = serde_json::from_value(data).unwrap();
    let late = super::super::samples::event("late-1", 20_000, EventBody::IncidentOverdue(Box::new(body)));
    assert_eq!(world.apply(&late).await, vec![]);
}
