//! `zone2-migration.json`: what the new base wants of the overlay that it finds.

use openfactory_attest::manifest::TreePath;

use super::parse;
use super::transform::Step;
use crate::policy_error::PolicyError;

/// The most members of each of a plan's lists, and of one file's steps.
pub const MAX_STEPS: usize = 1024;

/// What a migration has to do, as the new base's build declares it.
///
/// ```
/// use openfactory_zone2::migrate::Plan;
///
/// let plan = Plan::parse(br#"{
///     "version": 1,
///     "whiteouts": [{ "path": "/etc/motd", "decision": "keep" }],
///     "transforms": [{ "file": "/etc/plant.json", "format": "json",
///                      "steps": [{ "rename": { "from": "addr", "to": "address" } }] }],
///     "relocations": [{ "from": "/etc/plant.json", "to": "/etc/plant/device.json" }]
/// }"#)?;
/// assert_eq!(plan.relocations().len(), 1);
/// # Ok::<(), openfactory_zone2::PolicyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub(super) whiteouts: Vec<WhiteoutRule>,
    pub(super) transforms: Vec<FileTransform>,
    pub(super) relocations: Vec<Move>,
}

/// What becomes of a whiteout that hides something of the new base.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WhiteoutRule {
    /// Where it is.
    pub path: TreePath,
    /// Whether it stays, or what it hides comes to light.
    pub keep: bool,
}

/// How a file is brought into its new form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileTransform {
    /// Where it is, before it is moved.
    pub file: TreePath,
    /// How it is written.
    pub format: FileFormat,
    /// What is done, one after the other.
    pub steps: Vec<Step>,
}

/// How a file that is transformed is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileFormat {
    /// JSON; it is written anew, two spaces a level.
    Json,
    /// Lines `NAME=value`; other lines stay as they are.
    KeyValue,
}

/// A file or directory that the new base looks for elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Move {
    /// Where it was.
    pub from: TreePath,
    /// Where it belongs.
    pub to: TreePath,
}

impl Plan {
    /// Reads a plan of at most 1 MiB, strictly: what isn't known is an error with its line.
    ///
    /// # Errors
    /// Whatever is wrong first, with line and JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        parse::plan(bytes)
    }

    /// What becomes of whiteouts.
    #[must_use]
    pub fn whiteouts(&self) -> &[WhiteoutRule] {
        &self.whiteouts
    }

    /// How files are brought into their new form.
    #[must_use]
    pub fn transforms(&self) -> &[FileTransform] {
        &self.transforms
    }

    /// What is moved.
    #[must_use]
    pub fn relocations(&self) -> &[Move] {
        &self.relocations
    }
}
