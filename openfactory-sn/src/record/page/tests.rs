use proptest::prelude::*;
use serde_json::json;

use super::*;

/// As every other record is read: a value of JSON first.
fn by_value(text: &str) -> Vec<Result<Row, Malformed>> {
    let answer: Value = serde_json::from_str(text).unwrap();
    answer["result"].as_array().unwrap().iter().cloned().map(Row::try_from).collect()
}

#[test]
fn records_of_any_layout_are_read_as_any_other() {
    let text = json!({"result": [
        {"sys_id": "a1", "state": "1", "active": true},
        {"sys_id": "a2", "state": "2", "active": false},
        {"sys_id": "a3", "state": {"display_value": "New", "value": -5}},
        {"state": null, "sys_id": "a4"},
        {"state": "5", "sys_id": "a5", "further": "x"},
        {"no": "record"},
        {},
        7, "x", null, [1, {}], 1.5, -1, true,
        {"sys_id": "a6", "list": [1]},
    ]})
    .to_string();
    let page = Page::parse(text.as_bytes()).unwrap();
    assert_eq!(page.rows.unwrap(), by_value(&text));
    assert_eq!(page.rest, json!({}));
}

#[test]
fn a_name_that_stands_twice_has_its_last_value() {
    let text = r#"{"result": [{"sys_id": "a1", "a": "1"}, {"sys_id": "a2", "a": "1", "a": "2"},
        {"a": "1", "a": "2", "sys_id": "a3", "sys_id": "a4"}, {"a": "3", "sys_id": "a5"}]}"#;
    assert_eq!(Page::parse(text.as_bytes()).unwrap().rows.unwrap(), by_value(text));
}

#[test]
fn what_is_no_list_is_handed_on() {
    for (text, rest) in [
        (
            r#"{"error": {"message": "x"}, "status": "failure"}"#,
            json!({"error": {"message": "x"}, "status": "failure"}),
        ),
        (r#"{"result": {"a": 1}}"#, json!({"result": {"a": 1}})),
        (r#"{"result": [], "result": "x"}"#, json!({"result": "x"})),
        ("[1, 2]", json!([])),
        ("7", json!(7)),
    ] {
        let page = Page::parse(text.as_bytes()).unwrap();
        assert!(page.rows.is_none());
        assert_eq!(page.rest, rest);
    }
    let both = Page::parse(br#"{"result": "x", "error": "y", "result": []}"#).unwrap();
    assert_eq!((both.rows, both.rest), (Some(vec![]), json!({"error": "y"})));
}

#[test]
fn what_is_cut_off_is_told_from_what_is_wrong() {
    let text = br#"{"result": [{"sys_id": "a1", "state": "1"}, {"sys_id": "a2"}]}"#;
    for end in 1..text.len() {
        assert!(Page::parse(&text[..end]).unwrap_err().is_eof(), "{end}");
    }
    assert!(!Page::parse(br#"{"result": [}"#).unwrap_err().is_eof());
    assert!(!Page::parse(br#"{"result": []} x"#).unwrap_err().is_eof());
}

proptest! {
    #[test]
    fn rows_are_those_of_the_values(
        rows in prop::collection::vec(
            prop::collection::vec(("[a-c]|sys_id", "[a-z0-9]{0,3}"), 0..6),
            0..6,
        )
    ) {
        let object = |fields: &Vec<(String, String)>| {
            let members: Vec<String> = fields.iter().map(|(name, text)| format!("\"{name}\":\"{text}\"")).collect();
            format!("{{{}}}", members.join(","))
        };
        let text = format!("{{\"result\":[{}]}}", rows.iter().map(object).collect::<Vec<_>>().join(","));
        prop_assert_eq!(Page::parse(text.as_bytes()).unwrap().rows.unwrap(), by_value(&text));
    }
}
