//! Guide, Stage 4: "Enables impact analysis": the CMDB's relations walked from base image and build to the devices.

use std::collections::{BTreeMap, BTreeSet};

use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, DeviceId};
use openfactory_sn::lifecycle::impact::{Impact, Origin, impact};
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::{Fields, Query, SysId};

use super::instructions::simulated::Desk;
use super::samples;

fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

/// `edge-1` and `edge-2` run b-1.
async fn deployed(desk: &Desk) {
    let mut second = samples::deployed();
    second.id = "deployed-2".parse().unwrap();
    let EventBody::DeviceDeployed(body) = &mut second.body else { panic!() };
    body.device = device("edge-2");
    let events: [Event; 3] = [samples::requested(), samples::deployed(), second];
    desk.tell(&events).await;
}

async fn ask(desk: &Desk, origin: Origin) -> Impact {
    impact(&desk.ours, &Mapping::guide(), &origin).await.unwrap()
}

fn both() -> BTreeMap<BuildId, BTreeSet<DeviceId>> {
    BTreeMap::from([(samples::build_id(), BTreeSet::from([device("edge-1"), device("edge-2")]))])
}

#[tokio::test]
async fn a_base_image_leads_to_its_builds_and_these_to_their_devices() {
    let desk = Desk::open().await;
    deployed(&desk).await;
    let builds = vec![samples::build_id(), BuildId::new("b-9").unwrap()];
    let found = ask(&desk, Origin::Builds(builds)).await;
    assert_eq!(found.builds[&samples::build_id()], both()[&samples::build_id()]);
    assert!(found.builds[&BuildId::new("b-9").unwrap()].is_empty(), "a build that runs nowhere");
    let base = |version: &str| Origin::BaseImage {
        base_image: "debian-trixie".to_owned(),
        base_version: version.to_owned(),
    };
    let found = ask(&desk, base("13.1")).await;
    assert_eq!((&found.builds, found.differences(&both())), (&both(), vec![]));
    assert_eq!(ask(&desk, base("12")).await, Impact::default(), "nothing was built on it");
    desk.simulator.shutdown().await;
}

#[tokio::test]
async fn what_the_cmdb_has_otherwise_is_named() {
    let desk = Desk::open().await;
    deployed(&desk).await;
    let item = |key| SysId::derived("cmdb_ci_os_image", &key);
    let build = item(correlation::build_item(&samples::build_id()));
    let second = item(correlation::device_item(&device("edge-2")));
    let relations = desk.ours.dynamic_table("cmdb_rel_ci");
    // One relation is taken away by hand, another is made to an item of somebody else.
    let all = relations.find(&Query::new().limit(50)).await.unwrap();
    let gone = all.iter().find(|row| row.text("child") == second.as_str()).unwrap();
    let stranger = desk.ours.dynamic_table("cmdb_ci_os_image");
    let stranger = stranger.create(&Fields::new().with("name", "stranger")).await.unwrap();
    let fields = Fields::new()
        .with("parent", build.as_str())
        .with("child", stranger.sys_id().as_str())
        .with("type", gone.text("type"));
    relations.create(&fields).await.unwrap();
    relations.delete(gone.sys_id()).await.unwrap();
    let found = ask(&desk, Origin::Builds(vec![samples::build_id()])).await;
    assert_eq!(
        found.differences(&both()),
        [
            "device edge-2 runs build b-1 by its reports, but not in the CMDB".to_owned(),
            format!("item {} is related, and none of ours", stranger.sys_id()),
        ]
    );
    let unknown = found.differences(&BTreeMap::new());
    assert_eq!(unknown[0], "device edge-1 runs build b-1 in the CMDB alone");
    desk.simulator.shutdown().await;
}

#[tokio::test]
async fn an_instance_without_the_type_of_relation_says_so() {
    let desk = Desk::open().await;
    deployed(&desk).await;
    let mut mapping = Mapping::guide();
    mapping.relations.build_runs_on_device = "Haunts::Haunted by".to_owned();
    let found = impact(&desk.ours, &mapping, &Origin::Builds(vec![samples::build_id()])).await.unwrap();
    assert_eq!(found.unasked, ["the type of relation \"Haunts::Haunted by\" is not there"]);
    desk.simulator.shutdown().await;
}

/// Guide, Phase 2, "CMDB Relationship Query": the answer stands on the P1 incident.
#[tokio::test]
async fn a_compromise_notes_what_its_builds_run_on() {
    let desk = Desk::open().await;
    deployed(&desk).await;
    let (ordered, revoked) = super::compromise::within_the_window().await;
    desk.tell(&[ordered.clone(), revoked]).await;
    let EventBody::RevocationOrdered(body) = &ordered.body else { panic!() };
    let notes = desk.notes(&body.incident).await;
    assert!(notes.contains("1 build(s) run on 2 device(s)"), "{notes}");
    assert!(notes.contains("device edge-2 runs build b-1 in the CMDB alone"), "{notes}");
    desk.simulator.shutdown().await;
}
