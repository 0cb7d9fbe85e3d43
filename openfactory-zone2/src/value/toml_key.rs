//! TOML 1.0: a path of names and indices.

use serde_json::Value;

/// All that stands in a file. Dates and times are the text of RFC 3339.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let root = text.parse::<toml::Table>().map_err(|error| format!("not TOML: {}", error.message()))?;
    Ok(plain(toml::Value::Table(root)))
}

fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        // As text: infinity and "not a number" have no number in JSON.
        toml::Value::Float(number) => Value::String(number.to_string()),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        toml::Value::Table(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::value::{Format, Observed};

    fn extract(key: &str, text: &str) -> Observed {
        crate::value::extract(Format::Toml, key, text.as_bytes())
    }

    #[test]
    fn tables_have_values() {
        let text = "site = \"north\"\nports = [1, 2]\n[net.\"eth0.1\"]\naddress = '10.0.0.1/8'\nmtu = 1_500\nsince = 2026-01-02T03:04:05Z\n\
                    ratio = 0.5\nup = true\n[[peer]]\nname = \"a\"\n[[peer]]\nname = \"b\"\n";
        let many = |values: &[&str]| Observed::Values(values.iter().map(|text| (*text).to_owned()).collect());
        let table = [
            ("site", Observed::value("north")),
            ("ports", many(&["1", "2"])),
            ("net.\"eth0.1\".address", Observed::value("10.0.0.1/8")),
            ("net.*.mtu", Observed::value("1500")),
            ("net.*.since", Observed::value("2026-01-02T03:04:05Z")),
            ("net.*.ratio", Observed::value("0.5")),
            ("net.*.up", Observed::value("true")),
            ("peer.*.name", many(&["a", "b"])),
            ("peer.1.name", Observed::value("b")),
            ("none", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, text), expected, "{key}");
        }
    }

    #[test]
    fn what_is_no_toml_is_unreadable() {
        let deep = format!("a = {}", "[".repeat(100_000));
        for text in ["a = 1\na = 2", "a = ", "[a", "a = 010", deep.as_str()] {
            assert!(matches!(extract("a", text), Observed::Unreadable(_)), "{text:.20}");
        }
    }
}
