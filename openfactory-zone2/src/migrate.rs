//! Bringing Zone 2 from one base image to the next: five phases, in the guide's order, over a copy.
//!
//! | phase | asks |
//! |---|---|
//! | whiteouts | does something that was once removed hide what the new base brings? |
//! | schema | can each file be brought into the new form that the [`Plan`] declares? |
//! | relocation | can each file be moved to where the new base looks for it? |
//! | anomalies | is there anything that Zone 2 never holds, or that the new manifest doesn't allow? |
//! | integrity | do certificates chain to the new base's issuers, do values keep the new constraints? |
//!
//! What each phase finds is decided purely ([`whiteouts`], [`transform`]); [`Migration`] performs. It works on a copy and puts it in
//! the place of Zone 2 by one exchange, so that Zone 2 is, at every instant, the old one, byte for byte, or the new one,
//! whole; the old one is kept until the new base has proved itself. A phase that fails ends it: nothing was touched.

mod anomalies;
mod copy;
mod failure;
pub mod hold;
mod integrity;
mod journal;
mod parse;
mod phases;
mod plan;
mod relocate;
mod report;
mod run;
mod schema;
mod table;
mod text;
pub mod transform;
pub mod whiteouts;
mod wipe;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use failure::{Failure, MigrateError};
pub use plan::{FileFormat, FileTransform, MAX_STEPS, Move, Plan, WhiteoutRule};
pub use report::{Decision, MigrationReport, OpenReportError, PAYLOAD_TYPE, PathDecision, SignReportError};
pub use run::{Faults, Migration, NewBase, NoFaults, Outcome, Resumed, Store};
pub use wipe::wipe;

use crate::violation::Row;

/// One of the five phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Whiteouts.
    Whiteouts,
    /// Files are brought into their new form.
    Schema,
    /// Files are moved.
    Relocation,
    /// What Zone 2 never holds.
    Anomalies,
    /// Certificates and constraints.
    Integrity,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Self; 5] =
        [Self::Whiteouts, Self::Schema, Self::Relocation, Self::Anomalies, Self::Integrity];

    /// The row of the guide's "Zone 2 Migration Failures" that a failure of this phase is, unless it says another. A failed
    /// relocation is one of the schema: the file can't be brought to where the new base looks for it.
    #[must_use]
    pub const fn row(self) -> Row {
        match self {
            Self::Whiteouts => Row::WhiteoutConflict,
            Self::Schema | Self::Relocation => Row::SchemaTransform,
            Self::Anomalies => Row::UnexpectedBinary,
            Self::Integrity => Row::BrokenChain,
        }
    }

    /// The phase in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whiteouts => "whiteouts",
            Self::Schema => "schema",
            Self::Relocation => "relocation",
            Self::Anomalies => "anomalies",
            Self::Integrity => "integrity",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
