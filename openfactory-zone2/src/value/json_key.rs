//! JSON: a path of names and indices.

use openfactory_attest::canonical::{self, Limits};
use serde_json::Value;

use super::{MAX_FILE_BYTES, Observed};

/// What stands under a key. A list of plain values is several values; names that stand twice are refused.
pub(super) fn extract(key: &str, bytes: &[u8]) -> Observed {
    let limits = Limits { max_bytes: MAX_FILE_BYTES, ..Limits::FOREIGN };
    let root = match canonical::parse(bytes, &limits) {
        Ok(root) => root,
        Err(error) => return Observed::Unreadable(format!("not acceptable JSON: {error}")),
    };
    let found = key.split('.').try_fold(&root, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => index(step).and_then(|index| items.get(index)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    match found {
        None | Some(Value::Null) => Observed::Absent,
        Some(Value::Array(items)) => items.iter().map(plain).collect::<Option<Vec<_>>>().map_or_else(
            || Observed::Unreadable("a list of more than plain values".into()),
            Observed::values,
        ),
        Some(value) => plain(value)
            .map_or_else(|| Observed::Unreadable("an object, not a value".into()), Observed::value),
    }
}

/// An index in the one way in which it is written.
fn index(step: &str) -> Option<usize> {
    let index: usize = step.parse().ok()?;
    (index.to_string() == step).then_some(index)
}

/// The text of a value that is neither null nor a list nor an object.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_to_values() {
        let json =
            br#"{"a": {"b": ["x", 1, true]}, "l": [{"c": "y"}], "n": null, "e": [], "o": [null], "": "z"}"#;
        let unreadable = |reason: &str| Observed::Unreadable(reason.into());
        let table = [
            ("a.b", Observed::Values(vec!["x".into(), "1".into(), "true".into()])),
            ("a.b.0", Observed::value("x")),
            ("a.b.00", Observed::Absent),
            ("a.b.3", Observed::Absent),
            ("a.b.x", Observed::Absent),
            ("a.b.0.c", Observed::Absent),
            ("l.0.c", Observed::value("y")),
            ("n", Observed::Absent),
            ("e", Observed::Absent),
            ("o", unreadable("a list of more than plain values")),
            ("l", unreadable("a list of more than plain values")),
            ("a", unreadable("an object, not a value")),
            ("", Observed::value("z")),
            ("q", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, json), expected, "{key}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_no_json_is_unreadable() {
        let deep = "[".repeat(100_000);
        for json in [r#"{"a": 1, "a": 2}"#, "{", "", deep.as_str()] {
            assert!(matches!(extract("a", json.as_bytes()), Observed::Unreadable(_)));
        }
    }

    #[test]
    fn too_many_values_are_unreadable() {
        let list = format!("{{\"a\":[{}0]}}", "0,".repeat(super::super::MAX_VALUES));
        assert!(matches!(extract("a", list.as_bytes()), Observed::Unreadable(_)));
    }
}
