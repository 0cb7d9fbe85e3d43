//! Lines `NAME=value`.

use super::Observed;

/// All values of a name: which of several counts depends on who reads the file, so each has to be as it must be.
pub(super) fn extract(key: &str, text: &str) -> Observed {
    let mut values = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        if name != key {
            continue;
        }
        match unquote(value.trim()) {
            Some(value) => values.push(value.to_owned()),
            None => return Observed::Unreadable(format!("line {} has more than a plain value", number + 1)),
        }
    }
    Observed::values(values)
}

/// The value without quotes around it. None where they don't match, or where something would have to be expanded.
fn unquote(value: &str) -> Option<&str> {
    let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        return (!value.contains(['"', '\'', '$', '`', '\\'])).then_some(value);
    };
    let inner = value.get(1..)?.strip_suffix(quote)?;
    let plain = !inner.contains(quote) && (quote == '\'' || !inner.contains(['$', '`', '\\']));
    plain.then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_values() {
        let text =
            "# plant\nDEPARTMENT=\"QA-01\"\n export SITE='north hall'\nA=1\nA=2\nEMPTY=\nnoise\nB = 3\n";
        let table = [
            ("DEPARTMENT", Observed::value("QA-01")),
            ("SITE", Observed::value("north hall")),
            ("A", Observed::Values(vec!["1".into(), "2".into()])),
            ("EMPTY", Observed::value("")),
            ("B", Observed::value("3")),
            ("noise", Observed::Absent),
            ("# plant", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, text), expected, "{key}");
        }
    }

    #[test]
    fn what_a_shell_would_expand_is_unreadable() {
        for value in ["\"a", "a\"", "'a\"", "\"a\"b\"", "$HOME", "\"$HOME\"", "`id`", "a\\ b", "\"", "'"] {
            let found = extract("K", &format!("\nK={value}\n"));
            assert_eq!(found, Observed::Unreadable("line 2 has more than a plain value".into()), "{value}");
        }
        assert_eq!(extract("K", "K='$HOME'"), Observed::value("$HOME"));
    }
}
