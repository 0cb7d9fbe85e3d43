//! The way round: a person writes into an incident of the simulator, what follows is decided, performed and told there.

use openfactory_simulator::{OAuthClient, Simulator, User};
use openfactory_sn::lifecycle::apply::{Repeat, apply};
use openfactory_sn::lifecycle::entity::{Instruction, RemediationState};
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::plan;
use openfactory_sn::{Auth, Client, CorrelationId, Fields, Query, Row, Secret};

use super::super::samples::{self, instant};
use super::super::world::World;
use super::{given, hint, only, record};
use crate::instance;

pub(in super::super) struct Desk {
    pub(in super::super) simulator: Simulator,
    /// The integration.
    pub(in super::super) ours: Client,
    /// A person.
    ada: Client,
}

impl Desk {
    pub(in super::super) async fn open() -> Self {
        let simulator = instance::prepared()
            .user(User::new("ada", "secret").roles(["itil", "itil_admin"]))
            .client(OAuthClient::new("sn-tests", "secret"))
            .client(OAuthClient::new("ada-tests", "secret").acting_as("ada"))
            .start()
            .await
            .unwrap();
        let client = |id: &str| {
            Client::builder(simulator.base_url())
                .root_certificate_pem(simulator.ca_pem().unwrap())
                .auth(Auth::client_credentials(id, Secret::new("secret")))
                .build()
                .unwrap()
        };
        let (ours, ada) = (client("sn-tests"), client("ada-tests"));
        Self { simulator, ours, ada }
    }

    /// Performs what is planned for the events, twice.
    pub(in super::super) async fn tell(&self, events: &[Event]) {
        let mapping = Mapping::guide();
        for event in events {
            let plan = plan(event, &mapping);
            for repeat in [Repeat::First, Repeat::MayHaveHappened] {
                let applied = apply(&plan, &self.ours, &mapping.tables, repeat).await.unwrap();
                let findings: Vec<&String> =
                    applied.findings.iter().filter(|text| !text.contains("ada@plant.example")).collect();
                assert!(findings.is_empty(), "{findings:?}");
            }
        }
    }

    /// A device with an open incident, here and there.
    async fn investigated(&self) -> (World, CorrelationId) {
        self.tell(&[samples::requested(), samples::deployed()]).await;
        let mut world = World::with_compliant_device().await;
        world.policy.instructors.insert("ada".to_owned());
        self.tell(&world.report(400, &["etc/ntp.conf"]).await).await;
        let incident = world.device().await.incidents[0].incident.clone();
        (world, incident)
    }

    /// Ada, or the integration, writes into the incident.
    async fn write(&self, client: &Client, incident: &CorrelationId, fields: &[(&str, &str)]) -> Row {
        let fields = fields.iter().fold(Fields::new(), |all, (name, value)| all.with(*name, *value));
        client.dynamic_table("incident").update(&record(incident), &fields).await.unwrap()
    }

    /// What the hint of a change comes to; the records are read from the simulator.
    async fn hear(&self, world: &mut World, id: &str, incident: &CorrelationId) -> Vec<Event> {
        let row = self.ours.dynamic_table("incident").get(&record(incident)).await.unwrap();
        let names: Vec<&str> = row.iter().map(|(name, _)| name).collect();
        world.observe_fields(&record(incident), names.into_iter().map(|name| (name, row.text(name))));
        let published = world.apply(&hint(id, incident)).await;
        self.tell(&published).await;
        published
    }

    pub(in super::super) async fn notes(&self, incident: &CorrelationId) -> String {
        let of = format!("element_id={}^element=work_notes", record(incident));
        let entries = self.simulator.store().query("sys_journal_field", &of).unwrap();
        entries.iter().map(|entry| entry.value("value").to_owned()).collect::<Vec<_>>().join("\n---\n")
    }

    async fn change(&self, order: &str) -> Row {
        let key = format!("order-change/{order}");
        let rows = self.ours.dynamic_table("change_request").find(&Query::new().limit(50)).await.unwrap();
        rows.into_iter().find(|row| row.text("correlation_id") == key).unwrap()
    }
}

#[tokio::test]
async fn a_person_has_a_device_rolled_back_by_a_field_of_the_incident() {
    let desk = Desk::open().await;
    let (mut world, incident) = desk.investigated().await;
    let row = desk.write(&desk.ada, &incident, &[("u_remediation", "rollback")]).await;
    assert_eq!(row.text("u_remediation_by"), "ada", "the instance says who");
    // We write a note before the hint is read: that it was Ada who instructed it still stands there.
    desk.write(&desk.ours, &incident, &[("work_notes", "something of ours")]).await;
    let published = desk.hear(&mut world, "h-1", &incident).await;
    let ordered = given(published);
    let order = only(&world).await.order.to_string();
    let change = desk.change(&order).await;
    assert_eq!((change.text("type"), change.text("state")), ("emergency", "-1"), "in Implement");
    assert!(change.text("description").contains(incident.as_str()), "{}", change.text("description"));
    assert!(desk.notes(&incident).await.contains(&format!("perform order {order}")), "told before");

    desk.tell(&[world.perform(&ordered, 460).await]).await;
    let row = desk.ours.dynamic_table("incident").get(&record(&incident)).await.unwrap();
    assert_eq!(row.text("rfc"), change.sys_id().as_str(), "the change request is linked to the incident");
    assert!(desk.notes(&incident).await.contains("roll back to build b-1: done"), "and after");
    desk.tell(&world.report(470, &[]).await).await;
    let row = desk.ours.dynamic_table("incident").get(&record(&incident)).await.unwrap();
    assert_eq!(row.text("state"), "6");
    assert_eq!(desk.change(&order).await.text("state"), "3", "closed by the device's own proof");
    assert_eq!(desk.hear(&mut world, "h-2", &incident).await, vec![]);
    assert_eq!(only(&world).await.state, RemediationState::Done);
    desk.simulator.shutdown().await;
}

#[tokio::test]
async fn nobody_instructs_in_the_name_of_another() {
    let desk = Desk::open().await;
    let (mut world, incident) = desk.investigated().await;
    world.policy.instructors = ["bob".to_owned()].into();
    let forged = [
        ("u_remediation", "rebuild"),
        ("u_remediation_by", "bob"),
        ("u_remediation_at", "2026-01-01 00:00:00"),
    ];
    let row = desk.write(&desk.ada, &incident, &forged).await;
    assert_eq!(row.text("u_remediation_by"), "ada");
    let row = desk.write(&desk.ada, &incident, &[("u_remediation_by", "bob")]).await;
    assert_eq!(row.text("u_remediation_by"), "ada");
    desk.hear(&mut world, "h-1", &incident).await;
    assert!(matches!(only(&world).await.state, RemediationState::Dropped { .. }));
    assert!(desk.notes(&incident).await.contains("ada is not among those whose instructions count"));
    assert_eq!(world.device().await.order, None);
    desk.simulator.shutdown().await;
}

#[tokio::test]
async fn a_rebuild_that_waits_has_its_change_request_at_authorize_and_withdrawn_it_is_canceled() {
    let desk = Desk::open().await;
    let (mut world, incident) = desk.investigated().await;
    world.policy.instructions_that_wait.insert(Instruction::Rebuild);
    desk.write(&desk.ada, &incident, &[("u_remediation", "rebuild")]).await;
    desk.hear(&mut world, "h-1", &incident).await;
    let order = only(&world).await.order.to_string();
    let change = desk.change(&order).await;
    assert_eq!((change.text("state"), change.text("approval")), ("-3", "requested"));
    assert!(change.text("short_description").contains("rebuild build b-1"));
    assert!(desk.notes(&incident).await.contains("waits for the approval"));
    desk.write(&desk.ada, &incident, &[("u_remediation", "")]).await;
    world.at(instant(470));
    desk.hear(&mut world, "h-2", &incident).await;
    assert_eq!(desk.change(&order).await.text("state"), "4");
    assert!(desk.notes(&incident).await.contains("withdrawn"));
    desk.simulator.shutdown().await;
}
