//! Guide, "Incident Priority Matrix", P4: logged, batched into the daily report.

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::fleet::DayReported;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::{Operation, plan};

use super::instructions::simulated::Desk;
use super::samples;
use super::world::{World, types};

/// The samples begin at 14:13:20; midnight is so many seconds later.
const MIDNIGHT: u64 = 35_200;

async fn day(reports: &[(u64, &[&str])]) -> (World, Vec<openfactory_sn::lifecycle::event::Event>) {
    let mut world = World::with_compliant_device().await;
    for (seconds, paths) in reports {
        world.report(*seconds, paths).await;
    }
    assert_eq!(world.let_time_pass_until(MIDNIGHT - 1).await, vec![]);
    let published = world.let_time_pass_until(MIDNIGHT).await;
    (world, published)
}

fn report(published: &[openfactory_sn::lifecycle::event::Event]) -> &DayReported {
    match &published[0].body {
        EventBody::DayReported(body) => body,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_calls_for_nothing_is_one_incident_for_fleet_and_day() {
    let rotation = "etc/logrotate.d/rsyslog";
    let (mut world, published) = day(&[(400, &[rotation]), (500, &[rotation]), (600, &[rotation])]).await;
    assert_eq!(types(&published), ["fleet.day_reported"]);
    let body = report(&published);
    assert_eq!((body.date().as_str(), body.minor.findings.len()), ("2026-09-21", 1), "told once a day");
    let plan = plan(&published[0], &Mapping::guide());
    let [Operation::Create { record, values }, Operation::Attach { .. }] = &plan.operations[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(record.to_string(), "incident daily/line-7/2026-09-21");
    assert_eq!((values.get_text("impact"), values.get_text("urgency")), (Some("2"), Some("3")));
    assert!(values.get_text("description").unwrap().contains("device edge-1: ./etc/logrotate.d/rsyslog"));

    // The next day has a report of its own, a quiet one has none.
    world.report(MIDNIGHT + 10, &[rotation]).await;
    let published = world.let_time_pass_until(MIDNIGHT + 86_400).await;
    let reports = published.iter().filter(|event| matches!(event.body, EventBody::DayReported(_)));
    assert_eq!(reports.count(), 1);
    let published = world.let_time_pass_until(MIDNIGHT + 2 * 86_400).await;
    assert!(!types(&published).contains(&"fleet.day_reported"));
}

#[tokio::test]
async fn a_quiet_day_has_no_report() {
    let (_, published) = day(&[(400, &[])]).await;
    assert_eq!(published, vec![]);
}

/// A router that was away at midnight: the next finding tells the day before, and the timer nothing more.
#[tokio::test]
async fn a_day_that_was_not_told_in_time_is_told_by_the_next_finding() {
    let mut world = World::with_compliant_device().await;
    world.report(400, &["etc/logrotate.d/rsyslog"]).await;
    let published = world.report(MIDNIGHT + 10, &["etc/logrotate.d/rsyslog"]).await;
    assert_eq!(
        (types(&published), report(&published).date().as_str()),
        (vec!["fleet.day_reported"], "2026-09-21")
    );
    let published = world.let_time_pass_until(MIDNIGHT + 86_399).await;
    assert!(!types(&published).contains(&"fleet.day_reported"));
}

#[tokio::test]
async fn the_report_stands_in_servicenow_once() {
    let (_, published) = day(&[(400, &["etc/logrotate.d/rsyslog"])]).await;
    let desk = Desk::open().await;
    desk.tell(&published).await;
    let incidents = desk.simulator.store().records("incident").unwrap();
    let ours: Vec<_> =
        incidents.iter().filter(|row| row.value("correlation_id") == "daily/line-7/2026-09-21").collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0].value("priority"), "4");
    let files = desk.simulator.store().query("sys_attachment", "file_name=daily-report.json").unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(samples::fleet().as_str(), "line-7");
    desk.simulator.shutdown().await;
}
