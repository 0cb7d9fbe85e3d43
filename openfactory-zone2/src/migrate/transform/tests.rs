use super::*;
use crate::migrate::Plan;

fn transform(
    format: &str,
    steps: &str,
    content: &str,
) -> Result<(String, Vec<(String, Change)>), TransformError> {
    let plan = format!(
        r#"{{"version": 1, "transforms": [{{"file": "/a", "format": "{format}", "steps": [{steps}]}}]}}"#
    );
    let plan = Plan::parse(plan.as_bytes()).unwrap();
    let (new, changed) = apply(&plan.transforms()[0], content.as_bytes())?;
    // Once more changes nothing.
    if let Ok((again, _)) = apply(&plan.transforms()[0], &new) {
        assert_eq!(again, new, "{steps}");
    }
    let changed = changed.into_iter().map(|changed| (changed.key, changed.change)).collect();
    Ok((String::from_utf8(new).unwrap(), changed))
}

#[test]
fn steps_on_json_row_by_row() {
    use Change::{Added, Removed, Replaced};
    let rename = r#"{"rename": {"from": "addr", "to": "net.address"}}"#;
    let default = r#"{"set_default": {"key": "net.mtu", "value": "1500"}}"#;
    let map = r#"{"map": {"key": "mode", "values": [{"from": "on", "to": "auto"}, {"from": "auto", "to": "auto"}]}}"#;
    let split = r#"{"split": {"key": "ip", "at": "/", "into": ["address", "prefix"]}}"#;
    let join = r#"{"join": {"keys": ["host", "domain"], "with": ".", "into": "fqdn"}}"#;
    let remove = r#"{"remove": {"key": "old"}}"#;
    let named = |all: &[(&str, Change)]| -> Vec<(String, Change)> {
        all.iter().map(|(name, change)| ((*name).to_owned(), *change)).collect()
    };
    let table = [
        (
            rename,
            r#"{"addr": [1, 2]}"#,
            r#"{"net":{"address":[1,2]}}"#,
            named(&[("addr", Removed), ("net.address", Added)]),
        ),
        (rename, r#"{"other": 1}"#, r#"{"other":1}"#, named(&[])),
        (
            default,
            r#"{"net": {"x": true}}"#,
            r#"{"net":{"mtu":"1500","x":true}}"#,
            named(&[("net.mtu", Added)]),
        ),
        (default, r#"{"net": {"mtu": 9000}}"#, r#"{"net":{"mtu":9000}}"#, named(&[])),
        (map, r#"{"mode": "on"}"#, r#"{"mode":"auto"}"#, named(&[("mode", Replaced)])),
        (
            split,
            r#"{"ip": "10.0.0.1/8"}"#,
            r#"{"address":"10.0.0.1","prefix":"8"}"#,
            named(&[("address", Added), ("ip", Removed), ("prefix", Added)]),
        ),
        (
            join,
            r#"{"domain": "plant", "host": "press"}"#,
            r#"{"fqdn":"press.plant"}"#,
            named(&[("domain", Removed), ("fqdn", Added), ("host", Removed)]),
        ),
        (remove, r#"{"a": 1, "old": {"b": 2}}"#, r#"{"a":1}"#, named(&[("old.b", Removed)])),
    ];
    for (step, before, after, changes) in table {
        let (new, changed) = transform("json", step, before).unwrap();
        let new: serde_json::Value = serde_json::from_str(&new).unwrap();
        assert_eq!((new.to_string().as_str(), changed), (after, changes), "{step}");
    }
}

#[test]
fn steps_on_lines_leave_other_lines_alone() {
    let content = "# plant\nexport ADDR='10.20.3.7'\n\nMODE=on\nnoise\nNAME=\"press 7\"\nMODE=on";
    let steps = r#"{"rename": {"from": "ADDR", "to": "ADDRESS"}}, {"set_default": {"key": "MTU", "value": "1500"}},
                   {"map": {"key": "MODE", "values": [{"from": "on", "to": "auto"}, {"from": "auto", "to": "auto"}]}}"#;
    let (new, changed) = transform("key-value", steps, content).unwrap();
    assert_eq!(new, "# plant\nADDRESS=10.20.3.7\n\nMODE=on\nnoise\nNAME=\"press 7\"\nMODE=auto\nMTU=1500");
    assert_eq!(changed.len(), 4);
    // Nothing to do leaves every byte.
    let (same, changed) = transform("key-value", r#"{"remove": {"key": "NONE"}}"#, content).unwrap();
    assert_eq!((same.as_str(), changed.len()), (content, 0));
}

#[test]
fn what_cannot_be_done_is_an_error_and_never_a_guess() {
    let table = [
        ("json", r#"{"rename": {"from": "a", "to": "b"}}"#, r#"{"a": 1, "b": 2}"#),
        ("json", r#"{"rename": {"from": "a", "to": "b.c"}}"#, r#"{"a": 1, "b": 2}"#),
        ("json", r#"{"map": {"key": "a", "values": [{"from": "x", "to": "y"}]}}"#, r#"{"a": "z"}"#),
        ("json", r#"{"map": {"key": "a", "values": []}}"#, r#"{"a": ["z"]}"#),
        ("json", r#"{"split": {"key": "a", "at": "/", "into": ["b", "c"]}}"#, r#"{"a": "1/2/3"}"#),
        ("json", r#"{"split": {"key": "a", "at": "/", "into": ["b"]}}"#, r#"{"a": {}}"#),
        ("json", r#"{"join": {"keys": ["a", "b"], "with": "-", "into": "c"}}"#, r#"{"a": "1"}"#),
        ("json", r#"{"remove": {"key": "a"}}"#, r#"{"a": 1, "a": 2}"#),
        ("json", r#"{"remove": {"key": "a"}}"#, "[1]"),
        ("json", r#"{"remove": {"key": "a"}}"#, "no JSON"),
        ("key-value", r#"{"rename": {"from": "A", "to": "B"}}"#, "A=1\nB=2\n"),
        ("key-value", r#"{"rename": {"from": "A", "to": "B"}}"#, "A=$HOME\n"),
        ("key-value", r#"{"remove": {"key": "A"}}"#, "A=\u{0}"),
    ];
    for (format, step, content) in table {
        let result = transform(format, step, content);
        assert!(result.is_err() || content.contains('\0'), "{step} on {content}: {result:?}");
    }
    let bytes = apply(
        &Plan::parse(br#"{"version":1,"transforms":[{"file":"/a","format":"key-value","steps":[]}]}"#)
            .unwrap()
            .transforms()[0],
        b"\xff",
    );
    assert!(matches!(bytes, Err(TransformError::Unreadable { .. })));
}
