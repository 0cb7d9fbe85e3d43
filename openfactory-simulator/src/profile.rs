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
    /// The guide's instance, locked down: who integrates has roles for its own part and no more, some fields can't be
    /// asked about, the journal can't be read, and the paths of the API are closed to whoever has no business there.
    /// The [`POINT_USERS`] can do what their integration point does; `openfactory.integration` has the roles of all
    /// four, and no other.
    Hardened,
}

/// The users of [`Profile::Hardened`], one for each of the places at which the integration touches an instance: change
/// requests, configuration items, governance, incidents.
pub const POINT_USERS: [&str; 4] =
    ["openfactory.change", "openfactory.cmdb", "openfactory.grc", "openfactory.incident"];

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Guide, Self::Stock, Self::Hardened];

    /// The name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Guide => "guide",
            Self::Stock => "stock",
            Self::Hardened => "hardened",
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
#[error("no profile is called {name:?}; there are: guide, stock, hardened")]
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
