//! Why a file is not as dpkg writes it.

use crate::sbom::database::Excess;

/// Why a file of dpkg's database is refused. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpkgError {
    /// It is not UTF-8.
    #[error("line {line} is not UTF-8")]
    NotUtf8 {
        /// Where.
        line: usize,
    },
    /// A line is neither a field nor goes on with one.
    #[error("line {line} is no field")]
    NotAField {
        /// Where.
        line: usize,
    },
    /// A paragraph has a field twice.
    #[error("line {line} gives `{field}` a second time")]
    DuplicateField {
        /// Where the second is.
        line: usize,
        /// Which.
        field: String,
    },
    /// A paragraph lacks a field.
    #[error("the paragraph at line {line} has no `{field}`")]
    MissingField {
        /// Where the paragraph begins.
        line: usize,
        /// Which.
        field: &'static str,
    },
    /// A field has a value that can't be.
    #[error("`{field}` of the paragraph at line {line} has a value that can't be")]
    Value {
        /// Where the paragraph begins.
        line: usize,
        /// Which.
        field: &'static str,
    },
    /// A package is there twice for one architecture.
    #[error("the package {package} is there twice for {architecture}")]
    Duplicate {
        /// Its name.
        package: String,
        /// The architecture.
        architecture: String,
    },
    /// A line of a file list is no path within a tree.
    #[error("line {line} names no path within a tree")]
    Path {
        /// Where.
        line: usize,
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

impl From<Excess> for DpkgError {
    fn from(Excess { what, limit }: Excess) -> Self {
        Self::TooMany { what, limit }
    }
}
