//! What is planned, done at a ServiceNow that shares no code with us.

use openfactory_simulator::{OAuthClient, Simulator};
use openfactory_sn::Row;
use openfactory_sn::lifecycle::apply::{Repeat, apply};
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::plan;
use openfactory_sn::{Auth, Client, Query, Secret};
use openfactory_zone2::Row as Guide;
use serde_json::json;

use super::super::samples;
use super::lockdown::{after, command, transition, unlock};
use super::{found, overlay, sealed};
use crate::instance;

struct Desk {
    simulator: Simulator,
    client: Client,
}

impl Desk {
    async fn open() -> Self {
        let simulator =
            instance::prepared().client(OAuthClient::new("sn-tests", "secret")).start().await.unwrap();
        let client = Client::builder(simulator.base_url())
            .root_certificate_pem(simulator.ca_pem().unwrap())
            .auth(Auth::client_credentials("sn-tests", Secret::new("secret")))
            .build()
            .unwrap();
        let desk = Self { simulator, client };
        desk.tell(&[samples::requested(), samples::deployed()]).await;
        desk
    }

    /// Performs what is planned for the events, twice.
    async fn tell(&self, events: &[Event]) {
        let mapping = Mapping::guide();
        for event in events {
            let plan = plan(event, &mapping);
            for repeat in [Repeat::First, Repeat::MayHaveHappened] {
                let applied = apply(&plan, &self.client, &mapping.tables, repeat).await.unwrap();
                let findings: Vec<&String> =
                    applied.findings.iter().filter(|text| !text.contains("ada@plant.example")).collect();
                assert!(findings.is_empty(), "{findings:?}");
            }
        }
    }

    async fn records(&self, table: &str) -> Vec<Row> {
        self.client.dynamic_table(table).find(&Query::new().limit(50)).await.unwrap()
    }

    async fn of_key(&self, table: &str, correlation: &str) -> Row {
        let rows = self.records(table).await;
        rows.into_iter().find(|row| row.text("correlation_id") == correlation).unwrap()
    }
}

#[tokio::test]
async fn an_unlock_is_closed_by_a_signed_lock_and_reviewed_after_its_window() {
    let desk = Desk::open().await;
    let mut world = sealed().await;
    desk.tell(&after(&mut world, 500, unlock()).await).await;
    assert_eq!(desk.of_key("change_request", "unlock/edge-1/2").await.text("state"), "-1");
    let lock = transition(3, "unlocked", "locked", "relocked", "new seal", command());
    desk.tell(&after(&mut world, 600, lock).await).await;
    assert_eq!(desk.of_key("change_request", "unlock/edge-1/2").await.text("state"), "3");
    let item = desk.of_key("cmdb_ci_os_image", "device/edge-1").await;
    assert_eq!(item.text("u_seal_digest"), samples::digest("new seal").to_string());
    assert_eq!((item.text("u_lockdown_state"), item.text("u_overlay_state")), ("locked", "as sealed"));

    let mut again = transition(4, "locked", "unlocked", "unlocked", "new seal", command());
    again.expires = Some(samples::instant(900));
    desk.tell(&after(&mut world, 700, again).await).await;
    let mut expired = transition(5, "unlocked", "locked", "relocked", "new seal", json!("expired"));
    expired.findings = vec![found(Guide::HashMismatch, "/etc/plant/x")];
    desk.tell(&after(&mut world, 900, expired).await).await;
    assert_eq!(desk.of_key("change_request", "unlock/edge-1/4").await.text("state"), "0", "in Review");
    let [incident] = desk.records("incident").await.try_into().unwrap();
    assert_eq!(incident.text("priority"), "1");
    desk.simulator.shutdown().await;
}

#[tokio::test]
async fn two_causes_are_two_incidents_and_each_is_resolved_by_itself() {
    let desk = Desk::open().await;
    let mut world = sealed().await;
    let address = || found(Guide::NetworkAddress, "eth0");
    let both = overlay(vec![address(), found(Guide::Certificate, "/etc/tls/crt")], vec![]);
    desk.tell(&world.tells(400, both).await).await;
    let item = desk.of_key("cmdb_ci_os_image", "device/edge-1").await;
    assert_eq!((item.text("u_compliance_flags"), item.text("u_overlay_state")), ("Cert Expired", "violated"));
    desk.tell(&world.tells(410, overlay(vec![address()], vec![])).await).await;
    let item = desk.of_key("cmdb_ci_os_image", "device/edge-1").await;
    assert_eq!(item.text("u_compliance_flags"), "");
    let incidents = desk.records("incident").await;
    let mut groups = Vec::new();
    for incident in &incidents {
        let group = incident.text("assignment_group").parse().unwrap();
        let group = desk.client.dynamic_table("sys_user_group").get(&group).await.unwrap();
        groups.push((group.text("name").to_owned(), incident.text("state").to_owned()));
    }
    groups.sort();
    let row = |group: &str, state: &str| (group.to_owned(), state.to_owned());
    assert_eq!(groups, [row("Network Operations", "1"), row("Security Operations", "6")]);
    desk.simulator.shutdown().await;
}
