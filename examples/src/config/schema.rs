//! Which keys there are and of which type: read off the default file, its commented-out keys among them.

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::ConfigError;

/// The known keys, each with a value of its type.
#[derive(Debug)]
pub(super) struct Schema {
    keys: Table,
}

/// The default file with every commented-out key in force: what a file that says everything would say.
///
/// A line is a commented-out key or section when `#` is followed, with nothing between, by `name = ` or `[`.
#[must_use]
pub fn uncommented(defaults: &str) -> String {
    let mut text = String::with_capacity(defaults.len());
    for line in defaults.lines() {
        let line = match line.strip_prefix('#') {
            Some(rest) if is_key(rest) || rest.starts_with('[') => rest,
            _ => line,
        };
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn is_key(line: &str) -> bool {
    let Some((name, _value)) = line.split_once('=') else { return false };
    let name = name.trim_end();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

pub(super) fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| syntax(text, origin, &error))
}

fn syntax(text: &str, origin: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map(|span| format!(" (line {})", line_of(text, span.start)));
    ConfigError::Syntax {
        origin: origin.to_owned(),
        reason: format!("{}{}", error.message(), line.unwrap_or_default()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

impl Schema {
    pub(super) fn of(defaults: &str) -> Result<Self, ConfigError> {
        Ok(Self { keys: parse(&uncommented(defaults), "the built-in defaults")? })
    }

    /// The value in the default file at `path`, which gives its type.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (last, sections) = path.split_last()?;
        let mut table = &self.keys;
        for section in sections {
            table = table.get(*section)?.as_table()?;
        }
        table.get(*last)
    }

    /// Refuses `text` if it holds a key that isn't known, or a value of another type than the default's.
    pub(super) fn check(&self, text: &str, origin: &str) -> Result<(), ConfigError> {
        let document = DeTable::parse(text).map_err(|error| syntax(text, origin, &error))?;
        self.check_table(document.get_ref(), &self.keys, "", &|span| {
            format!("{origin}:{}", line_of(text, span))
        })
    }

    fn check_table(
        &self,
        given: &DeTable<'_>,
        known: &Table,
        section: &str,
        place: &dyn Fn(usize) -> String,
    ) -> Result<(), ConfigError> {
        // A section without keys of its own in the default file takes any.
        if known.is_empty() && !section.is_empty() {
            return Ok(());
        }
        for (key, value) in given {
            let path = join(section, key.get_ref());
            let origin = || place(key.span().start);
            let Some(example) = known.get(key.get_ref().as_ref()) else {
                return Err(match value.get_ref() {
                    DeValue::Table(_) => self.unknown_section(&path, origin()),
                    _ => self.unknown(&path, origin()),
                });
            };
            match (example, value.get_ref()) {
                (Value::Table(known), DeValue::Table(given)) => {
                    self.check_table(given, known, &path, place)?
                }
                (example, given) if same_type(example, given) => check_array(example, value, &path, place)?,
                (example, _other) => {
                    return Err(ConfigError::WrongType {
                        origin: origin(),
                        key: path,
                        expected: type_name(example),
                    });
                }
            }
        }
        Ok(())
    }

    pub(super) fn unknown(&self, key: &str, origin: String) -> ConfigError {
        ConfigError::UnknownKey { origin, key: key.to_owned(), nearest: nearest(key, self.known().0) }
    }

    fn unknown_section(&self, section: &str, origin: String) -> ConfigError {
        let nearest = nearest(section, self.known().1);
        ConfigError::UnknownSection { origin, section: section.to_owned(), nearest }
    }

    /// All keys, and all sections.
    fn known(&self) -> (Vec<String>, Vec<String>) {
        let (mut keys, mut sections) = (Vec::new(), Vec::new());
        collect(&self.keys, "", &mut keys, &mut sections);
        (keys, sections)
    }
}

/// The candidate that is most like the text, if one is like it at all.
fn nearest(text: &str, candidates: Vec<String>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&candidate, text), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

fn check_array(
    example: &Value,
    given: &Spanned<DeValue<'_>>,
    key: &str,
    place: &dyn Fn(usize) -> String,
) -> Result<(), ConfigError> {
    let (Value::Array(examples), DeValue::Array(items)) = (example, given.get_ref()) else { return Ok(()) };
    let Some(example) = examples.first() else { return Ok(()) };
    match items.iter().find(|item| !same_type(example, item.get_ref())) {
        None => Ok(()),
        Some(item) => Err(ConfigError::WrongType {
            origin: place(item.span().start),
            key: format!("{key}[]"),
            expected: type_name(example),
        }),
    }
}

fn collect(table: &Table, section: &str, keys: &mut Vec<String>, sections: &mut Vec<String>) {
    for (key, value) in table {
        let path = join(section, key);
        match value {
            Value::Table(inner) => {
                collect(inner, &path, keys, sections);
                sections.push(path);
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => keys.push(path),
        }
    }
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

fn same_type(example: &Value, given: &DeValue<'_>) -> bool {
    match example {
        Value::String(_) => matches!(given, DeValue::String(_)),
        Value::Integer(_) => matches!(given, DeValue::Integer(_)),
        Value::Float(_) => matches!(given, DeValue::Float(_) | DeValue::Integer(_)),
        Value::Boolean(_) => matches!(given, DeValue::Boolean(_)),
        Value::Datetime(_) => matches!(given, DeValue::Datetime(_)),
        Value::Array(_) => matches!(given, DeValue::Array(_)),
        Value::Table(_) => matches!(given, DeValue::Table(_)),
    }
}

pub(super) fn type_name(example: &Value) -> &'static str {
    match example {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date and time",
        Value::Array(_) => "a list in brackets",
        Value::Table(_) => "a section",
    }
}

#[cfg(test)]
mod tests {
    use super::uncommented;

    #[test]
    fn keys_come_out_of_their_comment_and_prose_stays_in() {
        let defaults =
            "# A file. x = y is prose.\n[a]\n#key = 1\n# other = 2\n#[b]\n#not a key = 3\nc = 4 # c\n";
        assert_eq!(
            uncommented(defaults),
            "# A file. x = y is prose.\n[a]\nkey = 1\n# other = 2\n[b]\n#not a key = 3\nc = 4 # c\n"
        );
    }
}
