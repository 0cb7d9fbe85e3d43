//! A timer that fires, and a crash right after: the device's silence is told once.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use openfactory_examples::router::edges::Edge;
use openfactory_examples::state::SqliteStateStore;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey};
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use openfactory_sn::lifecycle::state::StateStore;
use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome};
use openfactory_sn::lifecycle::state::timer::Timer;

use crate::edges::crashes_at;
use crate::image;
use crate::kill::tell;
use crate::told::assert_nothing_twice;

/// Sets the clock of the device's next report to now, as if it had been silent for a day.
fn make_report_overdue(data_dir: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStateStore::open(&data_dir.join("router/state.sqlite")).unwrap());
        let device = DeviceId::new("edge-0001").unwrap();
        let found = store.load(&[EntityKey::Device(device.clone())]).await.unwrap();
        let Some(Entity::Device(known)) = found.into_iter().find_map(|(_, kept)| kept).map(|kept| kept.value)
        else {
            panic!("the story knows its device");
        };
        let since = known.awaiting_since.expect("a report is awaited");
        let since = openfactory_sn::lifecycle::timestamp::format(since);
        let overdue = serde_json::json!({
            "device": device, "build_id": known.build_id, "awaited": {"awaited": "report"}, "since": since,
        });
        let body = EventBody::ReportOverdue(Box::new(serde_json::from_value(overdue).unwrap()));
        let mut commit = Commit::new(EventId::new("the-clock-is-set").unwrap());
        commit.timers.push(Timer::new(format!("report:{device}"), SystemTime::now(), body));
        assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    });
}

#[test]
fn a_timer_fires_once_whatever_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let data_dir = folder.path().join("data");
    let before = tell(&image, &data_dir);
    make_report_overdue(&data_dir);

    let edge = Edge::ALL.iter().position(|edge| *edge == Edge::TimerFired).unwrap();
    assert!(crashes_at(edge, &image, &data_dir), "the timer is due, so it fires");
    assert!(!crashes_at(edge, &image, &data_dir), "it has fired");
    let after = tell(&image, &data_dir);
    assert_eq!(after.count("incident"), before.count("incident") + 1);
    assert_nothing_twice(&data_dir);
}
