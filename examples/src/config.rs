//! Configuration: one commented TOML file per binary, compiled in as its defaults, overlaid by the user's file and
//! by the environment.
//!
//! The default file is also the list of what may be said. A key with a default stands in it as `key = value`; a key
//! without one stands in it as `#key = value`, the value an example that gives the type. Any other key is an error
//! that names the nearest known one. `OPENFACTORY_<SECTION>__<KEY>` goes before both files: `[router]` `url` is
//! `OPENFACTORY_ROUTER__URL`.

mod environment;
mod schema;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::{Table, Value};

pub use environment::{PREFIX, process_environment};
pub use schema::uncommented;

use openfactory_sn::Secret;

use crate::private_file::{self, PrivateFileError};
use schema::Schema;

/// The most that a configuration file may hold, in bytes.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Why there is no configuration to start with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not TOML.
    #[error("{origin} is not TOML: {reason}")]
    Syntax {
        /// The file.
        origin: String,
        /// What is wrong and where.
        reason: String,
    },
    /// A key that this program doesn't know.
    #[error("{origin}: unknown key `{key}`{}", hint(nearest.as_deref()))]
    UnknownKey {
        /// Where it stands: file and line, or the environment variable.
        origin: String,
        /// The key with its section, dots between.
        key: String,
        /// The known key that is most like it, if one is.
        nearest: Option<String>,
    },
    /// A section that this program doesn't know.
    #[error("{origin}: unknown section `[{section}]`{}", hint(nearest.as_ref().map(|it| format!("[{it}]")).as_deref()))]
    UnknownSection {
        /// Where it stands: file and line.
        origin: String,
        /// The section with those around it, dots between.
        section: String,
        /// The known section that is most like it, if one is.
        nearest: Option<String>,
    },
    /// A value of another type than the key's.
    #[error("{origin}: `{key}` must be {expected}")]
    WrongType {
        /// Where it stands: file and line, or the environment variable.
        origin: String,
        /// The key with its section, dots between.
        key: String,
        /// The type that it must have.
        expected: &'static str,
    },
    /// The keys are all known, but what they say together can't be.
    #[error("the configuration can't be used: {reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// An environment variable with our prefix is not UTF-8.
    #[error("the environment variable {name} is not UTF-8")]
    NotUnicode {
        /// Its name, as far as it can be shown.
        name: String,
    },
    /// A file with a secret can't be used.
    #[error(transparent)]
    Secret(#[from] PrivateFileError),
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}

/// Reads the secret in the file `path`.
///
/// # Errors
/// As [`private_file::read`].
pub fn read_secret_file(path: &Path) -> Result<Secret, ConfigError> {
    Ok(Secret::new(private_file::read(path)?.as_str()))
}

/// Puts a configuration together: `defaults` (the text of the binary's own file), over it the user's `file`, over
/// both the `environment`.
///
/// # Errors
/// When a file can't be read or isn't TOML, a key is unknown or of the wrong type, or `T` refuses the whole.
pub fn load<T: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let schema = Schema::of(defaults)?;
    let mut merged = schema::parse(defaults, "the built-in defaults")?;
    if let Some(path) = file {
        let text = read(path)?;
        let origin = path.display().to_string();
        schema.check(&text, &origin)?;
        overlay(&mut merged, schema::parse(&text, &origin)?);
    }
    overlay(&mut merged, environment::overrides(&schema, environment)?);
    deserialize(&merged)
}

/// Reads the whole as `T`. It goes by way of text because only there an error knows its section.
fn deserialize<T: DeserializeOwned>(merged: &Table) -> Result<T, ConfigError> {
    let invalid = |reason: String| ConfigError::Invalid { reason };
    let text = toml::to_string(merged).map_err(|error| invalid(error.to_string()))?;
    toml::from_str(&text).map_err(|error| {
        let upto = error.span().map_or(0, |span| span.end.min(text.len()));
        let header = text.get(..upto).and_then(|before| before.lines().rfind(|line| line.starts_with('[')));
        let section = header.map(|header| format!("in {header}: ")).unwrap_or_default();
        invalid(format!("{section}{}", error.message()))
    })
}

/// Lays `over` on `under`: tables key by key, everything else replaced whole.
fn overlay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(error)?;
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(error)?;
    if text.len() as u64 > MAX_FILE {
        return Err(error(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
    }
    Ok(text)
}
