use std::time::{Duration, SystemTime};

use openfactory_sn::ErrorKind;
use openfactory_sn::poll::{Cursor, Poller};
use openfactory_sn::record::Field;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
use openfactory_sn::value::parse_date_time;
use serde_json::{Value, json};

use crate::support::INCIDENT;

fn at(text: &str) -> SystemTime {
    parse_date_time(text).unwrap()
}

fn cursor(text: &str) -> Cursor {
    Cursor::from(at(text)).unwrap()
}

fn row(key: &str, time: &str, count: u32, by: &str) -> Value {
    json!({"sys_id": key, "sys_updated_on": time, "sys_mod_count": count.to_string(), "sys_updated_by": by, "active": "true"})
}

fn asks(query: &str) -> Expected {
    Expected::get(INCIDENT).query("sysparm_query", format!("{query}^ORDERBYsys_updated_on^ORDERBYsys_id"))
}

fn rows(rows: &[Value]) -> Reply {
    Reply::result(200, rows.iter().cloned().collect())
}

#[tokio::test]
async fn each_look_goes_back_and_shows_what_is_new() {
    let ours = row("a", "2025-12-31 23:00:05", 4, "svc");
    let from = |time: &str| asks(&format!("sys_updated_on>=2025-12-31 22:58:{time}^active=true"));
    let script = ScriptedTransport::new()
        .on(from("00"), rows(&[row("a", "2025-12-31 23:00:00", 3, "eve")]))
        .on(from("00"), rows(&[ours.clone(), row("b", "2025-12-31 23:00:05", 0, "svc")]))
        .on(from("05"), rows(&[ours, row("a2", "2025-12-31 23:00:04", 9, "eve")]));
    let poller = Poller::new("incident").and(Field::<bool>::new("active").is(true)).own_user("svc");
    let mut cursor = cursor("2025-12-31 23:00:00");
    let sn = client(&script);
    let first = poller.poll(&sn, &mut cursor).await.unwrap();
    assert_eq!((first.len(), first[0].by_us, first[0].unseen), (1, false, None));
    let second = poller.poll(&sn, &mut cursor).await.unwrap();
    assert!(second[0].is_our_echo(), "one update, ours");
    assert!(
        second[1].by_us && !second[1].is_our_echo(),
        "not known before: somebody else's may lie before it"
    );
    let third = poller.poll(&sn, &mut cursor).await.unwrap();
    assert_eq!(
        third.iter().map(|changed| changed.row.sys_id().as_str()).collect::<Vec<_>>(),
        ["a2"],
        "late, but seen"
    );
    script.assert_done();
}

#[tokio::test]
async fn a_persons_update_before_ours_shows() {
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), rows(&[row("a", "2025-12-31 23:00:00", 3, "svc")]))
        .on(Expected::get(INCIDENT), rows(&[row("a", "2025-12-31 23:00:09", 5, "svc")]));
    let poller = Poller::new("incident").own_user("svc");
    let mut cursor = cursor("2025-12-31 23:00:00");
    let sn = client(&script);
    poller.poll(&sn, &mut cursor).await.unwrap();
    let changed = poller.poll(&sn, &mut cursor).await.unwrap();
    assert_eq!((changed[0].by_us, changed[0].unseen, changed[0].is_our_echo()), (true, Some(1), false));
}

#[tokio::test]
async fn more_ties_than_a_page_are_followed_by_key() {
    let time = "2025-12-31 23:00:00";
    let page: Vec<_> = (0..500).map(|n| row(&format!("{n:032x}"), time, 0, "eve")).collect();
    let last = format!("{:032x}", 499);
    let script = ScriptedTransport::new().on(asks("sys_updated_on>=2025-12-31 22:58:00"), rows(&page)).on(
        asks(&format!("sys_updated_on={time}^sys_id>{last}^NQsys_updated_on>{time}")),
        rows(&[row("ff", time, 0, "eve"), row("aa", "2025-12-31 23:00:01", 0, "eve")]),
    );
    let changed = Poller::new("incident").poll(&client(&script), &mut cursor(time)).await.unwrap();
    assert_eq!(changed.len(), 502);
    script.assert_done();
}

#[tokio::test]
async fn a_stamp_in_the_future_does_not_carry_the_cursor_along() {
    // The clock of the scripted client stands at 2026-01-01 00:00:00.
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), rows(&[row("a", "2030-01-01 00:00:00", 1, "eve")]))
        .on(asks("sys_updated_on>=2025-12-31 23:58:00"), rows(&[row("a", "2030-01-01 00:00:00", 1, "eve")]));
    let mut cursor = cursor("2025-12-31 23:00:00");
    let (poller, sn) = (Poller::new("incident"), client(&script));
    assert_eq!(poller.poll(&sn, &mut cursor).await.unwrap().len(), 1);
    assert_eq!(poller.poll(&sn, &mut cursor).await.unwrap().len(), 0);
    script.assert_done();
}

#[tokio::test]
async fn a_look_that_failed_moves_nothing() {
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), Reply::fault(403, "Insufficient rights to query records", ""))
        .on(
            Expected::get(INCIDENT),
            rows(&[json!({"sys_id": "a", "sys_updated_on": "2026-01-01 00:00:00"})]),
        );
    let before = cursor("2025-12-31 23:00:00");
    let (poller, sn, mut after) = (Poller::new("incident"), client(&script), before.clone());
    for kind in [ErrorKind::Forbidden, ErrorKind::Decode] {
        assert_eq!(poller.poll(&sn, &mut after).await.unwrap_err().kind(), kind);
        assert_eq!(after, before);
    }
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), before);
    let broken: Cursor = serde_json::from_value(json!({"since": "soon", "seen": {}})).unwrap();
    assert_eq!(poller.poll(&sn, &mut broken.clone()).await.unwrap_err().kind(), ErrorKind::Decode);
    assert!(Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000)).is_none());
}
