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
    let build = json!({
        "fleet": "line-7", "change_request": "6b566b0977684da34ed046d34287f7ec", "stage": "verified",
        "root_hash": manifest, "manifest_digest": manifest, "document_digest": manifest,
    });
    let device = json!({
        "fleet": "line-7", "build_id": "b-0", "compliance": "compliant", "quarantined": false, "last_report": null,
        "reports_count_from": "2026-11-25T14:00:00.000Z", "awaiting_since": null, "recorded_at": null,
        "incidents": [], "order": null, "known_good": [], "supersedes": null,
    });
    let document = |kind: &str, data| json!({ "kind": kind, "format": 1, "data": data });
    world
        .plant(&[
            ("build/b-0".to_owned(), document("build", build)),
            ("device/edge-1".to_owned(), document("device", device)),
        ])
        .await;
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
