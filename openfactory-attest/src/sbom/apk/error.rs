//! Why a file is not as apk writes it.

use crate::sbom::database::Excess;

/// Why apk's database is refused. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApkError {
    /// A line is no letter, colon and value.
    #[error("line {line} is no field")]
    NotAField {
        /// Where.
        line: usize,
    },
    /// A field has a value that can't be.
    #[error("line {line} gives `{field}:` a value that can't be")]
    Value {
        /// Where.
        line: usize,
        /// Which.
        field: char,
    },
    /// A field has no place there: a second time, a file before its directory, a checksum before its file.
    #[error("line {line} has a `{field}:` that has no place there")]
    Place {
        /// Where.
        line: usize,
        /// Which.
        field: char,
    },
    /// A package lacks a field.
    #[error("the package at line {line} has no `{field}:`")]
    MissingField {
        /// Where the package begins.
        line: usize,
        /// Which.
        field: char,
    },
    /// A package is there twice.
    #[error("the package {package} is there twice")]
    Duplicate {
        /// Its name.
        package: String,
    },
    /// More than is taken from any image.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are the most.
        limit: usize,
    },
}

impl From<Excess> for ApkError {
    fn from(Excess { what, limit }: Excess) -> Self {
        Self::TooMany { what, limit }
    }
}
