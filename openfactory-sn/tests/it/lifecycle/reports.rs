use openfactory_attest::report::{Expected, ServiceState, Services, VerityProof, VerityState};
use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::device::{DeviceDrifted, Unattested};
use openfactory_sn::lifecycle::priority::Priority;
use openfactory_sn::lifecycle::workflow::Decision;

use super::samples::{self, instant, report, reported};
use super::world::{World, types};

#[tokio::test]
async fn a_deployed_device_is_not_compliant_before_its_own_report() {
    let mut world = World::with_device().await;
    assert_eq!(world.device().await.compliance, Compliance::Unknown);
    let published = world.report(300, &[]).await;
    assert_eq!(types(&published), ["device.complied"]);
    let EventBody::DeviceComplied(body) = &published[0].body else { panic!() };
    assert!(body.record_compliance);
    assert_eq!((body.checked_entries, body.reported_at), (1234, instant(300)));
    assert!(body.resolves.is_empty() && body.proves.is_none() && body.supersedes.is_none());
    let device = world.device().await;
    assert_eq!(device.compliance, Compliance::Compliant);
    assert_eq!(device.known_good, [samples::build_id()]);
}

#[tokio::test]
async fn compliance_is_recorded_on_change_and_once_a_day() {
    let mut world = World::with_compliant_device().await;
    let mut recorded = Vec::new();
    for seconds in [400, 80_000, 86_699, 86_700, 90_000, 180_000] {
        let published = world.report(seconds, &[]).await;
        let EventBody::DeviceComplied(body) = &published[0].body else { panic!() };
        recorded.push(body.record_compliance);
    }
    assert_eq!(recorded, [false, false, false, true, false, true]);
}

#[tokio::test]
async fn reports_that_say_nothing_about_now_are_ignored() {
    let mut world = World::with_compliant_device().await;
    let before = world.device().await;
    let rows = [
        (report(199, &["etc/ssh/sshd_config"]), "before the device was last changed"),
        (report(300, &["etc/ssh/sshd_config"]), "taken before"),
        (report(250, &["etc/ssh/sshd_config"]), "taken before"),
        (report(301 + 1000, &["etc/ssh/sshd_config"]), "future"),
    ];
    world.at(instant(1000));
    for (report, why) in rows {
        let event = reported(report);
        let Decision::Apply(step) = world.decide(&event).await else { panic!("{event:?}") };
        assert!(step.remark.contains(why), "{}", step.remark);
        assert!(step.commit.writes.is_empty() && step.commit.outbox.is_empty(), "{step:?}");
    }
    assert_eq!(world.device().await, before);
}

#[tokio::test]
async fn the_clock_of_a_device_may_be_five_minutes_ahead() {
    let mut world = World::with_compliant_device().await;
    world.at(instant(1000));
    let Decision::Apply(step) = world.decide(&reported(report(1300, &[]))).await else { panic!() };
    assert_eq!(step.commit.outbox.len(), 1);
    let Decision::Apply(step) = world.decide(&reported(report(1301, &[]))).await else { panic!() };
    assert_eq!(step.commit.outbox.len(), 0);
}

#[tokio::test]
async fn a_report_of_an_unknown_device_is_ignored() {
    let world = World::with_open_gate().await;
    assert_eq!(world.apply(&reported(report(0, &["etc/shadow"]))).await, vec![]);
}

#[tokio::test]
async fn a_report_against_another_baseline_is_an_attestation_failure() {
    let mut other_build = report(400, &[]);
    other_build.build_id = "b-0".to_owned();
    let mut other_manifest = report(400, &[]);
    other_manifest.manifest_digest = samples::digest("another manifest");
    let mut empty = report(400, &[]);
    empty.checked_entries = 0;
    for (report, why) in [
        (other_build, "speaks of build b-0"),
        (other_manifest, "not the manifest"),
        (empty, "compared nothing"),
    ] {
        let mut world = World::with_compliant_device().await;
        world.at(instant(400));
        let published = world.apply(&reported(report.clone())).await;
        assert_eq!(types(&published), ["device.unattested"], "{why}");
        let EventBody::DeviceUnattested(body) = &published[0].body else { panic!() };
        assert_eq!(body.priority, Priority::P2);
        let Unattested::Refused { reason } = &body.cause else { panic!("{body:?}") };
        assert!(reason.contains(why), "{reason}");
        assert_eq!(world.device().await.compliance, Compliance::Unknown);
        let mut again = report;
        again.time = instant(500);
        world.at(instant(500));
        assert_eq!(world.apply(&reported(again)).await, vec![], "one incident per cause");
        let resolved = world.report(600, &[]).await;
        let EventBody::DeviceComplied(complied) = &resolved[0].body else { panic!() };
        assert_eq!(complied.resolves, std::slice::from_ref(&body.incident));
    }
}

fn drift(events: &[openfactory_sn::lifecycle::event::Event]) -> &DeviceDrifted {
    match &events[0].body {
        EventBody::DeviceDrifted(body) => body,
        other => panic!("{other:?}"),
    }
}

/// The guide, "Drift Severity Mapping" and the matrix' column "Automation".
#[tokio::test]
async fn drift_severity_row_by_row() {
    let rows: [(&str, Option<Priority>, &[&str]); 3] = [
        ("etc/ssh/sshd_config", Some(Priority::P1), &["device.drifted", "order.given"]),
        ("etc/ntp.conf", Some(Priority::P3), &["device.drifted"]),
        ("etc/logrotate.d/rsyslog", None, &[]),
    ];
    for (path, priority, expected) in rows {
        let mut world = World::with_compliant_device().await;
        let published = world.report(400, &[path]).await;
        assert_eq!(types(&published), expected, "{path}");
        let compliance = world.device().await.compliance;
        match priority {
            None => assert_eq!(compliance, Compliance::Compliant),
            Some(priority) => {
                assert_eq!(drift(&published).priority, priority, "{path}");
                assert_eq!(compliance, Compliance::Drifted);
            }
        }
    }
}

/// The guide's examples of a service state deviation, and a dm-verity failure.
#[tokio::test]
async fn services_and_a_broken_image_are_drift_too() {
    let stopped = ServiceState::new("ssh.service", "failed", false, Expected::Required);
    let started = ServiceState::new("miner.service", "active", true, Expected::Unlisted);
    let broken = VerityState::Broken {
        root_hash: samples::digest("root"),
        by: VerityProof::File,
        reason: "block 7".into(),
    };
    let base = report(300, &[]);
    for (report, priority, class) in [
        (
            base.clone().with_services(Services::new([stopped]).unwrap()),
            Priority::P2,
            "Service state deviation: required service stopped",
        ),
        (
            base.clone().with_services(Services::new([started]).unwrap()),
            Priority::P2,
            "Service state deviation: unauthorized service started",
        ),
        (base.with_verity(broken), Priority::P1, "dm-verity failure: the image is not the signed one"),
    ] {
        let mut world = World::with_device().await;
        let published = world.at(instant(300)).apply(&reported(report)).await;
        let EventBody::DeviceDrifted(body) = &published[0].body else { panic!("{published:?}") };
        assert_eq!((body.priority, body.findings[0].class.as_str()), (priority, class));
    }
}

#[tokio::test]
async fn what_a_device_could_not_look_at_is_no_proof_and_no_drift() {
    let mut world = World::with_device().await;
    let mut report = report(300, &[]);
    report.not_checked = vec!["services: no bus".to_owned(), "x".to_owned()];
    let published = world.at(instant(300)).apply(&reported(report)).await;
    let EventBody::DeviceUnattested(body) = &published[0].body else { panic!("{published:?}") };
    let Unattested::Unchecked { what } = &body.cause else { panic!("{body:?}") };
    assert_eq!(what, &["services: no bus", "x"]);
}

#[tokio::test]
async fn the_worst_finding_gives_the_priority_and_all_are_told() {
    let mut world = World::with_compliant_device().await;
    let published = world.report(400, &["etc/logrotate.d/rsyslog", "etc/shadow", "etc/ntp.conf"]).await;
    let body = drift(&published);
    assert_eq!(body.priority, Priority::P1);
    assert_eq!(body.findings_total, 3);
    let listed: Vec<_> =
        body.findings.iter().map(|finding| (finding.priority, finding.path.as_str())).collect();
    assert_eq!(
        listed,
        [
            (Priority::P1, "./etc/shadow"),
            (Priority::P3, "./etc/ntp.conf"),
            (Priority::P4, "./etc/logrotate.d/rsyslog"),
        ]
    );
    assert_eq!(body.findings[0].detail, "b instead of a");
}

#[tokio::test]
async fn the_same_cause_opens_one_incident() {
    let mut world = World::with_compliant_device().await;
    let first = world.report(400, &["etc/ntp.conf"]).await;
    assert_eq!(world.report(500, &["etc/ntp.conf"]).await, vec![]);
    let second = world.report(600, &["etc/ntp.conf", "etc/resolv.conf"]).await;
    assert_eq!(types(&second), ["device.drifted"]);
    assert_ne!(drift(&first).incident, drift(&second).incident);
    let published = world.report(700, &[]).await;
    let EventBody::DeviceComplied(body) = &published[0].body else { panic!() };
    assert_eq!(body.resolves, [drift(&first).incident.clone(), drift(&second).incident.clone()]);
    assert!(world.device().await.incidents.is_empty());
}

#[tokio::test]
async fn the_same_cause_after_its_resolution_is_another_incident() {
    let mut world = World::with_compliant_device().await;
    let first = world.report(400, &["etc/ntp.conf"]).await;
    world.report(500, &[]).await;
    let second = world.report(600, &["etc/ntp.conf"]).await;
    assert_eq!(drift(&first).cause, drift(&second).cause);
    assert_ne!(drift(&first).incident, drift(&second).incident);
}

#[tokio::test]
async fn a_flood_of_causes_opens_sixteen_incidents_and_is_logged() {
    let mut world = World::with_compliant_device().await;
    let paths: Vec<String> = (0..20).map(|n| format!("etc/drift-{n}.conf")).collect();
    let mut opened = 0;
    for n in 0..20_u64 {
        let so_far: Vec<&str> = paths.iter().take(1 + n as usize).map(String::as_str).collect();
        opened += world.report(400 + n, &so_far).await.len();
    }
    assert_eq!(opened, 16);
}

#[tokio::test]
async fn an_incident_about_files_is_resolved_when_none_of_them_differs_any_more() {
    let mut world = World::with_compliant_device().await;
    let ntp = world.report(400, &["etc/ntp.conf"]).await;
    let both = world.report(410, &["etc/ntp.conf", "etc/resolv.conf"]).await;
    assert_eq!((types(&ntp), types(&both)), (vec!["device.drifted"], vec!["device.drifted"]));
    let cleared = world.report(420, &["etc/resolv.conf"]).await;
    let EventBody::DeviceCleared(body) = &cleared[0].body else { panic!("{cleared:?}") };
    assert_eq!((body.resolves.as_slice(), body.open), (&[drift(&ntp).incident.clone()][..], 1));
}

#[tokio::test]
async fn a_report_with_thousands_of_findings_is_told_in_part_with_their_number() {
    let paths: Vec<String> = (0..5000).map(|n| format!("usr/bin/tool-{n:04}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut world = World::with_compliant_device().await;
    let published = world.report(400, &paths).await;
    assert_eq!((drift(&published).findings.len(), drift(&published).findings_total), (200, 5000));
}
