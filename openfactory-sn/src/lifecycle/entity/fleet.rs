use serde::{Deserialize, Serialize};

use super::super::id::BuildId;

/// A fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fleet {
    /// Builds whose rollout reached all of it, the latest last; at most 8.
    #[serde(default)]
    pub reached_full: Vec<BuildId>,
}
