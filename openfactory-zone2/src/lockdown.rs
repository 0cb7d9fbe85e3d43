//! Locked ⇄ Migration, Locked ⇄ Unlocked: when a device's overlay may be written, and who says so.
//!
//! [`step`] is total and pure: each state and each trigger has an answer. The [`LockdownRecord`] is what a device
//! remembers of it, changed only by [`LockdownRecord::command`], [`LockdownRecord::tick`] and
//! [`LockdownRecord::migration_failed`], and kept by a [`LockdownStore`](store::LockdownStore).

mod record;
#[cfg(feature = "device")]
pub mod store;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use record::{
    Cause, LockdownRecord, MAX_HISTORY, MAX_USED, MissingSeal, Next, ParseRecordError, TransitionRecord,
};

use crate::violation::Row;

/// Whether Zone 2 may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockdownState {
    /// Read-only and watched against the seal.
    Locked,
    /// Open for the migration to another base image.
    Migration,
    /// Open for people. A device is born so.
    Unlocked,
}

/// What may change the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A signed command: unlock.
    Unlock,
    /// A signed command: migrate.
    Migrate,
    /// A signed command: lock.
    Lock,
    /// The command that opened the window has expired.
    Expired,
    /// The migration failed and Zone 2 was restored from its snapshot.
    MigrationFailed,
}

/// What happens to the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SealAction {
    /// It stays, while the overlay is open.
    Keep,
    /// It stays, and Zone 2 has to match it: what differs is a P1.
    Recheck,
    /// Zone 2 as it is now is sealed anew.
    Renew,
}

/// How Zone 2 is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// It can't be written.
    ReadOnly,
    /// It can.
    ReadWrite,
}

/// What the monitor does about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Monitoring {
    /// It notes who wrote what.
    Audit,
    /// It refuses.
    Deny,
}

/// One of the guide's four transitions ("Lockdown State Transitions").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Transition {
    /// The state before.
    pub from: LockdownState,
    /// The state after.
    pub to: LockdownState,
    /// What happens to the seal.
    pub seal: SealAction,
    /// The guide's row.
    pub row: Row,
}

/// A trigger that changes nothing in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{trigger} has no place while the device is {state}")]
pub struct NotAllowed {
    /// The state.
    pub state: LockdownState,
    /// What was to change it.
    pub trigger: Trigger,
}

/// Where a trigger leads.
///
/// Only a signed lock seals anew: a window that expires, or a migration that fails, ends at the old seal.
///
/// # Errors
/// [`NotAllowed`] where the guide has no such transition.
pub const fn step(state: LockdownState, trigger: Trigger) -> Result<Transition, NotAllowed> {
    use LockdownState::{Locked, Migration, Unlocked};
    let (to, seal, row) = match (state, trigger) {
        (Locked, Trigger::Unlock) => (Unlocked, SealAction::Keep, Row::Unlocked),
        (Locked, Trigger::Migrate) => (Migration, SealAction::Keep, Row::MigrationOpened),
        (Unlocked, Trigger::Lock) => (Locked, SealAction::Renew, Row::Relocked),
        (Unlocked, Trigger::Expired) => (Locked, SealAction::Recheck, Row::Relocked),
        (Migration, Trigger::Lock) => (Locked, SealAction::Renew, Row::MigrationClosed),
        (Migration, Trigger::Expired | Trigger::MigrationFailed) => {
            (Locked, SealAction::Recheck, Row::MigrationClosed)
        }
        (Locked, Trigger::Lock | Trigger::Expired | Trigger::MigrationFailed)
        | (Unlocked, Trigger::Unlock | Trigger::Migrate | Trigger::MigrationFailed)
        | (Migration, Trigger::Unlock | Trigger::Migrate) => return Err(NotAllowed { state, trigger }),
    };
    Ok(Transition { from: state, to, seal, row })
}

impl LockdownState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Locked, Self::Migration, Self::Unlocked];

    /// How Zone 2 is mounted in this state.
    #[must_use]
    pub const fn access(self) -> Access {
        match self {
            Self::Locked => Access::ReadOnly,
            Self::Migration | Self::Unlocked => Access::ReadWrite,
        }
    }

    /// What the monitor does in this state.
    #[must_use]
    pub const fn monitoring(self) -> Monitoring {
        match self {
            Self::Locked => Monitoring::Deny,
            Self::Migration | Self::Unlocked => Monitoring::Audit,
        }
    }

    /// The word in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Migration => "migration",
            Self::Unlocked => "unlocked",
        }
    }
}

impl Trigger {
    /// All triggers.
    pub const ALL: [Self; 5] =
        [Self::Unlock, Self::Migrate, Self::Lock, Self::Expired, Self::MigrationFailed];
}

impl fmt::Display for LockdownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unlock => "unlock",
            Self::Migrate => "migrate",
            Self::Lock => "lock",
            Self::Expired => "the end of a window",
            Self::MigrationFailed => "the failure of a migration",
        })
    }
}

#[cfg(test)]
mod tests;
