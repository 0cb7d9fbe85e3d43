//! A file's values by their names, read and written in its format.

use openfactory_attest::canonical::{self, Limits};
use serde_json::{Map, Value};

use super::plan::FileFormat;
use super::text::Lines;
use super::transform::TransformError;
use crate::value::MAX_FILE_BYTES;

/// The values of a file.
#[derive(Clone, Debug)]
pub(super) enum Table {
    Json(Value),
    Lines(Lines),
}

impl Table {
    pub(super) fn read(format: FileFormat, bytes: &[u8]) -> Result<Self, TransformError> {
        let unreadable = |reason: String| TransformError::Unreadable { reason };
        if bytes.len() > MAX_FILE_BYTES {
            return Err(unreadable(format!("{} bytes are more than {MAX_FILE_BYTES}", bytes.len())));
        }
        match format {
            FileFormat::Json => {
                let limits = Limits { max_bytes: MAX_FILE_BYTES, ..Limits::FOREIGN };
                match canonical::parse(bytes, &limits) {
                    Ok(Value::Object(members)) => Ok(Self::Json(Value::Object(members))),
                    Ok(_) => Err(unreadable("it is no object".to_owned())),
                    Err(error) => Err(unreadable(error.to_string())),
                }
            }
            FileFormat::KeyValue => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Self::Lines(Lines::read(text))),
                Err(error) => Err(unreadable(format!("not UTF-8 at byte {}", error.valid_up_to()))),
            },
        }
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, TransformError> {
        match self {
            Self::Json(value) => {
                let text = serde_json::to_string_pretty(&in_order(value));
                let text = text.map_err(|error| TransformError::Unreadable { reason: error.to_string() })?;
                Ok(format!("{text}\n").into_bytes())
            }
            Self::Lines(lines) => Ok(lines.write().into_bytes()),
        }
    }

    /// A plain value of a text.
    pub(super) fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    /// The text of a plain value.
    pub(super) fn word(value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Value> {
        match self {
            Self::Json(root) => key.split('.').try_fold(root, |value, step| value.get(step)).cloned(),
            Self::Lines(lines) => lines.get(key).map(Self::text),
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        match self {
            Self::Json(root) => {
                let (above, name) =
                    key.rsplit_once('.').map_or((None, key), |(above, name)| (Some(above), name));
                let above = above.into_iter().flat_map(|above| above.split('.'));
                let mut parent = root;
                for step in above {
                    parent = parent.get_mut(step)?;
                }
                parent.as_object_mut()?.remove(name)
            }
            Self::Lines(lines) => lines.take(key).map(|text| Self::text(&text)),
        }
    }

    /// Puts a value, in a file of lines in the place of another, or after it.
    pub(super) fn put(
        &mut self,
        key: &str,
        value: Value,
        near: Option<&String>,
    ) -> Result<(), TransformError> {
        let problem = |reason| TransformError::Step { key: key.to_owned(), reason };
        match self {
            Self::Json(root) => {
                let mut steps: Vec<&str> = key.split('.').collect();
                let name = steps.pop().unwrap_or_default();
                let mut parent = root;
                for step in steps {
                    let members =
                        parent.as_object_mut().ok_or_else(|| problem("there is no object on its way"))?;
                    parent = members.entry(step.to_owned()).or_insert_with(|| Value::Object(Map::new()));
                }
                let members =
                    parent.as_object_mut().ok_or_else(|| problem("there is no object on its way"))?;
                members.insert(name.to_owned(), value);
                Ok(())
            }
            Self::Lines(lines) => {
                let text = Self::word(&value).ok_or_else(|| problem("the value is no plain text"))?;
                lines.put(key, &text, near.map(String::as_str)).map_err(problem)
            }
        }
    }

    /// The names of all plain values and lists.
    pub(super) fn names(&self) -> Vec<String> {
        fn walk(value: &Value, path: &str, names: &mut Vec<String>) {
            match value {
                Value::Object(members) if !members.is_empty() => {
                    for (name, value) in members {
                        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                        walk(value, &path, names);
                    }
                }
                _ => names.push(path.to_owned()),
            }
        }
        match self {
            Self::Json(root) => {
                let mut names = Vec::new();
                walk(root, "", &mut names);
                names
            }
            Self::Lines(lines) => lines.names(),
        }
    }
}

/// The same value, the members of its objects by their names: in what order they are kept is decided by a feature of
/// serde_json, which any crate of a program may ask for.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, member)| (name.clone(), in_order(member))).collect()
        }
        Value::Array(items) => items.iter().map(in_order).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
