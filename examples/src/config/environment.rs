//! `OPENFACTORY_<SECTION>__<KEY>`: one key each, read as the type that the default file gives it.

use toml::{Table, Value};

use super::ConfigError;
use super::schema::{Schema, type_name};

/// What the names of our environment variables begin with. Those without `__` are no configuration.
pub const PREFIX: &str = "OPENFACTORY_";

/// The variables of this process that may be configuration.
///
/// # Errors
/// When one with our prefix is not UTF-8.
pub fn process_environment() -> Result<Vec<(String, String)>, ConfigError> {
    std::env::vars_os()
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        .map(|(name, value)| match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => Ok((name, value)),
            (Ok(name), Err(_)) => Err(ConfigError::NotUnicode { name }),
            (Err(name), _) => Err(ConfigError::NotUnicode { name: name.to_string_lossy().into_owned() }),
        })
        .collect()
}

pub(super) fn overrides(
    schema: &Schema,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Table, ConfigError> {
    let mut table = Table::new();
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if !rest.contains("__") {
            continue;
        }
        let lower = rest.to_ascii_lowercase();
        let path: Vec<&str> = lower.split("__").collect();
        let key = path.join(".");
        let example = match schema.get(&path) {
            Some(Value::Table(_)) | None => return Err(schema.unknown(&key, name)),
            Some(example) => example,
        };
        let Some(value) = read(example, &text) else {
            return Err(ConfigError::WrongType { origin: name, key, expected: type_name(example) });
        };
        insert(&mut table, &path, value);
    }
    Ok(table)
}

/// `text` as the type of `example`; a list is written as in TOML, or as items with commas between.
fn read(example: &Value, text: &str) -> Option<Value> {
    match example {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
        Value::Float(_) => text.trim().parse().ok().map(Value::Float),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Datetime(_) => text.trim().parse().ok().map(Value::Datetime),
        Value::Array(items) if text.trim_start().starts_with('[') => {
            let list = format!("list = {text}").parse::<Table>().ok()?.remove("list")?;
            let first = items.first();
            list.as_array()?
                .iter()
                .all(|item| first.is_none_or(|first| first.same_type(item)))
                .then_some(list)
        }
        Value::Array(items) => {
            let string = Value::String(String::new());
            let example = items.first().unwrap_or(&string);
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| read(example, part)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        Value::Table(_) => None,
    }
}

fn insert(table: &mut Table, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert((*key).to_owned(), value);
        }
        [section, rest @ ..] => {
            let inner = table.entry((*section).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
