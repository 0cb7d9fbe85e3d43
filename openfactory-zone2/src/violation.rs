//! Everything that can happen to Zone 2: one row for each row of the integration guide's four Zone 2 tables.
//!
//! A [`Row`] says how urgent it is, who has to deal with it, which records come of it and what is done without
//! waiting for anybody. Whoever finds something names the row; whoever acts looks it up here.

mod rows;

use std::fmt;
use std::str::FromStr;

use openfactory_attest::drift::Priority;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::finding::Role;

/// A row of one of the four tables, in the guide's order. As text and in JSON it is its [`id`](Self::id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Row {
    /// What is sealed is not what it was when it was sealed.
    HashMismatch,
    /// Somebody tried to write while the device is Locked.
    WriteAttempt,
    /// There is an executable.
    Executable,
    /// There is something that the manifest doesn't allow.
    OutsideManifest,
    /// An address outside its subnets.
    NetworkAddress,
    /// A certificate out of force or of a wrong issuer.
    Certificate,
    /// A position outside its region.
    Position,
    /// A hostname of a wrong form.
    Hostname,
    /// A word that is none of those allowed, such as a department.
    AllowedSet,
    /// A certificate that may not be used for what it is there for.
    KeyUsage,
    /// Migration: a whiteout hides what the new base brings.
    WhiteoutConflict,
    /// Migration: a file can't be brought into its new form.
    SchemaTransform,
    /// Migration: there is an executable.
    UnexpectedBinary,
    /// Migration: a certificate doesn't chain to the new base's issuers.
    BrokenChain,
    /// Migration: the new base runs, but the constraints don't hold.
    PostBootValidation,
    /// Migration: all went well.
    Migrated,
    /// Locked → Migration.
    MigrationOpened,
    /// Migration → Locked.
    MigrationClosed,
    /// Locked → Unlocked.
    Unlocked,
    /// Unlocked → Locked.
    Relocked,
}

/// One of the guide's four tables about Zone 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// "Unauthorized Zone 2 Modification".
    Modification,
    /// "Zone 2 Constraint Violations".
    Constraint,
    /// "Zone 2 Migration Failures".
    Migration,
    /// "Lockdown State Transitions".
    Lockdown,
}

/// What ServiceNow gets to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Record {
    /// A new incident.
    Incident,
    /// A note on the rollout's change request.
    ChangeUpdate,
    /// A new emergency change request.
    EmergencyChange,
    /// The emergency change request is closed.
    ChangeClosed,
}

/// What is done without waiting for anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Automation {
    /// The device is cut off from everything but its management.
    Quarantine,
    /// The configuration item says that the certificate has expired.
    FlagCertificate,
    /// The migration stops where it is.
    HaltMigration,
    /// Zone 2 becomes what it was before the migration.
    RestoreSnapshot,
    /// The device stays on the old base.
    HoldOldBase,
    /// The old base is booted again.
    RollBack,
    /// The change request goes to review.
    ReviewChange,
    /// The device is held until somebody has provisioned it anew.
    Reprovision,
}

/// One row's content.
struct Content {
    id: &'static str,
    table: Table,
    priority: Option<Priority>,
    role: Role,
    records: &'static [Record],
    automation: &'static [Automation],
    headline: &'static str,
}

impl Row {
    /// All rows, in the guide's order.
    pub const ALL: [Self; 20] = [
        Self::HashMismatch,
        Self::WriteAttempt,
        Self::Executable,
        Self::OutsideManifest,
        Self::NetworkAddress,
        Self::Certificate,
        Self::Position,
        Self::Hostname,
        Self::AllowedSet,
        Self::KeyUsage,
        Self::WhiteoutConflict,
        Self::SchemaTransform,
        Self::UnexpectedBinary,
        Self::BrokenChain,
        Self::PostBootValidation,
        Self::Migrated,
        Self::MigrationOpened,
        Self::MigrationClosed,
        Self::Unlocked,
        Self::Relocked,
    ];

    /// The row's name in files and events, such as `zone2.modification.executable`. It never changes.
    #[must_use]
    pub const fn id(self) -> &'static str {
        rows::content(self).id
    }

    /// The table that it stands in.
    #[must_use]
    pub const fn table(self) -> Table {
        rows::content(self).table
    }

    /// How urgent it is; none where there is nothing to mend.
    #[must_use]
    pub const fn priority(self) -> Option<Priority> {
        rows::content(self).priority
    }

    /// Who has to deal with it.
    #[must_use]
    pub const fn role(self) -> Role {
        rows::content(self).role
    }

    /// The records that come of it.
    #[must_use]
    pub const fn records(self) -> &'static [Record] {
        rows::content(self).records
    }

    /// What is done at once, in this order. A P1 always quarantines the device.
    #[must_use]
    pub const fn automation(self) -> &'static [Automation] {
        rows::content(self).automation
    }

    /// What happened, in a few words that a record's short description may begin with.
    #[must_use]
    pub const fn headline(self) -> &'static str {
        rows::content(self).headline
    }
}

impl Automation {
    /// What is done, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "device quarantined",
            Self::FlagCertificate => "configuration item flagged \"Cert Expired\"",
            Self::HaltMigration => "migration halted",
            Self::RestoreSnapshot => "Zone 2 restored from the snapshot before the migration",
            Self::HoldOldBase => "device held on the old base version",
            Self::RollBack => "previous base image booted again",
            Self::ReviewChange => "change request put to review",
            Self::Reprovision => "device held until it is provisioned anew",
        }
    }
}

impl fmt::Display for Automation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A text that names no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no zone 2 event is called {name:?}")]
pub struct ParseRowError {
    name: String,
}

impl FromStr for Row {
    type Err = ParseRowError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|row| row.id() == name);
        found.ok_or_else(|| ParseRowError { name: name.chars().take(64).collect() })
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
