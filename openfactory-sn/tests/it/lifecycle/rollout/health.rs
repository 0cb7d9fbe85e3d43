//! What a device must prove to be healthy in a rollout (guide, "Pass Criteria", as read).

use openfactory_attest::report::{DeviceReport, Expected, ServiceState, Services, VerityProof, VerityState};

use super::super::samples::{self, instant};
use super::line::Line;

fn report(seconds: u64) -> DeviceReport {
    DeviceReport::new("press-1", "b-1", instant(seconds), samples::digest("manifest"), 1234)
}

fn proved(root: &str) -> VerityState {
    VerityState::Proved { root_hash: samples::digest(root), by: VerityProof::Kernel }
}

async fn after(make: fn(DeviceReport) -> DeviceReport) -> Line {
    let mut line = Line::begun(3).await;
    for seconds in [1010, 1500, 2000] {
        line.send_report(make(report(seconds)), seconds).await;
    }
    line
}

#[tokio::test]
async fn the_signed_root_hash_must_be_proved() {
    let line = after(|report| report.with_verity(proved("root"))).await;
    assert_eq!(line.state("b-1").await, "running staged");
    let line = after(|report| report.with_verity(proved("another"))).await;
    assert_eq!(line.state("b-1").await, "failed canary");
    assert!(line.reason("b-1").await.contains("not the signed one"));
    let line = after(|report| {
        let root_hash = samples::digest("root");
        report.with_verity(VerityState::Broken {
            root_hash,
            by: VerityProof::File,
            reason: "block 7".to_owned(),
        })
    })
    .await;
    assert!(line.reason("b-1").await.contains("its image is broken: block 7"));
}

/// Could not check is not bad: the stage stays open, until it is overdue.
#[tokio::test]
async fn a_report_that_proves_too_little_neither_passes_nor_fails() {
    let not_checked = |report: DeviceReport| {
        report.with_verity(VerityState::NotChecked { reason: "no dm-verity".to_owned() })
    };
    for mut line in [after(|report| report).await, after(not_checked).await] {
        assert_eq!(line.state("b-1").await, "running canary");
        assert_eq!(line.rollout("b-1").await.devices.values().map(|member| member.reports).sum::<u32>(), 0);
        line.let_time_pass_until(1000 + 86_400).await;
        assert_eq!(line.state("b-1").await, "failed canary");
    }
}

#[tokio::test]
async fn verity_need_not_be_required() {
    let mut line = Line::new().await;
    line.world.policy.rollout_requires_verity = false;
    line.send(1000, super::line::requested(1000, super::line::request("b-1", 3))).await;
    for seconds in [1010, 1500, 2000] {
        line.send_report(report(seconds), seconds).await;
    }
    assert_eq!(line.state("b-1").await, "running staged");
}

#[tokio::test]
async fn a_service_that_deviates_is_failed_health() {
    let line = after(|report| {
        let stopped = ServiceState::new("ssh.service", "inactive", false, Expected::Required);
        report.with_verity(proved("root")).with_services(Services::new([stopped]).unwrap())
    })
    .await;
    assert_eq!(line.state("b-1").await, "failed canary");
    assert!(
        line.reason("b-1").await.contains("required service stopped: ssh.service"),
        "{}",
        line.reason("b-1").await
    );
}
