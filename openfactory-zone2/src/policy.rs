//! What Zone 2 may hold: the two policy files that ship with an image.
//!
//! `zone2-manifest.json` says which paths may exist and how ([`Manifest`](crate::Manifest)),
//! `zone2-constraints.json` which values the files there may hold ([`Constraints`](crate::Constraints)). Both
//! are strict: unknown and repeated keys, duplicates and unknown constraint types are errors that name line and
//! JSON path. Their schema is in the workspace's `docs/formats/zone2-policy.md`.
//! The build platform signs both together ([`sign`], [`Policy::open`]).

mod both;
pub(crate) mod constraints;
mod glob;
pub(crate) mod manifest;
mod path_rule;
mod places;
mod regions;
mod rules;
mod signed;

pub use both::{BothError, Policy};
pub use glob::Glob;
pub use path_rule::{Class, EntryKind, Owner, PathRule};
pub use signed::{PAYLOAD_TYPE, SignPolicyError, SignedPolicyError, sign};

pub use crate::policy_error::{Location, Problem};

use crate::json::Node;
use crate::policy_error::PolicyError;

/// The largest policy file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// The most rules or constraints in one file.
pub const MAX_RULES: usize = 4096;

/// The longest path or pattern, in bytes (Linux's `PATH_MAX`).
pub const MAX_PATH_BYTES: usize = 4096;

/// The longest name, key or word, in bytes.
pub const MAX_WORD_BYTES: usize = 256;

/// The one version that both files have so far.
const VERSION: u64 = 1;

/// Checks a file's version.
pub(crate) fn check_version(node: &Node<'_>) -> Result<(), PolicyError> {
    match node.integer(u64::MAX)? {
        VERSION => Ok(()),
        found => Err(node.error(Problem::UnsupportedVersion { found })),
    }
}
