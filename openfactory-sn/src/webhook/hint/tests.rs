use std::time::Duration;

use super::*;

const TABLES: &[&str] = &["change_request", "incident"];

fn parse(body: &str) -> Result<RecordChanged, HintError> {
    RecordChanged::parse(body.as_bytes(), TABLES)
}

#[test]
fn a_hint_as_the_business_rule_sends_it() {
    let hint = parse(
        r#"{"table":"change_request","sys_id":"1c741bd70b2322007518478d83673af3","number":"CHG0030001",
            "operation":"update","state":"-2","approval":"approved","sys_updated_on":"2026-01-01 00:00:00",
            "sys_updated_by":"beth.anglin","sys_mod_count":"7","u_list":[1,{"a":2}],"active":true}"#,
    )
    .unwrap();
    assert_eq!(hint.table, "change_request");
    assert_eq!(hint.number.as_ref().unwrap().as_str(), "CHG0030001");
    assert_eq!(hint.operation, Operation::Update);
    assert_eq!(hint.sys_updated_on, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)));
    assert_eq!(hint.sys_updated_by.as_deref(), Some("beth.anglin"));
    assert_eq!(hint.sys_mod_count, Some(7));
    assert_eq!(hint.text("approval"), "approved");
    assert_eq!(hint.text("active"), "true");
    assert_eq!(hint.text("u_list"), "");
}

#[test]
fn little_is_enough_and_numbers_are_text() {
    let hint =
        parse(r#"{"table":"incident","sys_id":"abc","sys_mod_count":3,"state":6,"number":null}"#).unwrap();
    assert_eq!((hint.operation, hint.sys_mod_count, hint.number.clone()), (Operation::Update, Some(3), None));
    assert_eq!(hint.text("state"), "6");
}

#[test]
fn every_reason_to_refuse() {
    use HintError::{Json, Limit, Malformed, Missing, Table};

    let table = |name: &str| Table { table: name.to_owned() };
    let many: String = (0..70).map(|n| format!("\"m{n}\":1,")).collect();
    let cases = [
        ("not json".to_owned(), Json),
        ("[]".to_owned(), Json),
        (r#"{"table":"incident","sys_id":"a""#.to_owned(), Json),
        (r#"{"table":"incident","sys_id":"a","sys_id":"b"}"#.to_owned(), Json),
        (r#"{"table":"incident","sys_id":"a"} x"#.to_owned(), Json),
        (r#"{"sys_id":"a"}"#.to_owned(), Missing { member: "table" }),
        (r#"{"table":"incident"}"#.to_owned(), Missing { member: "sys_id" }),
        (r#"{"table":"incident","sys_id":""}"#.to_owned(), Missing { member: "sys_id" }),
        (r#"{"table":{"value":"incident"},"sys_id":"a"}"#.to_owned(), Missing { member: "table" }),
        (r#"{"table":"sys_user","sys_id":"a"}"#.to_owned(), table("sys_user")),
        (r#"{"table":"incident","sys_id":"../x"}"#.to_owned(), Malformed { member: "sys_id" }),
        (format!(r#"{{{many}"table":"incident","sys_id":"a"}}"#), Limit { limit: "64 members" }),
        (
            format!(r#"{{"table":"incident","sys_id":"a","x":"{}"}}"#, "y".repeat(TEXT_MAX + 1)),
            Limit { limit: "8192 bytes for a text" },
        ),
        (format!(r#"{{"x":{}1{}}}"#, "[".repeat(8), "]".repeat(8)), Limit { limit: "8 levels" }),
        (format!("{{{}", " ".repeat(BODY_MAX)), Limit { limit: "65536 bytes" }),
    ];
    for (body, reason) in cases {
        assert_eq!(parse(&body).unwrap_err(), reason, "{:.80}", body);
    }
}

#[test]
fn what_nobody_needs_keeps_no_hint_from_being_followed() {
    let body = r#"{"table":"incident","sys_id":"a","operation":"reassigned","number":"INC 1^2",
        "sys_updated_on":"06/02/2020 14:19:51","sys_mod_count":"many"}"#;
    let hint = parse(body).unwrap();
    assert_eq!((hint.operation, hint.number.clone()), (Operation::Update, None));
    assert_eq!((hint.sys_updated_on, hint.sys_mod_count), (None, None));
    assert_eq!(hint.text("sys_updated_on"), "06/02/2020 14:19:51", "for logs it is there");
}

#[test]
fn brackets_in_strings_do_not_nest() {
    let body = format!(
        r#"{{"table":"incident","sys_id":"a","x":"\"{}","y":{}{}}}"#,
        "[".repeat(50),
        "[".repeat(7),
        "]".repeat(7)
    );
    assert!(parse(&body).is_ok());
}
