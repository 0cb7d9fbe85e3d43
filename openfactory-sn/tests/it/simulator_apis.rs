//! The further APIs, and what is built on them, against a ServiceNow that shares no code with the client.

use std::time::{Duration, SystemTime};

use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_simulator::profile::Profile;
use openfactory_simulator::{CHANGE_MANAGER_USER, OAuthClient, Simulator, User};
use openfactory_sn::cmdb::{CiOperation, IreErrorCode, Item, Payload};
use openfactory_sn::doctor::{Needs, Verdict};
use openfactory_sn::models::change_request::{STATE, State, Type};
use openfactory_sn::models::choice::Choice;
use openfactory_sn::models::relationship_type::RelationshipType;
use openfactory_sn::poll::{Cursor, Poller};
use openfactory_sn::sync::{Desired, Sent};
use openfactory_sn::{Auth, Cause, Client, CorrelationId, ErrorKind, Fields, Secret};

use crate::instance;
use crate::support::{client_of, person};

async fn simulator() -> Simulator {
    instance::builder().client(OAuthClient::new("apis", "s3cr3t")).start().await.unwrap()
}

fn integration(simulator: &Simulator) -> Client {
    client_of(simulator, Auth::client_credentials("apis", Secret::new("s3cr3t")))
}

#[tokio::test]
async fn a_change_by_the_instances_own_rules() {
    let simulator = simulator().await;
    let changes = integration(&simulator).changes();
    let fields = Fields::new().with("short_description", "kiosk 1.2").with("u_bogus", "x");
    let made = changes.create(&Type::Normal, None, &fields).await.unwrap();
    let key = made.change.sys_id().clone();
    assert_eq!(made.change.state, Some(State::New));
    let next = changes.next_states(&key).await.unwrap();
    assert!(next.allows(&State::Assess) && !next.allows(&State::Closed), "{next:?}");
    let moved = changes.update(&key, &Fields::new().with_field(STATE, State::Assess)).await.unwrap();
    // Nobody is in its group to be asked first.
    assert_eq!(moved.change.state, Some(State::Authorize));
    let manager = person(&simulator, CHANGE_MANAGER_USER).changes();
    manager.approve(&key, "fine").await.unwrap();
    let state = changes.get(&key).await.unwrap().state;
    assert_eq!(state, Some(State::Scheduled), "approved, so it moved by itself");
    simulator.shutdown().await;
}

#[tokio::test]
async fn items_are_identified() {
    let simulator = simulator().await;
    let cmdb = integration(&simulator).cmdb();
    let payload = |version: &str| {
        let mut payload = Payload::new("OpenFactory");
        let fields =
            Fields::new().with("name", "edge-0001").with("serial_number", "SN1").with("os_version", version);
        payload.item(Item::new("cmdb_ci_linux_server", fields));
        payload
    };
    let operation = |outcome: openfactory_sn::cmdb::Outcome| outcome.items[0].clone().unwrap().operation;
    let would = cmdb.would_reconcile(&payload("1")).await.unwrap();
    assert_eq!(operation(would), CiOperation::Insert);
    let mut with_bad = payload("1");
    with_bad.item(Item::new("cmdb_ci", Fields::new().with("name", "x")));
    let refused = cmdb.reconcile(&with_bad).await.unwrap();
    let code = |index: usize| refused.items[index].clone().unwrap_err().errors[0].code.clone();
    assert_eq!((code(0), code(1)), (IreErrorCode::Abandoned, IreErrorCode::IdentificationRuleMissing));
    assert!(simulator.store().query("cmdb_ci_linux_server", "serial_number=SN1").unwrap().is_empty());
    assert_eq!(operation(cmdb.reconcile(&payload("1")).await.unwrap()), CiOperation::Insert);
    assert_eq!(operation(cmdb.reconcile(&payload("1")).await.unwrap()), CiOperation::NoChange);
    let third = cmdb.reconcile(&payload("2")).await.unwrap();
    assert_eq!(operation(third), CiOperation::Update);
    assert_eq!(simulator.store().query("cmdb_ci_linux_server", "serial_number=SN1").unwrap().len(), 1);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_fleet_is_synchronised_and_its_changes_are_polled() {
    let simulator = simulator().await;
    let client = integration(&simulator);
    let runs_on = RelationshipType::named(&client, "Runs on::Runs").await.unwrap();
    let fleet = |version: &str| {
        let mut desired = Desired::new();
        let id = |text: &str| CorrelationId::new(text).unwrap();
        let image = desired.record("cmdb_ci", &id("image"), Fields::new().with("name", "kiosk"));
        for n in 0..20 {
            let fields = Fields::new()
                .with("name", format!("edge-{n}"))
                .with("os_version", if n == 7 { version } else { "1" });
            let device = desired.record("cmdb_ci_linux_server", &id(&format!("device/{n}")), fields);
            desired.relation(&device, &runs_on, &image).unwrap();
        }
        desired
    };
    let mut cursor = Cursor::from(SystemTime::now() - Duration::from_secs(60)).unwrap();
    let mut sent = Sent::new();
    let first = client.sync(&fleet("1"), &mut sent).await;
    assert_eq!((first.created, first.failed.len()), (41, 0), "{:?}", first.failed);
    let poller = Poller::new("cmdb_ci_linux_server");
    assert_eq!(poller.poll(&client, &mut cursor).await.unwrap().len(), 20);
    let second = client.sync(&fleet("2"), &mut sent).await;
    assert_eq!((second.created, second.updated, second.failed.len()), (0, 1, 0));
    let changed = poller.poll(&client, &mut cursor).await.unwrap();
    assert_eq!((changed.len(), changed[0].as_ref().unwrap().row.text("name")), (1, "edge-7"));
    client.look_again(&fleet("2"), &mut sent).await.unwrap();
    assert!(fleet("2").differences(&sent).is_empty());
    simulator.shutdown().await;
}

#[tokio::test]
async fn choices_that_are_hidden_are_not_taken_for_missing() {
    let user = User::new("openfactory.integration", "pw");
    let simulator = instance::of(Profile::Stock).user(user).start().await.unwrap();
    let client = person(&simulator, "openfactory.integration");
    let error = Choice::offered(&client, "incident", "close_code").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    let findings = client.examine(&Needs::new().choice("incident", "state", "1")).await;
    let finding = findings.iter().find(|finding| finding.need.starts_with("choice")).unwrap();
    assert!(matches!(finding.verdict, Verdict::Unchecked(_)), "{finding:?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn an_instance_is_examined() {
    let simulator = simulator().await;
    let needs = Needs::new()
        .table("change_request")
        .table("u_no_such_table")
        .relation_type("Runs on::Runs")
        .change_management();
    let findings = integration(&simulator).examine(&needs).await;
    let verdict = |need: &str| &findings.iter().find(|finding| finding.need == need).unwrap().verdict;
    assert!(matches!(verdict("credential"), Verdict::Good | Verdict::Remark), "{findings:#?}");
    assert!(matches!(verdict("table u_no_such_table"), Verdict::Missing));
    assert!(matches!(verdict("relation type Runs on::Runs"), Verdict::Good), "{findings:#?}");
    assert!(matches!(verdict("Change Management API"), Verdict::Good), "{findings:#?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn events_become_one_alert_however_often_they_are_sent() {
    use openfactory_sn::event::{Event, Severity};

    let simulator = simulator().await;
    let events = integration(&simulator).events();
    let event = |severity| {
        Event::new("OpenFactory", "drift/edge-1", severity, SystemTime::now())
            .node("edge-1")
            .info("path", "/etc/\"x\"")
    };
    events.send(&[event(Severity::Minor), event(Severity::Major)]).await.unwrap();
    // An answer is lost, and the client sends again.
    simulator.inject(Fault::new(FaultKind::DropAfterCommit).on_path("/api/global/em/jsonv2"));
    events.send(&[event(Severity::Major)]).await.unwrap();
    let store = simulator.store();
    let alerts = store.records("em_alert").unwrap();
    assert_eq!((alerts.len(), store.records("em_event").unwrap().len()), (1, 4));
    assert_eq!((alerts[0].value("state"), alerts[0].value("severity")), ("Open", "2"));
    assert_eq!(alerts[0].value("additional_info"), r#"{"path":"/etc/\"x\""}"#);
    events.send(&[event(Severity::Clear)]).await.unwrap();
    assert_eq!(simulator.store().records("em_alert").unwrap()[0].value("state"), "Closed");
    // Whoever lacks the role is told so, and an instance without the plugin has no such door.
    let itil =
        person(&simulator, CHANGE_MANAGER_USER).events().send(&[event(Severity::Ok)]).await.unwrap_err();
    assert_eq!((itil.kind(), itil.cause()), (ErrorKind::Forbidden, Some(Cause::ApiAcl)));
    simulator.shutdown().await;
    let stock = instance::of(Profile::Stock).user(User::new("svc", "x").roles(["admin"]));
    let stock = stock.start().await.unwrap();
    let absent = person(&stock, "svc").events().send(&[event(Severity::Ok)]).await.unwrap_err();
    assert_eq!((absent.kind(), absent.cause()), (ErrorKind::Invalid, Some(Cause::NoSuchApi)));
    assert!(absent.advice().contains("plugin"), "{}", absent.advice());
    stock.shutdown().await;
}
