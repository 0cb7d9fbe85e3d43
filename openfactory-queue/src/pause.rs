//! Holding deliveries back on purpose.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// What is held back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PauseScope {
    /// Everything.
    Queue,
    /// One key.
    Key(String),
    /// All whose [`DESTINATION`](crate::message::DESTINATION) attribute has this value.
    Destination(String),
}

/// A pause: nothing in its scope is leased while it lasts. It survives restarts; running leases go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pause {
    /// What is held back; a new pause of the same scope replaces the old one.
    pub scope: PauseScope,
    /// It ends by itself then; `None`: only by a resume.
    pub until: Option<SystemTime>,
    /// Who asked; not empty.
    pub actor: String,
    /// Why; not empty.
    pub reason: String,
    /// Since when; set by the queue.
    pub since: SystemTime,
}

impl Pause {
    /// Holds `scope` back until resumed.
    pub fn new(scope: PauseScope, actor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { scope, until: None, actor: actor.into(), reason: reason.into(), since: SystemTime::UNIX_EPOCH }
    }

    /// Ends by itself at `time`.
    #[must_use]
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(time);
        self
    }
}

/// Ends a pause.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resume {
    /// Of which scope.
    pub scope: PauseScope,
    /// Who asks; not empty.
    pub actor: String,
    /// Why; not empty.
    pub reason: String,
}

impl Resume {
    /// Ends the pause of `scope`.
    pub fn new(scope: PauseScope, actor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { scope, actor: actor.into(), reason: reason.into() }
    }
}
