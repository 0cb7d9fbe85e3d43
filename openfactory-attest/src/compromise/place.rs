//! Where in the log something stands, seen from a window.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::trust::revocation::Window;

/// Where the log first held an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Place {
    /// Before the window: the rightful holder signed it.
    Before {
        /// The log's index.
        index: u64,
    },
    /// In the window: either of them may have signed it.
    Inside {
        /// The log's index.
        index: u64,
    },
    /// After the window, when nobody should have signed any more.
    After {
        /// The log's index.
        index: u64,
    },
    /// The log never held it: made behind its back, whatever date it bears.
    Unlogged,
}

impl Place {
    /// Where this index stands; `None` for what the log never held.
    #[must_use]
    pub fn of(index: Option<u64>, window: &Window) -> Self {
        match index {
            None => Self::Unlogged,
            Some(index) if index < window.from => Self::Before { index },
            Some(index) if window.to.is_some_and(|to| index >= to) => Self::After { index },
            Some(index) => Self::Inside { index },
        }
    }

    /// Whether it counts as fraudulent until proved otherwise: everything but what was there before.
    #[must_use]
    pub const fn is_affected(self) -> bool {
        !matches!(self, Self::Before { .. })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before { index } => write!(f, "before the window, at index {index}"),
            Self::Inside { index } => write!(f, "inside the window, at index {index}"),
            Self::After { index } => write!(f, "after the window, at index {index}"),
            Self::Unlogged => f.write_str("in no log"),
        }
    }
}
