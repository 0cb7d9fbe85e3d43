//! What is wrong with a policy file, and where.

use std::fmt;

use thiserror::Error;

use crate::constraint::{CaSetError, PatternError, PositionError, RegionError, SubnetError};
use crate::value::Format;

/// A policy file can't be used: what is wrong, at which line and JSON path.
///
/// A policy that has an error is refused whole: half a policy would let through what its other half forbids.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{location}: {problem}")]
pub struct PolicyError {
    location: Location,
    problem: Problem,
}

impl PolicyError {
    pub(crate) fn new(location: Location, problem: Problem) -> Self {
        Self { location, problem }
    }

    /// Where in the file.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What is wrong there.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// A place in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// From the root `$`, such as `$.constraints[2].permitted[0]`.
    pub path: String,
    /// The line, from 1, on which the value starts.
    pub line: usize,
}

impl Location {
    pub(crate) fn new(path: impl Into<String>, line: usize) -> Self {
        Self { path: path.into(), line }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, {}", self.line, self.path)
    }
}

/// What is wrong with a value of a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// A text has more bytes than its limit.
    #[error("{bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// A list has more members than its limit.
    #[error("{found} members, at most {limit} are allowed")]
    TooMany {
        /// What it has.
        found: usize,
        /// What it may have.
        limit: usize,
    },
    /// The file is not UTF-8 (RFC 8259 section 8.1).
    #[error("not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Of the first byte that can't belong to UTF-8, from 0.
        offset: usize,
    },
    /// The file is not JSON (RFC 8259).
    #[error("not JSON: {detail}")]
    Syntax {
        /// In the words of the JSON parser.
        detail: String,
    },
    /// A value of one type stands where another belongs.
    #[error("must be {expected}")]
    WrongType {
        /// What belongs there.
        expected: &'static str,
    },
    /// A number is too large.
    #[error("{number} is more than {max}")]
    OutOfRange {
        /// The number in the file.
        number: u64,
        /// The largest that is allowed.
        max: u64,
    },
    /// A key is absent that must be there.
    #[error("the key \"{key}\" is missing")]
    MissingKey {
        /// Its name.
        key: &'static str,
    },
    /// A key stands there that the format doesn't have, or not for this kind of entry.
    #[error("unknown key {key:?}; known here: {}", known.join(", "))]
    UnknownKey {
        /// Its name.
        key: String,
        /// The keys that may stand there.
        known: &'static [&'static str],
    },
    /// A key stands twice in one object.
    #[error("the key {key:?} stands twice")]
    DuplicateKey {
        /// Its name.
        key: String,
    },
    /// The file's version is not one that this crate reads.
    #[error("version {found} is not supported; supported: 1")]
    UnsupportedVersion {
        /// The version in the file.
        found: u64,
    },
    /// A string or list is empty that must not be.
    #[error("must not be empty")]
    Empty,
    /// A string holds a control character.
    #[error("holds a control character")]
    ControlCharacter,
    /// A word is none of the few that may stand there.
    #[error("{found:?} is none of {}", known.join(", "))]
    UnknownWord {
        /// The word in the file.
        found: String,
        /// The words that may stand there.
        known: &'static [&'static str],
    },
    /// A constraint is of a type that this crate doesn't check. It is never skipped: a rule that nobody checks
    /// would look like a rule that is kept.
    #[error("unknown constraint type {found:?}; known: {}", known.join(", "))]
    UnknownConstraint {
        /// The type in the file.
        found: String,
        /// The types that are checked.
        known: &'static [&'static str],
    },
    /// The same thing is said twice.
    #[error("{what} is already at {first}")]
    Duplicate {
        /// What is said twice.
        what: String,
        /// The JSON path where it stands first.
        first: String,
    },
    /// A path is not absolute, or holds `.`, `..` or an empty segment.
    #[error("not an absolute path without empty, \".\" or \"..\" segments")]
    NotNormalPath,
    /// A key stands for the whole file where the format has keys, or the other way round.
    #[error(
        "not a key of a {format} file; \".\" is the file as a whole, for the formats line and whole alone"
    )]
    NotAKey {
        /// The format.
        format: Format,
    },
    /// A key's double quotes don't match, or go on after their end.
    #[error("the key's quotes don't match; a name with dots is written as \"a.b\"")]
    KeyQuotes,
    /// A bound is no decimal number in a string.
    #[error("not a decimal number in a string, such as \"-0.5\"")]
    NotADecimal,
    /// A range has no bound, or nothing is within its bounds.
    #[error("a range needs min, max or both, and min is not more than max")]
    NoRange,
    /// A text is not base64.
    #[error("not base64")]
    NotBase64,
    /// Trusted certificates can't be used.
    #[error("not trusted certificates: {0}")]
    Anchors(CaSetError),
    /// A name can't be that of a satellite receiver.
    #[error("not a receiver; known are gpsd:HOST:PORT and nmea:/PATH")]
    NotAReceiver,
    /// A name can't be that of a network interface.
    #[error("not the name of a network interface")]
    NotAnInterface,
    /// A pattern uses a character that is kept for later, or `**` as part of a segment.
    #[error("{found:?} can't stand in a pattern; it may use *, ? and, as a whole segment, **")]
    PatternSyntax {
        /// What can't stand there.
        found: String,
    },
    /// A mode is not 3 or 4 octal digits.
    #[error("not a mode of 3 or 4 octal digits, such as \"0644\"")]
    NotAMode,
    /// A mode gives a right that nothing in Zone 2 may have: a file's execute, set-user-id, set-group-id or
    /// sticky bit, a directory's set-user-id bit (integration guide, "Zone 2 governance prohibits executables").
    #[error("the bits {bits:04o} are not allowed in Zone 2")]
    ForbiddenMode {
        /// Those bits of the mode that must not be set.
        bits: u32,
    },
    /// A regular expression can't be used.
    #[error("not a pattern: {0}")]
    Pattern(PatternError),
    /// A position can't be read.
    #[error("not a position: {0}")]
    Position(PositionError),
    /// A region can't be.
    #[error("not a region: {0}")]
    Region(RegionError),
    /// A subnet can't be read.
    #[error("not a subnet: {0}")]
    Subnet(SubnetError),
}
