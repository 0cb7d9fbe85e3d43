//! Why a migration failed.

use std::io;
use std::path::PathBuf;

use openfactory_attest::canonical::CanonicalError;
use serde::{Deserialize, Serialize};

use super::Phase;
use crate::durable;
use crate::overlay_report::OverlayFinding;
use crate::violation::Row;

/// One thing by which a phase failed: a row of the guide's "Zone 2 Migration Failures".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Failure {
    /// In which phase; none after the new base was booted.
    pub phase: Option<Phase>,
    /// The guide's row.
    pub row: Row,
    /// Where on the device.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl Failure {
    pub(super) fn new(phase: Phase, path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { phase: Some(phase), row: phase.row(), path: path.into(), reason: reason.into() }
    }

    pub(super) fn with_row(self, row: Row) -> Self {
        Self { row, ..self }
    }

    /// The failure as a finding.
    #[must_use]
    pub fn finding(&self) -> Option<OverlayFinding> {
        let rule = match self.phase {
            Some(phase) => format!("the migration's phase {phase}"),
            None => "the validation of the new base".to_owned(),
        };
        let advice =
            "the device runs its old base with the overlay as it was; mend the cause, then migrate anew";
        OverlayFinding::new(self.row, &self.path, None, &self.reason, rule, advice)
    }
}

/// Why a migration could not be performed. Nothing is known to be wrong with the overlay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The system would not.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The journal is damaged, or of another version.
    #[error("the migration's journal can't be read: {reason}")]
    Journal {
        /// Why not.
        reason: String,
    },
    /// What is to be stored has no canonical form.
    #[error("the migration's journal can't be written down")]
    Canonical(#[source] CanonicalError),
    /// A migration is under way: it is to be resumed, or its end awaited.
    #[error("a migration is under way already")]
    UnderWay,
    /// There is no migration that waits for its end.
    #[error("no migration waits for its end")]
    NotMigrated,
}

impl From<durable::Failed> for MigrateError {
    fn from(durable::Failed { action, path, source }: durable::Failed) -> Self {
        Self::Io { action, path, source }
    }
}
