use std::time::{Duration, SystemTime};

use openfactory_sn::Client;
use openfactory_sn::ErrorKind;
use openfactory_sn::poll::{Changed, Cursor, Poller};
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

/// A look of which all can be read.
async fn poll(poller: &Poller, sn: &Client, cursor: &mut Cursor) -> Vec<Changed> {
    poller.poll(sn, cursor).await.unwrap().into_iter().map(Result::unwrap).collect()
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
    let first = poll(&poller, &sn, &mut cursor).await;
    assert_eq!((first.len(), first[0].by_us, first[0].unseen), (1, false, None));
    let second = poll(&poller, &sn, &mut cursor).await;
    assert!(second[0].is_our_echo(), "one update, ours");
    assert!(
        second[1].by_us && !second[1].is_our_echo(),
        "not known before: somebody else's may lie before it"
    );
    let third = poll(&poller, &sn, &mut cursor).await;
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
    poll(&poller, &sn, &mut cursor).await;
    let changed = poll(&poller, &sn, &mut cursor).await;
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
    let changed = poll(&Poller::new("incident"), &client(&script), &mut cursor(time)).await;
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
    assert_eq!(poll(&poller, &sn, &mut cursor).await.len(), 1);
    assert_eq!(poll(&poller, &sn, &mut cursor).await.len(), 0);
    script.assert_done();
}

#[tokio::test]
async fn a_look_that_failed_moves_nothing() {
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), Reply::fault(403, "Insufficient rights to query records", ""))
        .on(Expected::get(INCIDENT), rows(&hidden(0)));
    let before = cursor("2025-12-31 23:00:00");
    let (poller, sn, mut after) = (Poller::new("incident"), client(&script), before.clone());
    for kind in [ErrorKind::Forbidden, ErrorKind::Decode] {
        assert_eq!(poller.poll(&sn, &mut after).await.unwrap_err().kind(), kind);
        assert_eq!(after, before);
    }
    script.assert_done();
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), before);
    let broken: Cursor = serde_json::from_value(json!({"since": "soon", "seen": {}})).unwrap();
    assert_eq!(poller.poll(&sn, &mut broken.clone()).await.unwrap_err().kind(), ErrorKind::Decode);
    assert!(Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000)).is_none());
}

/// A page of records that do not show when they were updated.
fn hidden(from: usize) -> Vec<Value> {
    (from..from + 500).map(|n| json!({"sys_id": format!("{n:032x}")})).collect()
}

/// Keys of what was read, and of what could not be, in their order.
async fn told(poller: &Poller, sn: &Client, cursor: &mut Cursor) -> Vec<Result<String, String>> {
    let told = poller.poll(sn, cursor).await.unwrap();
    let key = |key: &openfactory_sn::SysId| key.to_string();
    told.into_iter()
        .map(|one| match one {
            Ok(changed) => Ok(key(changed.row.sys_id())),
            Err(malformed) => Err(malformed.sys_id.as_ref().map(key).unwrap_or_default()),
        })
        .collect()
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_nothing() {
    let bad = [
        json!({"sys_id": "hidden"}),
        json!({"sys_id": "garbage", "sys_updated_on": "yesterday", "sys_mod_count": "1"}),
        json!({"sys_id": "uncounted", "sys_updated_on": "2025-12-31 23:00:01"}),
        json!({"no": "record"}),
        json!("x"),
    ];
    let good = |key: &str, time: &str| row(key, time, 1, "eve");
    let page = [&[good("a", "2025-12-31 23:00:00")], &bad[..], &[good("b", "2025-12-31 23:00:02")]].concat();
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), rows(&page))
        .on(
            asks("sys_updated_on>=2025-12-31 22:58:02"),
            rows(&[bad[0].clone(), good("c", "2025-12-31 23:00:03")]),
        )
        .on(asks("sys_updated_on>=2025-12-31 22:58:03"), rows(&[bad[0].clone()]));
    let (poller, sn, mut cursor) = (Poller::new("incident"), client(&script), cursor("2025-12-31 23:00:00"));
    let of = |key: &str| Ok(key.to_owned());
    let not = |key: &str| Err(key.to_owned());
    assert_eq!(
        told(&poller, &sn, &mut cursor).await,
        [of("a"), not("hidden"), not("garbage"), not("uncounted"), not(""), not(""), of("b")]
    );
    assert_eq!(told(&poller, &sn, &mut cursor).await, [not("hidden"), of("c")], "the cursor went on");
    assert_eq!(told(&poller, &sn, &mut cursor).await, [not("hidden")], "alone, it stops nothing either");
    script.assert_done();
}

#[tokio::test]
async fn whole_pages_that_cannot_be_read_are_passed() {
    let time = "2025-12-31 23:00:00";
    let mut first = hidden(0);
    first[0] = row("a", time, 0, "eve");
    let query = format!("sys_updated_on={time}^sys_id>a^NQsys_updated_on>{time}");
    let script = ScriptedTransport::new()
        .on(asks("sys_updated_on>=2025-12-31 22:58:00"), rows(&first))
        .on(asks(&query), rows(&hidden(1)))
        .on(
            asks(&query).query("sysparm_offset", "500"),
            rows(&[row("b", time, 0, "eve"), json!({"sys_id": "z"})]),
        );
    let mut cursor = cursor(time);
    let told = told(&Poller::new("incident"), &client(&script), &mut cursor).await;
    assert_eq!(
        (told.first(), told.iter().flatten().count(), told.len()),
        (Some(&Ok("a".to_owned())), 2, 503)
    );
    script.assert_done();
}

#[tokio::test]
async fn a_list_that_runs_backwards_is_given_up() {
    let page =
        |time: &str| -> Vec<Value> { (0..500).map(|n| row(&format!("{n:032x}"), time, 0, "eve")).collect() };
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), rows(&page("2025-12-31 23:00:01")))
        .on(Expected::get(INCIDENT), rows(&page("2025-12-31 23:00:00")));
    let error =
        Poller::new("incident").poll(&client(&script), &mut cursor("2025-12-31 23:00:00")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    script.assert_done();
}

#[tokio::test]
async fn after_a_long_outage_what_changed_is_told_in_parts() {
    let second = |n: usize| format!("2025-12-31 {:02}:{:02}:{:02}", 10 + n / 3_600, n / 60 % 60, n % 60);
    let pages: Vec<Vec<Value>> = (0..21)
        .map(|page| {
            (page * 500..page * 500 + 500).map(|n| row(&format!("{n:032x}"), &second(n), 0, "eve")).collect()
        })
        .collect();
    let script = pages[..20]
        .iter()
        .fold(ScriptedTransport::new(), |script, page| script.on(Expected::get(INCIDENT), rows(page)))
        .on(asks("sys_updated_on>=2025-12-31 12:44:39"), rows(&pages[20][..2]));
    let (poller, sn, mut cursor) = (Poller::new("incident"), client(&script), cursor("2025-12-31 09:00:00"));
    assert_eq!(poll(&poller, &sn, &mut cursor).await.len(), 10_000);
    assert_eq!(poll(&poller, &sn, &mut cursor).await.len(), 2, "from where it stood");
    script.assert_done();
}

#[tokio::test]
async fn more_updates_than_a_look_tells_in_one_second_are_all_told() {
    let time = "2025-12-31 23:00:00";
    let page = |page: usize| -> Vec<Value> {
        (page * 500..page * 500 + 500).map(|n| row(&format!("{n:032x}"), time, 0, "eve")).collect()
    };
    let script = (0..21)
        .fold(ScriptedTransport::new(), |script, n| script.on(Expected::get(INCIDENT), rows(&page(n))));
    let script = script.on(Expected::get(INCIDENT), rows(&[]));
    let mut cursor = cursor(time);
    assert_eq!(poll(&Poller::new("incident"), &client(&script), &mut cursor).await.len(), 10_500);
    script.assert_done();
}
