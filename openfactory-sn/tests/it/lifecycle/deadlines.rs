//! Guide, "Key Compromise Response": the time limits of its phases.

use openfactory_attest::key::KeyKind;
use openfactory_sn::lifecycle::event::deadline::{Deadline, ResponseLate};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::notify::notice;
use openfactory_sn::lifecycle::plan::plan;
use openfactory_sn::lifecycle::priority::Priority;

use super::compromise::{compromised, contained, push_and_prove, resigned, reviewed};
use super::samples::{self, instant};
use super::world::{World, types};

const HOUR: u64 = 3600;
/// When the samples' compromise was detected.
const DETECTED: u64 = 490;

/// What is late when the clock shows so many seconds.
async fn late_at(world: &mut World, seconds: u64) -> Vec<ResponseLate> {
    let published = world.let_time_pass_until(seconds).await;
    let late = published.into_iter().filter_map(|event| match event.body {
        EventBody::ResponseLate(body) => Some(*body),
        _ => None,
    });
    late.collect()
}

fn deadlines(late: &[ResponseLate]) -> Vec<Deadline> {
    late.iter().map(|late| late.deadline).collect()
}

#[tokio::test]
async fn phase_1_and_2_a_key_that_is_not_revoked_is_told_after_an_hour_and_after_four() {
    let mut world = World::with_compliant_device().await;
    world.at(instant(500)).apply(&compromised(KeyKind::BuildPlatformSigning)).await;
    assert_eq!(late_at(&mut world, DETECTED + HOUR - 1).await, vec![]);
    assert_eq!(deadlines(&late_at(&mut world, DETECTED + HOUR).await), [Deadline::Contained]);
    assert_eq!(deadlines(&late_at(&mut world, DETECTED + 4 * HOUR).await), [Deadline::Assessed]);
    let late = late_at(&mut world, DETECTED + 48 * HOUR).await;
    assert_eq!(deadlines(&late), [Deadline::Remediated]);
    assert_eq!(late[0].reason, "The vault has not revoked the key.");
}

#[tokio::test]
async fn what_was_done_in_time_is_not_told() {
    let (mut world, _, _, follow) = contained(Some(39)).await;
    assert_eq!(late_at(&mut world, DETECTED + 4 * HOUR).await, vec![]);
    push_and_prove(&mut world, &follow).await;
    assert_eq!(late_at(&mut world, DETECTED + 200 * HOUR).await, vec![]);
    let published = world.apply(&reviewed()).await;
    assert_eq!(types(&published), ["key.recovered"]);
}

/// A timer that had fired already when its work was done.
#[tokio::test]
async fn a_deadline_that_comes_late_itself_is_void() {
    let (world, _, _, _) = contained(Some(39)).await;
    let key = samples::old_key();
    for deadline in ["contained", "assessed"] {
        let body = serde_json::from_value(serde_json::json!({"key_id": key, "deadline": deadline})).unwrap();
        let reached = samples::event(deadline, 90_000, EventBody::DeadlineReached(body));
        assert_eq!(world.apply(&reached).await, vec![], "{deadline}");
    }
}

#[tokio::test]
async fn phase_3_a_build_that_is_not_signed_anew_is_told_after_48_hours() {
    let (mut world, _, _, _) = contained(Some(39)).await;
    assert_eq!(late_at(&mut world, DETECTED + 48 * HOUR - 1).await, vec![]);
    let late = late_at(&mut world, DETECTED + 48 * HOUR).await;
    assert_eq!(deadlines(&late), [Deadline::Remediated]);
    assert_eq!(late[0].reason, "Not signed anew: b-1.");
}

#[tokio::test]
async fn phase_4_devices_that_do_not_prove_themselves_are_told_after_24_hours_and_after_72() {
    let (mut world, _, _, _) = contained(Some(39)).await;
    world.at(instant(600)).apply(&resigned("document, again")).await;
    for (hours, deadline) in [(24, Deadline::MostConverged), (72, Deadline::Converged)] {
        assert_eq!(late_at(&mut world, 600 + hours * HOUR - 1).await, vec![], "{hours} h");
        let late = late_at(&mut world, 600 + hours * HOUR).await;
        assert_eq!(deadlines(&late), [deadline]);
        assert_eq!(late[0].waits_for, [samples::device_id()]);
        assert_eq!(late[0].reason, "0 of 1 devices have proved themselves without the key.");
    }
}

/// Where nothing can be signed anew, devices are all that is left to wait for.
#[tokio::test]
async fn phase_4_begins_with_the_revocation_if_nothing_can_be_signed_anew() {
    let (mut world, _, _, _) = contained(None).await;
    let late = late_at(&mut world, 505 + 24 * HOUR).await;
    assert_eq!(deadlines(&late), [Deadline::MostConverged]);
}

/// What ServiceNow and whoever is on duty hear.
#[tokio::test]
async fn what_is_late_is_written_on_the_incident_and_told_to_a_person() {
    let (mut world, _, _, _) = contained(Some(39)).await;
    world.at(instant(600)).apply(&resigned("document, again")).await;
    let published = world.let_time_pass_until(600 + 24 * HOUR).await;
    let is_late = |event: &&Event| matches!(event.body, EventBody::ResponseLate(_));
    let late = published.iter().find(is_late).unwrap();
    let key = samples::old_key();
    let operations = plan(late, &Mapping::guide()).operations;
    let told: Vec<String> = operations.iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("write a work note on incident compromise/{key}")]);
    let text = format!("{operations:?}");
    for content in ["within 24 h", "0 of 1 devices", "Waited for: edge-1."] {
        assert!(text.contains(content), "{content} in {text}");
    }
    let notice = notice(late).unwrap();
    assert_eq!((notice.priority, notice.device, notice.user), (Some(Priority::P1), None, None));
    assert!(notice.text.contains("24 h. 0 of 1 devices"), "{}", notice.text);
}
