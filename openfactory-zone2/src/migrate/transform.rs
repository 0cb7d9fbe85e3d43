//! Bringing a file into its new form: declared, pure, with a dry run that tells what would change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::FileTransform;
use super::table::Table;

/// One step. Keys are names with dots between; in files of lines a key is the whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A value gets another name, or moves to another object. Nothing if it is not there; an error if there is another
    /// where it is to go.
    Rename {
        /// What it was called.
        from: String,
        /// What it is called.
        to: String,
    },
    /// A value that is not there gets one.
    SetDefault {
        /// Its name.
        key: String,
        /// What it gets.
        value: String,
    },
    /// A value is taken out, if it is there.
    Remove {
        /// Its name.
        key: String,
    },
    /// A value becomes another word. An error where it is none of those that are known.
    Map {
        /// Its name.
        key: String,
        /// What becomes of each word; a word that becomes itself is known too.
        values: BTreeMap<String, String>,
    },
    /// A value becomes several. An error where it has not as many parts.
    Split {
        /// Its name.
        key: String,
        /// What stands between the parts.
        at: String,
        /// The names of the parts.
        into: Vec<String>,
    },
    /// Several values become one. Nothing if none is there; an error where some are.
    Join {
        /// Their names.
        keys: Vec<String>,
        /// What is put between them.
        with: String,
        /// The name of the whole.
        into: String,
    },
}

/// One value that is another afterwards. What a value was and is stays in the file: a report may not show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Changed {
    /// Its name.
    pub key: String,
    /// What happened to it.
    pub change: Change,
}

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Change {
    /// There was none.
    Added,
    /// There is none any more.
    Removed,
    /// It is another.
    Replaced,
}

/// Why a file can't be brought into its new form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// It can't be read in its format.
    #[error("it can't be read: {reason}")]
    Unreadable {
        /// Why not.
        reason: String,
    },
    /// A step has no place in what the file says.
    #[error("{key}: {reason}")]
    Step {
        /// Which value.
        key: String,
        /// Why not.
        reason: &'static str,
    },
}

/// The file in its new form, and what is different: a dry run, as long as nobody writes it. Applied to what it made, it
/// changes nothing more, if its steps are such.
///
/// ```
/// use openfactory_zone2::migrate::{Plan, transform};
///
/// let plan = Plan::parse(br#"{ "version": 1, "transforms": [{ "file": "/etc/plant", "format": "key-value", "steps": [
///     { "split": { "key": "ADDRESS", "at": "/", "into": ["IP", "PREFIX"] } },
///     { "set_default": { "key": "MTU", "value": "1500" } } ] }] }"#)?;
/// let (new, changed) = transform::apply(&plan.transforms()[0], b"# plant\nADDRESS=10.20.3.7/24\n")?;
/// assert_eq!(new, b"# plant\nIP=10.20.3.7\nPREFIX=24\nMTU=1500\n");
/// assert_eq!(changed.len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`TransformError`].
pub fn apply(transform: &FileTransform, bytes: &[u8]) -> Result<(Vec<u8>, Vec<Changed>), TransformError> {
    let mut table = Table::read(transform.format, bytes)?;
    let before = table.clone();
    for step in &transform.steps {
        perform(&mut table, step)?;
    }
    let names: std::collections::BTreeSet<_> = before.names().into_iter().chain(table.names()).collect();
    let changed = names.into_iter().filter_map(|key| {
        let change = match (before.get(&key), table.get(&key)) {
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            (before, after) if before != after => Change::Replaced,
            _ => return None,
        };
        Some(Changed { key, change })
    });
    let changed: Vec<_> = changed.collect();
    // What is as it must be is not written anew.
    let new = if changed.is_empty() { bytes.to_vec() } else { table.write()? };
    Ok((new, changed))
}

fn perform(table: &mut Table, step: &Step) -> Result<(), TransformError> {
    let problem = |key: &str, reason| Err(TransformError::Step { key: key.to_owned(), reason });
    match step {
        Step::Rename { from, to } => {
            let Some(value) = table.take(from) else { return Ok(()) };
            if table.get(to).is_some() {
                return problem(to, "there is a value already where another is to go");
            }
            table.put(to, value, Some(from))
        }
        Step::SetDefault { key, value } => match table.get(key) {
            Some(_) => Ok(()),
            None => table.put(key, Table::text(value), None),
        },
        Step::Remove { key } => {
            table.take(key);
            Ok(())
        }
        Step::Map { key, values } => {
            let Some(found) = table.get(key) else { return Ok(()) };
            let Some(new) = Table::word(&found).and_then(|word| values.get(&word)) else {
                return problem(key, "the value is none of those that are known");
            };
            table.put(key, Table::text(new), None)
        }
        Step::Split { key, at, into } => {
            let Some(found) = table.get(key) else { return Ok(()) };
            let Some(word) = Table::word(&found) else { return problem(key, "the value is no plain text") };
            let parts: Vec<&str> = word.split(at.as_str()).collect();
            if parts.len() != into.len() {
                return problem(key, "the value has not as many parts");
            }
            table.take(key);
            let mut after: Option<&String> = Some(key);
            for (name, part) in into.iter().zip(parts) {
                if table.get(name).is_some() {
                    return problem(name, "there is a value already where another is to go");
                }
                table.put(name, Table::text(part), after)?;
                after = Some(name);
            }
            Ok(())
        }
        Step::Join { keys, with, into } => {
            let found: Vec<_> = keys.iter().filter_map(|key| table.get(key)).collect();
            if found.is_empty() {
                return Ok(());
            }
            let words: Option<Vec<String>> = found.iter().map(Table::word).collect();
            match words {
                Some(words) if words.len() == keys.len() => {
                    for key in keys {
                        table.take(key);
                    }
                    if table.get(into).is_some() {
                        return problem(into, "there is a value already where another is to go");
                    }
                    table.put(into, Table::text(&words.join(with)), keys.first())
                }
                _ => problem(into, "some of the values are missing or no plain text"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
