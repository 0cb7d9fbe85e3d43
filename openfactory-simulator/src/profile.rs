//! Which instance is being played.

use std::fmt;
use std::str::FromStr;

/// The kind of instance: which tables exist and how strict they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// An instance prepared as the integration guide assumes: the class `cmdb_ci_os_image`, its statuses, the
    /// category "Operating System" and `sn_grc_item` are there, and emergency changes pass the approval gate.
    #[default]
    Guide,
    /// An instance as it is delivered: none of the guide's tables, fields and choices, no GRC, the client credentials
    /// grant off, an emergency change waits for its approval, changes have automatic tasks, a POST to a record is 405.
    Stock,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::Guide, Self::Stock];

    /// The name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Guide => "guide",
            Self::Stock => "stock",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no profile has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no profile is called {name:?}; there are: guide, stock")]
pub struct UnknownProfile {
    name: String,
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| UnknownProfile { name: name.to_owned() })
    }
}
