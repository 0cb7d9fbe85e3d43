//! A person writes into an incident, and no webhook comes: the poller sees it, the platform is told to act, the person who
//! works on it hears of it, and closing it updates the device.

use std::time::Duration;

use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::{Auth, Client, CorrelationId, Fields, Secret, SysId};
use serde_json::json;

use crate::alarms::Receiver;
use crate::world::{World, write_private};

const INCIDENT: &str = "incident/edge-1/39fffec3e6c3d26e";

/// A verified build and a device that drifted from it, in the router's state.
async fn plant(world: &World) {
    let cause = Sha256Digest::of(b"manifest");
    let incidents = json!([{ "incident": INCIDENT, "cause": cause, "priority": "P3" }]);
    world.plant_device("drifted", &["b-0"], incidents).await;
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn what_a_person_writes_into_an_incident_is_done_told_and_closed() {
    let world = World::new().await;
    plant(&world).await;
    let sys_id = SysId::derived("incident", &CorrelationId::new(INCIDENT).unwrap());
    let user = world.simulator.user("admin").unwrap().clone();
    let person = Client::builder(world.simulator.base_url())
        .auth(Auth::basic(user.name(), Secret::new(user.password())))
        .root_certificate_pem(world.simulator.ca_pem().unwrap())
        .build()
        .unwrap();
    let incidents = person.dynamic_table("incident");
    let fields = Fields::new()
        .with("sys_id", sys_id.as_str())
        .with("short_description", "etc/ntp.conf differs")
        .with("correlation_id", INCIDENT);
    incidents.create(&fields).await.unwrap();
    let item = Fields::new()
        .with(
            "sys_id",
            SysId::derived("cmdb_ci_os_image", &CorrelationId::new("device/edge-1").unwrap()).as_str(),
        )
        .with("name", "edge-1")
        .with("correlation_id", "device/edge-1");
    person.dynamic_table("cmdb_ci_os_image").create(&item).await.unwrap();

    let receiver = Receiver::new();
    let hook = format!("http://{}/hook", receiver.serve().await);
    write_private(&world.path("alarm.secret"), receiver.secret.as_bytes());
    let secret_file = world.path("alarm.secret");
    let name = user.name().to_owned();
    let router = world
        .start_changed(world.servicenow(), |config| {
            config.remediation.instructors = vec![name];
            config.alerts.webhook_url = Some(hook);
            config.alerts.webhook_secret_file = Some(secret_file);
        })
        .await;

    let person_id = world.simulator.store().query("sys_user", &format!("user_name={}", user.name())).unwrap();
    let person_id = person_id[0].value("sys_id").to_owned();
    let fields = Fields::new().with("u_remediation", "quarantine").with("assigned_to", &*person_id);
    incidents.update(&sys_id, &fields).await.unwrap();
    let told = receiver.told_that("lifecycle.notice", |body| !body["data"]["user"].is_null()).await;
    assert_eq!(told["data"]["user"], person_id, "{told}");
    assert_eq!(told["data"]["device"], "edge-1");
    until("the instruction is decided", || {
        world.audit_says(&format!(
            "the quarantine of device edge-1 that {} instructed is ordered",
            user.name()
        ))
    })
    .await;
    // This platform has no such device: that is told, and nothing is tried in a loop.
    until("the platform has answered", || world.audit_says("could not be performed in full")).await;
    until("the note stands on the incident", || {
        let of = format!("element_id={sys_id}^element=work_notes");
        let notes = world.simulator.store().query("sys_journal_field", &of).unwrap();
        notes.iter().any(|note| note.value("value").contains("HAS FAILED"))
    })
    .await;

    let close = Fields::new()
        .with("state", "7")
        .with("close_code", "Solution provided")
        .with("close_notes", "looked at");
    incidents.update(&sys_id, &close).await.unwrap();
    until("the item says so", || {
        let rows = world.simulator.store().query("cmdb_ci_os_image", "correlation_id=device/edge-1").unwrap();
        rows[0].value("operational_status") == "Unknown"
            && world.audit_says("is closed, device edge-1 is Unknown")
    })
    .await;
    assert_eq!(router.gauge("queue_dead").await, 0);
    router.stop().await;
    world.audited();
}
