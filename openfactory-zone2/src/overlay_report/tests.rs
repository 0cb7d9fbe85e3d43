use std::time::{Duration, SystemTime};

use super::*;

fn report() -> OverlayReport {
    OverlayReport::new(&LockdownRecord::born(SystemTime::UNIX_EPOCH), Sha256Digest::of(b"policy"))
}

fn finding(row: Row, subject: &str) -> OverlayFinding {
    OverlayFinding::new(row, subject, None, "detail", "rule", "advice").unwrap()
}

#[test]
fn what_one_cause_breaks_is_one_group_led_by_the_most_urgent() {
    let findings = [
        finding(Row::OutsideManifest, "/etc/x"),
        finding(Row::Hostname, "/etc/device.json [hostname]"),
        finding(Row::Executable, "/etc/x"),
    ];
    let report = report().with_results(3, 1, findings, []);
    let causes = report.causes();
    let told: Vec<_> = causes.iter().map(|c| (c.subject, c.leading.row, c.findings.len())).collect();
    assert_eq!(told, [("/etc/x", Row::Executable, 2), ("/etc/device.json [hostname]", Row::Hostname, 1)]);
    assert_eq!(report.priority(), Some(Priority::P1));
}

#[test]
fn a_report_is_bounded_and_says_what_it_leaves_out() {
    let many = (0..MAX_FINDINGS + 7).map(|n| finding(Row::OutsideManifest, &format!("/etc/{n}")));
    let urgent = finding(Row::Executable, &format!("/{}", "é".repeat(MAX_TEXT_BYTES)));
    let report = report().with_results(1, 0, many.chain([urgent]), [NotLookedAt::new("/x", "no")]);
    assert_eq!((report.findings.len(), report.omitted), (MAX_FINDINGS, 8));
    assert_eq!(report.findings[0].row, Row::Executable);
    assert!(report.findings[0].subject.len() <= MAX_TEXT_BYTES);
    let json = serde_json::to_vec(&report).unwrap();
    assert_eq!(serde_json::from_slice::<OverlayReport>(&json).unwrap(), report);
}

#[test]
fn a_report_that_breaks_its_bounds_is_refused() {
    let good = report().with_results(1, 1, [finding(Row::Executable, "/x")], [NotLookedAt::new("/y", "no")]);
    let good = serde_json::to_value(&good).unwrap();
    assert!(serde_json::from_value::<OverlayReport>(good.clone()).is_ok());
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let broken: [(&str, serde_json::Value, &str); 8] = [
        ("/version", 2.into(), "version 2"),
        ("/findings/0/subject", long.clone().into(), "513 bytes"),
        ("/findings/0/priority", "P3".into(), "cannot be P3"),
        ("/findings/0/row", "zone2.lockdown.unlocked".into(), "cannot be P1"),
        ("/findings/0/row", "zone2.tides".into(), "no zone 2 event"),
        ("/not_checked/0/reason", long.into(), "513 bytes"),
        ("/since", "2026-01-01T00:00:00+01:00".into(), "UTC"),
        ("/lockdown", "ajar".into(), "unknown variant"),
    ];
    for (pointer, value, complaint) in broken {
        let mut report = good.clone();
        *report.pointer_mut(pointer).unwrap() = value;
        let error = serde_json::from_value::<OverlayReport>(report).unwrap_err().to_string();
        assert!(error.contains(complaint), "{pointer}: {error}");
    }
    let mut many = good.clone();
    let one = many["findings"][0].clone();
    many["findings"] = vec![one; MAX_FINDINGS + 1].into();
    assert!(serde_json::from_value::<OverlayReport>(many).unwrap_err().to_string().contains("501 findings"));
    let mut more = good;
    more["comment"] = "x".into();
    assert!(serde_json::from_value::<OverlayReport>(more).is_err());
}

#[test]
fn a_warning_sets_nothing_going() {
    let mut expired = finding(Row::Certificate, "/etc/tls.pem [.]");
    assert_eq!(expired.automation(), [Automation::FlagCertificate]);
    expired.priority = Priority::P3;
    assert_eq!(expired.automation(), []);
    let report = report().with_results(1, 1, [expired], []);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(serde_json::from_value::<OverlayReport>(json).unwrap(), report);
}

#[test]
fn compliant_is_only_what_was_looked_at_and_found_good() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let born = report().with_results(9, 9, [], []);
    assert!(!born.compliant(), "unlocked");
    let lost = OverlayReport::new(&LockdownRecord::restored(now), Sha256Digest::of(b"policy"));
    assert!(!lost.with_results(9, 9, [], []).compliant(), "without a seal");
    let locked = OverlayReport {
        lockdown: LockdownState::Locked,
        seal_digest: Some(Sha256Digest::of(b"seal")),
        ..report()
    };
    assert!(locked.clone().with_results(1, 0, [], []).compliant());
    assert!(!locked.clone().compliant(), "nothing looked at");
    let not_checked = [NotLookedAt::new("/x", "no")];
    assert!(!locked.clone().with_results(1, 0, [], not_checked).compliant());
    let wrong = [finding(Row::Hostname, "x")];
    assert!(!locked.with_results(1, 0, wrong, []).compliant());
}
