//! Guide, "Unauthorized Zone 2 Modification".

use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::device::Unattested;
use openfactory_sn::lifecycle::platform::Action;
use openfactory_zone2::Row;
use openfactory_zone2::overlay_report::{NotLookedAt, OverlayFinding};
use serde_json::json;

use super::super::plans::{group, planned};
use super::super::samples;
use super::super::world::{World, types};
use super::{found, in_state, incident, overlay, reported, sealed, texts};

/// Row, impact and urgency, group, whether the device is quarantined.
#[tokio::test]
async fn unauthorized_modification_row_by_row() {
    let rows = [
        (Row::HashMismatch, "P1", ("1", "1"), "Security Operations", true),
        (Row::WriteAttempt, "P2", ("1", "2"), "Security Operations", false),
        (Row::Executable, "P1", ("1", "1"), "Security Operations", true),
        (Row::OutsideManifest, "P3", ("2", "2"), "Fleet Operations", false),
    ];
    for (row, priority, (impact, urgency), owner, quarantined) in rows {
        let mut world = sealed().await;
        let told = world.tells(400, overlay(vec![found(row, "/etc/plant/x")], vec![])).await;
        let expected: &[&str] =
            if quarantined { &["device.drifted", "order.given"] } else { &["device.drifted"] };
        assert_eq!(types(&told), expected, "{row}");
        let operations = planned(&told[0]);
        let values = incident(&told[0]);
        assert_eq!((&values["impact"], &values["urgency"]), (&json!(impact), &json!(urgency)), "{row}");
        assert_eq!(values["assignment_group"], group(owner), "{row}");
        assert_eq!(
            values["short_description"],
            format!("{priority}: device edge-1: {}: /etc/plant/x", row.headline())
        );
        assert!(values["description"].as_str().unwrap().contains(row.id()), "{row}");
        let notes = texts(&operations, "note");
        assert_eq!(notes[0].contains("device quarantined"), quarantined, "{notes:?}");
        let item = operations.iter().find(|operation| operation["operation"] == "update").unwrap();
        assert_eq!(item["values"]["u_overlay_state"], "violated");
        if quarantined {
            let EventBody::OrderGiven(body) = &told[1].body else { panic!() };
            assert_eq!(body.order.actions, [Action::Quarantine], "{row}: no roll back");
        }
    }
}

/// "P1 Incident created: device ID, sealed hash vs. current hash, timestamp".
#[tokio::test]
async fn a_changed_sealed_file_is_told_with_both_hashes() {
    let mut world = sealed().await;
    let (sealed, now) = (samples::digest("was"), samples::digest("is"));
    let detail = format!("content: {now} instead of {sealed}");
    let finding = OverlayFinding::new(Row::HashMismatch, "/etc/plant/x", None, detail, "as sealed", "look");
    let told = world.tells(400, overlay(finding.into_iter().collect(), vec![])).await;
    let description = incident(&told[0])["description"].as_str().unwrap().to_owned();
    for text in ["edge-1", &sealed.to_string(), &now.to_string(), "2026-09-21T14:20:00.000Z"] {
        assert!(description.contains(text), "{text}: {description}");
    }
}

/// Several rows match one event: one incident, the most urgent row decides, all stand in the work notes.
#[tokio::test]
async fn several_rows_of_one_path_are_one_incident() {
    let mut world = sealed().await;
    let rows = [Row::OutsideManifest, Row::Executable, Row::HashMismatch];
    let findings = rows.map(|row| found(row, "/opt/tool")).to_vec();
    let told = world.tells(400, overlay(findings, vec![])).await;
    assert_eq!(types(&told), ["device.drifted", "order.given"]);
    let operations = planned(&told[0]);
    let notes = texts(&operations, "note");
    for row in rows {
        assert!(notes[0].contains(row.id()), "{notes:?}");
    }
    assert_eq!(world.device().await.incidents.len(), 1);
}

#[tokio::test]
async fn an_incident_is_not_opened_twice_but_a_worse_one_of_the_same_path_is() {
    let mut world = sealed().await;
    let unmanifested = || found(Row::OutsideManifest, "/opt/tool");
    let first = world.tells(400, overlay(vec![unmanifested()], vec![])).await;
    assert_eq!(types(&first), ["device.drifted"]);
    assert_eq!(world.tells(410, overlay(vec![unmanifested()], vec![])).await, vec![]);
    let worse = vec![unmanifested(), found(Row::Executable, "/opt/tool")];
    assert_eq!(types(&world.tells(420, overlay(worse, vec![])).await), ["device.drifted", "order.given"]);
}

#[tokio::test]
async fn an_incident_is_resolved_when_its_own_cause_is_gone() {
    let mut world = sealed().await;
    let (a, b) = (found(Row::OutsideManifest, "/a"), found(Row::Hostname, "/etc/hostname"));
    let both = overlay(vec![a, b.clone()], vec![]);
    let told = world.at(samples::instant(400)).apply(&reported(400, &["etc/ntp.conf"], both)).await;
    assert_eq!(types(&told), ["device.drifted", "device.drifted", "device.drifted"]);
    let told = world.tells(410, overlay(vec![b], vec![])).await;
    assert_eq!(types(&told), ["device.cleared"]);
    let EventBody::DeviceCleared(body) = &told[0].body else { panic!() };
    assert_eq!((body.resolves.len(), body.open), (2, 1), "the file and /a");
    let operations = planned(&told[0]);
    let resolved = operations.iter().filter(|operation| operation["operation"] == "move_incident");
    assert!(
        resolved
            .clone()
            .all(|one| one["to"] == "Resolved" && one["values"]["close_code"] == "Solution provided")
    );
    assert_eq!(resolved.count(), 2);
    assert_eq!(world.device().await.compliance, Compliance::Drifted);
    let told = world.tells(420, overlay(vec![], vec![])).await;
    let EventBody::DeviceComplied(body) = &told[0].body else { panic!() };
    assert_eq!(body.resolves.len(), 1);
}

/// Could not check is no finding, and not compliant: an attestation failure, once per cause.
#[tokio::test]
async fn what_could_not_be_checked_is_an_attestation_failure() {
    let mut world = sealed().await;
    let unread = |subject: &str| NotLookedAt::new(subject, "permission denied");
    let told = world.tells(400, overlay(vec![], vec![unread("/etc/keys")])).await;
    assert_eq!(types(&told), ["device.unattested"]);
    let EventBody::DeviceUnattested(body) = &told[0].body else { panic!() };
    assert!(
        matches!(&body.cause, Unattested::Unchecked { what } if what == &["/etc/keys: permission denied"])
    );
    let values = incident(&told[0]);
    assert_eq!((&values["impact"], &values["urgency"]), (&json!("1"), &json!("2")));
    assert!(values["description"].as_str().unwrap().contains("not all of it could be checked: /etc/keys"));
    assert_eq!(world.device().await.compliance, Compliance::Unknown);
    assert_eq!(world.tells(410, overlay(vec![], vec![unread("/etc/keys")])).await, vec![]);
    let told = world.tells(420, overlay(vec![found(Row::Hostname, "/h")], vec![])).await;
    assert_eq!(types(&told), ["device.drifted", "device.cleared"]);
}

#[tokio::test]
async fn a_locked_device_that_looked_at_nothing_is_not_compliant() {
    let mut world = World::with_device().await;
    assert_eq!(types(&world.tells(300, in_state("locked", "seal")).await), ["device.unattested"]);
}

#[tokio::test]
async fn an_open_overlay_is_not_compliant_and_nothing_to_mend() {
    let mut world = World::with_device().await;
    let open = in_state("unlocked", "seal").with_results(3, 0, vec![], vec![]);
    assert_eq!(world.tells(300, open).await, vec![]);
    assert_eq!(world.device().await.compliance, Compliance::Unknown);
}

#[tokio::test]
async fn a_seal_that_changed_without_a_transition_is_a_p1_until_it_is_right_again() {
    let mut world = sealed().await;
    let other = || in_state("locked", "another seal").with_results(12, 6, vec![], vec![]);
    let told = world.tells(400, other()).await;
    assert_eq!(types(&told), ["device.drifted", "order.given"]);
    let description = incident(&told[0])["description"].as_str().unwrap().to_owned();
    for seal in ["seal", "another seal"] {
        assert!(description.contains(&samples::digest(seal).to_string()), "{description}");
    }
    assert_eq!(world.tells(410, other()).await, vec![], "not learned");
    world.perform(&told[1], 415).await;
    let told = world.tells(420, overlay(vec![], vec![])).await;
    assert_eq!(types(&told), ["device.complied", "order.given"]);
}

/// A flood of low incidents leaves room for what is critical.
#[tokio::test]
async fn sixteen_incidents_and_then_only_what_is_critical() {
    let mut world = sealed().await;
    let mut findings: Vec<_> =
        (0..40).map(|n| found(Row::OutsideManifest, &format!("/junk-{n:02}"))).collect();
    let told = world.tells(400, overlay(findings.clone(), vec![])).await;
    assert_eq!(told.len(), 16);
    findings.push(found(Row::Executable, "/opt/tool"));
    assert_eq!(types(&world.tells(410, overlay(findings, vec![])).await), ["device.drifted", "order.given"]);
}

#[tokio::test]
async fn a_report_without_the_overlay_ends_nothing_about_it() {
    let mut world = sealed().await;
    let told = world.tells(400, overlay(vec![found(Row::Executable, "/opt/tool")], vec![])).await;
    assert_eq!(types(&told), ["device.drifted", "order.given"]);
    world.perform(&told[1], 405).await;
    assert_eq!(types(&world.report(410, &[]).await), ["device.unattested"]);
    let device = world.device().await;
    assert!(device.quarantined);
    assert_eq!(device.incidents.len(), 2, "{:?}", device.incidents);
    assert_eq!(types(&world.tells(420, overlay(vec![], vec![])).await), ["device.complied", "order.given"]);
}
