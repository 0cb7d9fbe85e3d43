//! The guide's four tables about Zone 2: what a device tells of its overlay, and the records that come of it.

mod constraints;
mod lockdown;
mod modification;
mod simulated;

use openfactory_sn::lifecycle::event::device::DeviceReported;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_zone2::overlay_report::{NotLookedAt, OverlayFinding};
use openfactory_zone2::{OverlayReport, Row};
use serde_json::{Value, json};

use super::plans::planned;
use super::samples;
use super::world::World;

/// What a Locked device tells, sealed by its first transition, with `findings`.
pub(super) fn overlay(findings: Vec<OverlayFinding>, not_checked: Vec<NotLookedAt>) -> OverlayReport {
    in_state("locked", "seal").with_results(12, 6, findings, not_checked)
}

fn in_state(lockdown: &str, seal: &str) -> OverlayReport {
    serde_json::from_value(json!({
        "version": 1, "lockdown": lockdown, "since": "2026-09-21T14:00:00Z",
        "policy_digest": samples::digest("policy"), "seal_digest": samples::digest(seal),
        "checked_entries": 0, "checked_constraints": 0, "findings": [], "not_checked": [], "omitted": 0,
        "transitions": [{
            "sequence": 1, "from": "unlocked", "to": "locked", "at": "2026-09-21T14:00:00Z",
            "row": "zone2.lockdown.relocked", "seal": samples::digest("seal"),
            "cause": {"command": {
                "id": "c-0", "signer": "ada", "operator": "ada@plant.example",
                "justification": "provisioned", "change_request": "CHG0030001",
            }},
        }],
    }))
    .unwrap()
}

pub(super) fn found(row: Row, subject: &str) -> OverlayFinding {
    OverlayFinding::new(row, subject, Some("bad"), "not as it must be", "as it must be", "mend it").unwrap()
}

/// A report at an instant that differs in these files, with this overlay.
pub(super) fn reported(seconds: u64, paths: &[&str], overlay: OverlayReport) -> Event {
    let mut event = samples::reported(samples::report(seconds, paths));
    let EventBody::DeviceReported(body) = event.body else { panic!() };
    let body: DeviceReported = body.with_overlay(overlay);
    event.body = EventBody::DeviceReported(Box::new(body));
    event
}

impl World {
    pub(super) async fn tells(&mut self, seconds: u64, overlay: OverlayReport) -> Vec<Event> {
        self.at(samples::instant(seconds)).apply(&reported(seconds, &[], overlay)).await
    }
}

/// A compliant device whose overlay was sealed and is clean.
pub(super) async fn sealed() -> World {
    let mut world = World::with_device().await;
    let told = world.tells(300, overlay(Vec::new(), Vec::new())).await;
    let item = planned(&told[0])[0]["values"].clone();
    assert_eq!(
        (&item["u_lockdown_state"], &item["u_overlay_state"]),
        (&json!("locked"), &json!("as sealed"))
    );
    assert_eq!(item["u_seal_digest"], json!(samples::digest("seal")));
    world
}

/// What the incident of a `device.drifted` is made with.
fn incident(drifted: &Event) -> Value {
    planned(drifted)[0]["values"].clone()
}

fn texts<'a>(operations: &'a [Value], kind: &str) -> Vec<&'a str> {
    operations
        .iter()
        .filter(|operation| operation["operation"] == kind)
        .map(|operation| operation["text"].as_str().unwrap())
        .collect()
}
