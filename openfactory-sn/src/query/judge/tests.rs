use serde_json::{Value, json};

use super::*;
use crate::record::Field;

fn field(name: &str) -> Field<String> {
    Field::named(name)
}

fn row() -> Row {
    of(
        json!({"sys_id": "a", "state": "-2", "number": "chg1", "empty": "", "group": {"value": "g", "link": "x/g"}}),
    )
}

fn of(fields: Value) -> Row {
    Row::try_from(fields).unwrap()
}

fn alarm(condition: Condition, fields: Value) -> bool {
    Query::new().and(condition).contradicts(&of(fields)).is_some()
}

#[test]
fn a_dropped_condition_is_noticed() {
    assert_eq!(Query::new().and(field("bogus").is("1")).contradicts(&row()), Some("bogus"));
    assert_eq!(Query::new().and(field("bogus").contains("1")).contradicts(&row()), Some("bogus"));
    assert_eq!(Query::new().and(field("state").is("-1")).contradicts(&row()), Some("state"));
    assert_eq!(Query::new().and(field("empty").is_empty()).contradicts(&row()), None);
    assert_eq!(Query::new().and(field("number").is_empty()).contradicts(&row()), Some("number"));
    assert_eq!(Query::new().and(field("state").is_none_of(["-2"])).contradicts(&row()), Some("state"));
}

#[test]
fn answers_are_left_alone() {
    let query = Query::new()
        .and(field("state").is_one_of(["-1", "-2"]))
        .and(field("number").is("CHG1 "))
        .and(field("group").is("g"))
        .and(field("group.name").is("anything"))
        .and(field("number").contains("h"));
    assert_eq!(query.contradicts(&row()), None);
    let either = Query::new().any_of([field("bogus").is("1"), field("state").is("-2")]);
    assert_eq!(either.contradicts(&row()), None);
    let alternative = Query::new().and(field("bogus").is("1")).or_else().and(field("state").is("-2"));
    assert_eq!(alternative.contradicts(&row()), None);
    assert_eq!(Query::new().contradicts(&row()), None);
}

#[test]
fn booleans_have_two_spellings() {
    let active = |value| Field::<bool>::new("active").is(value);
    for found in ["true", "1"] {
        assert!(!alarm(field("active").is("1"), json!({"sys_id": "a", "active": found})));
        assert!(!alarm(active(true), json!({"sys_id": "a", "active": found})));
        assert!(alarm(active(false), json!({"sys_id": "a", "active": found})));
    }
    assert!(!alarm(active(false), json!({"sys_id": "a", "active": ""})), "none counts as false");
    assert!(alarm(active(true), json!({"sys_id": "a", "active": ""})));
    let not = Field::<bool>::new("active").is_not(true);
    assert!(!alarm(not, json!({"sys_id": "a", "active": ""})), "kept by !=");
    assert!(!alarm(Field::<bool>::new("active").is_empty(), json!({"sys_id": "a", "active": "false"})));
}

#[test]
fn perhaps_the_same_is_no_reason_for_an_alarm_either_way() {
    for (asked, found) in
        [("abc", "ABC"), ("5", "5.00"), ("2026-01-31", "2026-01-31 10:00:00"), ("1", "true")]
    {
        let row = || json!({"sys_id": "a", "x": found});
        assert!(!alarm(field("x").is(asked), row()), "{asked} {found}");
        assert!(!alarm(field("x").is_not(asked), row()), "{asked} {found}");
        assert!(!alarm(field("x").is_none_of([asked, "other"]), row()), "{asked} {found}");
    }
}

#[test]
fn what_reads_otherwise_than_it_is_tells_nothing() {
    for name in ["work_notes", "comments", "parent.work_notes"] {
        assert!(!alarm(field(name).is("seen"), json!({"sys_id": "a", name: ""})), "{name}");
    }
    assert!(!alarm(field("u_pin").is("1234"), json!({"sys_id": "a", "u_pin": "****"})));
    assert!(alarm(field("u_line").is("4"), json!({"sys_id": "a", "u_line": ""})), "empty is not hidden");
}

#[test]
fn references_and_choices_are_asked_for_by_their_raw_value() {
    let shown =
        json!({"sys_id": "a", "caller_id": {"value": "5137", "display_value": "David Loo"}, "state": "1"});
    assert!(!alarm(field("caller_id").is("5137"), shown.clone()));
    assert!(alarm(field("caller_id").is("David Loo"), shown.clone()), "the instance compares the key");
    assert!(alarm(field("state").is("New"), shown));
}

#[test]
fn a_field_that_others_show_is_hidden_and_not_unknown() {
    let query = Query::new().and(field("u_line").is("4"));
    let hidden = of(json!({"sys_id": "a"}));
    assert_eq!(query.contradicts(&hidden), Some("u_line"));
    assert_eq!(query.contradicts_among(&hidden, &|name| name == "u_line"), None);
    assert_eq!(query.contradicts_among(&hidden, &|name| name == "u_other"), Some("u_line"));
    let other = of(json!({"sys_id": "a", "u_line": "5"}));
    assert_eq!(query.contradicts_among(&other, &|_| true), Some("u_line"), "shown, and another");
}

#[test]
fn a_walked_field_that_was_asked_for_is_looked_at() {
    let walked = Query::new().and(field("group.name").is("Network"));
    assert_eq!(walked.contradicts(&row()), None);
    let selecting = walked.select(["number"]);
    assert_eq!(selecting.contradicts(&row()), Some("group.name"));
    let sent = of(json!({"sys_id": "a", "group.name": "network"}));
    assert_eq!(selecting.contradicts(&sent), None);
    let nowhere = of(json!({"sys_id": "a", "group": ""}));
    assert_eq!(selecting.contradicts(&nowhere), None, "an empty reference leads to no name");
    let empty = Query::new().and(field("group.name").is_empty()).select(["number"]);
    assert_eq!(empty.contradicts(&of(json!({"sys_id": "a", "number": "1"}))), None);
}
