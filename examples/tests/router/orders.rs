//! Orders to the platform that it will never perform.

use std::time::Duration;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::manifest::Difference;
use openfactory_attest::report::DeviceReport;
use openfactory_sn::lifecycle::event::device::DeviceReported;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::EventId;
use serde_json::json;

use crate::attestation::challenge;
use crate::world::{World, now};

/// It has ended, failed: the workflow hears of it, and nothing waits for it.
#[tokio::test]
async fn an_order_that_the_platform_refuses_has_failed() {
    let world = World::new().await;
    let manifest = Sha256Digest::of(b"manifest");
    world.plant_device("compliant", &[], json!([])).await;
    let router = world.start().await;
    let tampered: Difference = serde_json::from_value(json!({
        "path": "etc/shadow", "kind": "content", "expected": "a", "found": "b", "executable": false,
    }))
    .unwrap();
    let nonce = challenge(&router, "edge-1").await;
    let report = DeviceReport::new("edge-1", "b-0", now(), manifest, 7).with_findings(vec![tampered]);
    let body = EventBody::DeviceReported(Box::new(DeviceReported::new(report.with_nonce(nonce))));
    let event = Event::new(EventId::new("r-1").unwrap(), "/agent/edge-1", now(), body);
    assert_eq!(router.send(&event, &world.device).await.status, 202);

    let ended = "for device edge-1 could not be performed in full: a person has to look";
    for _ in 0..400 {
        if world.audit_says(ended) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(world.audit_says(ended));
    assert!(world.audit_says("the platform refuses the order: there is no device edge-1 on this platform"));
    assert_eq!(router.gauge("queue_dead").await, 0);
    router.stop().await;
    world.audited();
}
