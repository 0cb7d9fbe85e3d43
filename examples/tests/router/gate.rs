//! A build waits at its gate; what opens it is the record, not a call.

use openfactory_sn::{Auth, Client, Fields, Secret, SysId};

use crate::world::World;

/// The change manager decides, in ServiceNow.
async fn decide(world: &World, change: &SysId, state: &str) {
    let user = world.simulator.user("change.manager").unwrap();
    let client = Client::builder(world.simulator.base_url())
        .auth(Auth::basic(user.name(), Secret::new(user.password())))
        .root_certificate_pem(world.simulator.ca_pem().unwrap())
        .build()
        .unwrap();
    let rows = world.simulator.store().records("sysapproval_approver").unwrap();
    let row = rows.iter().find(|row| row.value("sysapproval") == change.as_str()).unwrap();
    let approvals = client.dynamic_table("sysapproval_approver");
    let fields = Fields::new().with("state", state).with("comments", "looked at");
    approvals.update(&SysId::new(row.value("sys_id")).unwrap(), &fields).await.unwrap();
}

#[tokio::test]
async fn without_any_webhook_the_poller_sees_the_approval() {
    let world = World::new().await;
    let router = world.start().await;
    assert_eq!(router.get("/v1/gates/b-1").await.status, 404);
    assert_eq!(router.get("/v1/gates/b%2F1").await.status, 400);
    router.send(&world.request("b-1"), &world.platform).await;
    let change = world.change_request("b-1").await;
    assert_eq!(router.get("/v1/gates/b-1").await.body["state"], "waiting");
    assert_eq!(router.get("/v1/gates/b-1?wait=x").await.status, 400);

    decide(&world, &change, "approved").await;
    let open = router.get("/v1/gates/b-1?wait=30").await;
    assert_eq!(open.body["state"], "open", "{}", open.body);
    router.stop().await;

    // What was decided is still so after a restart.
    let router = world.start().await;
    assert_eq!(router.get("/v1/gates/b-1").await.body["state"], "open");
    router.stop().await;
    world.audited();
}

#[tokio::test]
async fn a_rejection_refuses_the_gate() {
    let world = World::new().await;
    let router = world.start().await;
    router.send(&world.request("b-1"), &world.platform).await;
    let change = world.change_request("b-1").await;
    decide(&world, &change, "rejected").await;
    let refused = router.get("/v1/gates/b-1?wait=30").await;
    assert_eq!(refused.body["state"], "refused", "{}", refused.body);
    assert!(!refused.body["reason"].as_str().unwrap().is_empty());
    router.stop().await;
    world.audited();
}
