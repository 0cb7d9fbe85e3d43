//! Watching Zone 2 as it happens: who writes what ([`Watch`]), and refusing what may not be ([`Gate`]).
//!
//! Both are fanotify(7) groups over whole file systems, so that a bind mount or a write through the overlay's upper layer is
//! seen too. Deciding is pure ([`decide`]), and so is reading what the kernel sends ([`decode`]).
//!
//! # What a gate can't do
//!
//! The kernel asks before an open and an exec, not before truncate(2), rename(2), unlink(2), chmod(2), or a write through a
//! descriptor that was open before; and it asks nobody once the listener is gone. So a gate alone is no wall:
//!
//! | hole | closed by |
//! |---|---|
//! | truncate, rename, unlink, chmod, link, and descriptors that were open | the read-only mount of the Locked state; else [`Watch`], which tells at once, and a scan |
//! | shared mappings, and writes to the block device | hashing: `device::Zone::scan_disk`, at every interval |
//! | another mount of the same file system | the mark is the file system's, not the mount's |
//! | the upper layer below an overlay | a mark on each layer: [`Gate::start`] takes several |
//! | a listener that died | [`watchdog`]: without a sign of life the file system is made read-only |
//! | a gate that runs and doesn't work | [`Gate::prove`]: a file that is always refused is opened, and has to be refused |
//! | events that were lost | [`Taken::lost`]: then only a whole scan knows |
//! | attempts on the read-only mount, which fanotify never sees | [`audit`]: the kernel's audit log |

mod access;
pub mod audit;
pub mod decide;
pub mod decode;
mod gate;
mod sys;
mod watch;
pub mod watchdog;
mod who;

use std::path::PathBuf;

use serde::Serialize;

pub use access::remount;
pub use gate::{Canary, Gate, GateRules};
pub use watch::Watch;
pub use who::Who;

use crate::overlay_report::OverlayFinding;
use crate::violation::Row;

/// What somebody did, or tried to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observation {
    /// Where, as the system names it; none if the directory is gone already.
    pub path: Option<PathBuf>,
    /// What.
    pub operation: Operation,
    /// Whether it was refused.
    pub refused: bool,
    /// Who.
    pub who: Who,
}

/// What was done to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operation {
    /// Its content was changed, by write(2) or truncate(2).
    Modified,
    /// Mode, owner or extended attributes were changed.
    Attributes,
    /// It was made.
    Created,
    /// It was removed.
    Deleted,
    /// It was moved away.
    MovedFrom,
    /// It was moved there.
    MovedTo,
    /// It was opened for reading.
    Read,
    /// It was opened for writing, or in a way that nobody could tell.
    Write,
    /// It was to be run.
    Exec,
}

/// What a group has told since it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// In the order in which it happened.
    pub observations: Vec<Observation>,
    /// Whether something was lost: there was no room to keep it. Then only a whole scan knows what is there.
    pub lost: bool,
}

impl Operation {
    /// The operation in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Attributes => "attributes changed",
            Self::Created => "created",
            Self::Deleted => "deleted",
            Self::MovedFrom => "moved away",
            Self::MovedTo => "moved there",
            Self::Read => "open for reading",
            Self::Write => "open for writing",
            Self::Exec => "exec",
        }
    }
}

impl Observation {
    /// The finding that a refused attempt is (integration guide, "Unauthorized Zone 2 Modification": blocked path, process,
    /// operation type): P2. None if it was not refused.
    #[must_use]
    pub fn finding(&self) -> Option<OverlayFinding> {
        let path =
            self.path.as_ref().map_or_else(|| "a path that is gone".into(), |path| path.to_string_lossy());
        self.refused.then(|| attempt(&path, self.operation.as_str(), &self.who)).flatten()
    }
}

/// An attempt that was refused.
pub(crate) fn attempt(path: &str, operation: &str, who: &Who) -> Option<OverlayFinding> {
    OverlayFinding::new(
        Row::WriteAttempt,
        path,
        None,
        format!("{operation} was refused to {who}"),
        "while locked, nothing writes to zone 2, and nothing in it is run",
        "find out what the process is and who started it",
    )
}
