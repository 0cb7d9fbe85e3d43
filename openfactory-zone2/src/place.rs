//! Where a value stands on a device.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::policy::Problem;
use crate::value::Format;

/// Where a value stands on a device: a key within a file, or a fact about the device as it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    source: Source,
    secret: bool,
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
        Ok(Self { source: Source::File { path, key, format }, secret })
    }

    pub(crate) const fn of_interface(name: String) -> Self {
        Self { source: Source::Interface { name }, secret: false }
    }

    pub(crate) const fn of_receiver(name: String, max_age: u32) -> Self {
        Self { source: Source::Receiver { name, max_age }, secret: false }
    }

    /// What the value is taken from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Whether reports don't show the value.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        self.secret
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
