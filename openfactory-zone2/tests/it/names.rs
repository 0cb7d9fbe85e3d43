//! The hostname and allowed-set constraints, from the policy file to the finding.

use std::time::SystemTime;

use openfactory_zone2::constraint::{
    AllowedSetViolation, HostnameSyntax, HostnameViolation, MAX_ALLOWED, PatternError,
};
use openfactory_zone2::finding::{NotChecked, Violation};
use openfactory_zone2::policy::Problem;
use openfactory_zone2::{Constraints, Finding, Observed, Outcome, PolicyError, Priority, Role};
use serde_json::{Value, json};

fn hostname() -> Value {
    json!({ "id": "name", "type": "hostname", "pattern": "press-[0-9]{2}",
            "place": { "file": "/etc/plant/device.json", "key": "hostname" } })
}

fn department() -> Value {
    json!({ "id": "department", "type": "allowed-set", "allowed": ["QA-01", "PROD-02"],
            "place": { "file": "/etc/plant/device.json", "key": "department" } })
}

fn parse(constraint: &Value) -> Result<Constraints, PolicyError> {
    Constraints::parse(json!({ "version": 1, "constraints": [constraint] }).to_string().as_bytes())
}

fn check(constraint: &Value, observed: &Observed) -> Vec<Finding> {
    parse(constraint).unwrap().iter().next().unwrap().check(observed, SystemTime::UNIX_EPOCH)
}

#[track_caller]
fn refused(mut constraint: Value, change: impl FnOnce(&mut Value)) -> (String, Problem) {
    change(&mut constraint);
    let error = parse(&constraint).unwrap_err();
    (error.location().path.clone(), error.problem().clone())
}

/// Integration guide, "Zone 2 Constraint Violations": "Hostname format violation | P3 Incident: non-conforming
/// hostname; flags potential misconfiguration | P3".
#[test]
fn guide_row_hostname_format_violation() {
    let finding = check(&hostname(), &Observed::value("press_7")).remove(0);
    assert_eq!((finding.priority(), finding.assignment()), (Priority::P3, Role::DeviceOps));
    assert_eq!(finding.rule(), "hostname by RFC 1123 that matches press-[0-9]{2}");
    assert_eq!(
        serde_json::to_value(finding.outcome()).unwrap(),
        json!({ "violated": { "hostname": { "syntax": "character" } } })
    );
}

/// Integration guide, "Zone 2 Constraint Violations": "Department code not in allowed set | P3 Incident: device
/// assigned to unknown department | P3".
#[test]
fn guide_row_department_code_not_in_allowed_set() {
    let finding = check(&department(), &Observed::value("RND-03")).remove(0);
    assert_eq!((finding.priority(), finding.assignment()), (Priority::P3, Role::DeviceOps));
    let violation = Violation::AllowedSet(AllowedSetViolation::NotInSet);
    assert_eq!(finding.outcome(), &Outcome::Violated(violation));
    assert_eq!(
        finding.to_string(),
        "P3 /etc/plant/device.json [department]: \"RND-03\" is not in the allowed set; rule: one of QA-01, \
         PROD-02; find out whom the device belongs to, and assign it anew or extend the set"
    );
}

#[test]
fn a_value_has_a_finding_for_each_rule_that_it_breaks() {
    let values = Observed::Values(["press-07", "mill_7", "press-7"].map(String::from).to_vec());
    let findings = check(&hostname(), &values);
    let found: Vec<(Option<&str>, &Outcome)> = findings.iter().map(|it| (it.value(), it.outcome())).collect();
    let violated = |violation| Outcome::Violated(Violation::Hostname(violation));
    let syntax = violated(HostnameViolation::Syntax(HostnameSyntax::Character));
    let pattern = violated(HostnameViolation::Pattern);
    assert_eq!(found, [(Some("mill_7"), &syntax), (Some("mill_7"), &pattern), (Some("press-7"), &pattern)]);
}

#[test]
fn without_a_pattern_any_hostname_will_do() {
    let mut rule = hostname();
    rule.as_object_mut().unwrap().remove("pattern");
    assert_eq!(check(&rule, &Observed::value("mill-7.example")), []);
    assert_eq!(check(&rule, &Observed::value("mill 7"))[0].rule(), "hostname by RFC 1123");
}

#[test]
fn words_are_compared_byte_by_byte() {
    for (word, good) in [("QA-01", true), ("qa-01", false), ("QA-01 ", false), ("", false), ("QA", false)] {
        assert_eq!(check(&department(), &Observed::value(word)).is_empty(), good, "{word:?}");
    }
}

#[test]
fn what_could_not_be_checked_is_neither_good_nor_bad() {
    for constraint in [hostname(), department()] {
        for (observed, reason) in [
            (Observed::Absent, NotChecked::Absent),
            (Observed::Unreadable("denied".into()), NotChecked::Unreadable("denied".into())),
        ] {
            let findings = check(&constraint, &observed);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].outcome(), &Outcome::NotChecked(reason));
        }
    }
}

#[test]
fn a_rule_that_cannot_be_kept_or_read_is_refused() {
    let path = "$.constraints[0].pattern";
    let (at, problem) = refused(hostname(), |rule| rule["pattern"] = "press-[".into());
    assert_eq!(at, path);
    assert!(matches!(problem, Problem::Pattern(PatternError::Syntax { .. })), "{problem:?}");
    let (at, problem) = refused(hostname(), |rule| rule["pattern"] = "((a{200}){200}){200}".into());
    assert_eq!((at.as_str(), problem), (path, Problem::Pattern(PatternError::TooLarge)));

    let path = "$.constraints[0].allowed";
    let (at, problem) = refused(department(), |rule| rule["allowed"] = json!([]));
    assert_eq!((at.as_str(), problem), (path, Problem::Empty));
    let (at, problem) = refused(department(), |rule| rule["allowed"][1] = "QA-01".into());
    assert_eq!(at, "$.constraints[0].allowed[1]");
    let first = "$.constraints[0].allowed[0]".to_owned();
    assert_eq!(problem, Problem::Duplicate { what: "the word \"QA-01\"".into(), first });
    let many: Vec<String> = (0..=MAX_ALLOWED).map(|number| number.to_string()).collect();
    let (_, problem) = refused(department(), |rule| rule["allowed"] = json!(many));
    assert_eq!(problem, Problem::TooMany { found: MAX_ALLOWED + 1, limit: MAX_ALLOWED });
    let (_, problem) = refused(department(), |rule| rule["pattern"] = "x".into());
    assert!(matches!(problem, Problem::UnknownKey { .. }), "{problem:?}");
}
