//! Where a value stands on a device.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex::bytes::Regex;
use serde::{Serialize, Serializer};

use crate::policy::Problem;
use crate::value::{Format, capture};

/// Where a value stands on a device: a key within a file, or a fact about the device as it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    source: Source,
    secret: bool,
    /// Of the key, where that is a regular expression: made with the policy, not at each look.
    pattern: Compiled,
}

/// What a value is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// A file of Zone 2.
    File {
        /// Its absolute path on the device.
        path: String,
        /// The key within the file, in the notation of its format; `.` is the file as a whole.
        key: String,
        /// How the file is written.
        format: Format,
    },
    /// The addresses that a network interface has now.
    Interface {
        /// Its name, such as `eth0`.
        name: String,
    },
    /// Where a satellite receiver is now.
    Receiver {
        /// What it is asked by: `gpsd:HOST:PORT`, or `nmea:/dev/...`, whatever the device's
        /// [`LiveFacts`](crate::live::LiveFacts) know.
        name: String,
        /// How old its position may be, in seconds; an older one is none.
        max_age: u32,
    },
}

impl Place {
    pub(crate) fn in_file(path: String, key: String, format: Format, secret: bool) -> Result<Self, Problem> {
        let normal = path
            .strip_prefix('/')
            .is_some_and(|relative| relative.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
        if !normal {
            return Err(Problem::NotNormalPath);
        }
        let pattern = if format == Format::Regex { Compiled::of(&key) } else { Compiled::NONE };
        Ok(Self { source: Source::File { path, key, format }, secret, pattern })
    }

    pub(crate) const fn of_interface(name: String) -> Self {
        Self { source: Source::Interface { name }, secret: false, pattern: Compiled::NONE }
    }

    pub(crate) const fn of_receiver(name: String, max_age: u32) -> Self {
        Self { source: Source::Receiver { name, max_age }, secret: false, pattern: Compiled::NONE }
    }

    /// What the value is taken from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// What finds the value in a text, if it was made with the policy.
    pub(crate) fn pattern(&self) -> Option<&Regex> {
        self.pattern.0.as_deref()
    }

    /// Whether reports don't show the value.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        self.secret
    }
}

/// A key's regular expression. It follows from the key, so that it tells no place from another.
#[derive(Clone, Debug)]
struct Compiled(Option<Arc<Regex>>);

impl Compiled {
    const NONE: Self = Self(None);

    /// None for a key that is no expression, which a look says.
    fn of(key: &str) -> Self {
        Self(capture::compile(key).ok().map(Arc::new))
    }
}

impl PartialEq for Compiled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Compiled {}

impl Hash for Compiled {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialOrd for Compiled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Compiled {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File { path, key, .. } => write!(f, "{path} [{key}]"),
            Source::Interface { name } => write!(f, "interface {name}"),
            Source::Receiver { name, .. } => write!(f, "receiver {name}"),
        }
    }
}

/// As in the policy file.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Shown<'a> {
            File { file: &'a str, key: &'a str },
            Interface { interface: &'a str },
            Receiver { receiver: &'a str },
        }
        match &self.source {
            Source::File { path, key, .. } => Shown::File { file: path, key },
            Source::Interface { name } => Shown::Interface { interface: name },
            Source::Receiver { name, .. } => Shown::Receiver { receiver: name },
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_made_once_with_its_place_and_tells_no_place_from_another() {
        let place = |key: &str, format| Place::in_file("/etc/a".into(), key.into(), format, false).unwrap();
        let regex = place("a=(.*)", Format::Regex);
        assert!(regex.pattern().is_some() && place("a", Format::Json).pattern().is_none());
        assert!(std::ptr::eq(regex.clone().pattern().unwrap(), regex.pattern().unwrap()));
        assert_eq!(regex, place("a=(.*)", Format::Regex));
        assert!(regex < place("b=(.*)", Format::Regex) && place("(", Format::Regex).pattern().is_none());
    }
}
