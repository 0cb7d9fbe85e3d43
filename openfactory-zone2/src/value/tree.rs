//! Keys of formats that nest: names and indices with dots between.

use serde_json::Value;

use super::Observed;

/// One step of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step<'k> {
    /// `*`: every member, every item.
    Every,
    /// A name, or the index of an item.
    One(&'k str),
}

/// A key whose quotes don't match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadKey;

/// Whether a text can be the key of a nested format.
pub(crate) fn check_key(key: &str) -> Result<(), BadKey> {
    steps(key).map(|_| ())
}

/// What stands under a key. A list of plain values is several values, and so is what several branches hold.
pub(super) fn lookup(key: &str, root: &Value) -> Observed {
    let Ok(steps) = steps(key) else {
        return Observed::Unreadable("the key's quotes don't match".to_owned());
    };
    let mut found = vec![root];
    for step in steps {
        found = found.into_iter().flat_map(|value| follow(&step, value)).collect();
    }
    let mut values = Vec::new();
    for value in found {
        if let Err(reason) = collect(value, &mut values) {
            return Observed::Unreadable(reason.to_owned());
        }
    }
    Observed::values(values)
}

/// The key's parts: a name in double quotes may hold dots and stars.
fn steps(key: &str) -> Result<Vec<Step<'_>>, BadKey> {
    let mut steps = Vec::new();
    let mut rest = Some(key);
    while let Some(text) = rest {
        let (step, after) = if let Some(quoted) = text.strip_prefix('"') {
            let (name, after) = quoted.split_once('"').ok_or(BadKey)?;
            match after.strip_prefix('.') {
                Some(more) => (Step::One(name), Some(more)),
                None if after.is_empty() => (Step::One(name), None),
                None => return Err(BadKey),
            }
        } else {
            let (name, after) =
                text.split_once('.').map_or((text, None), |(name, after)| (name, Some(after)));
            (if name == "*" { Step::Every } else { Step::One(name) }, after)
        };
        steps.push(step);
        rest = after;
    }
    Ok(steps)
}

fn follow<'v>(step: &Step<'_>, value: &'v Value) -> Vec<&'v Value> {
    match (step, value) {
        (Step::Every, Value::Object(members)) => members.values().collect(),
        (Step::Every, Value::Array(items)) => items.iter().collect(),
        (Step::One(name), Value::Object(members)) => members.get(*name).into_iter().collect(),
        (Step::One(name), Value::Array(items)) => {
            index(name).and_then(|index| items.get(index)).into_iter().collect()
        }
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Vec::new(),
    }
}

/// An index in the one way in which it is written.
fn index(step: &str) -> Option<usize> {
    let index: usize = step.parse().ok()?;
    (index.to_string() == step).then_some(index)
}

fn collect(value: &Value, values: &mut Vec<String>) -> Result<(), &'static str> {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for item in items {
                values.push(plain(item).ok_or("a list of more than plain values")?);
            }
        }
        value => values.push(plain(value).ok_or("an object, not a value")?),
    }
    Ok(())
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
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_lead_to_values() {
        let root = json!({
            "a": {"b": ["x", 1, true]}, "l": [{"c": "y"}, {"c": "w"}, {"d": 1}], "n": null, "e": [], "o": [null],
            "": "z", "eth0.100": {"mtu": 9000}, "*": "star"
        });
        let many = |values: &[&str]| Observed::Values(values.iter().map(|text| (*text).to_owned()).collect());
        let unreadable = |reason: &str| Observed::Unreadable(reason.into());
        let table = [
            ("a.b", many(&["x", "1", "true"])),
            ("a.b.0", Observed::value("x")),
            ("a.b.00", Observed::Absent),
            ("a.b.3", Observed::Absent),
            ("a.b.x", Observed::Absent),
            ("a.b.0.c", Observed::Absent),
            ("a.b.*", many(&["x", "1", "true"])),
            ("l.0.c", Observed::value("y")),
            ("l.*.c", many(&["y", "w"])),
            ("*.b.0", Observed::value("x")),
            ("\"eth0.100\".mtu", Observed::value("9000")),
            ("\"*\"", Observed::value("star")),
            ("\"a\".\"b\".1", Observed::value("1")),
            ("n", Observed::Absent),
            ("e", Observed::Absent),
            ("o", unreadable("a list of more than plain values")),
            ("l", unreadable("a list of more than plain values")),
            ("a", unreadable("an object, not a value")),
            ("*", unreadable("an object, not a value")),
            ("\"a", unreadable("the key's quotes don't match")),
            ("\"a\"b", unreadable("the key's quotes don't match")),
            ("", Observed::value("z")),
            ("q", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(lookup(key, &root), expected, "{key}");
        }
    }
}
