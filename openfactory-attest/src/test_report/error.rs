//! Why something is no test report.

use crate::canonical::{CanonicalError, ParseError};

/// Why something is no test report that is read here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestReportError {
    /// More bytes than are read.
    #[error("{len} bytes are more than the {max} that are read of a test report")]
    TooLong {
        /// Bytes of the report.
        len: usize,
        /// Bytes that are read.
        max: usize,
    },
    /// Not JSON, or not within the limits.
    #[error("the test report is not acceptable JSON")]
    Json(#[source] ParseError),
    /// Not XML, or not within the limits: a document type or an entity of its own is refused.
    #[error("the test report is not acceptable XML: {reason}")]
    Xml {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// Of a version that is not known.
    #[error("the test report is of version {found}, version {} is known", super::VERSION)]
    Version {
        /// The version it has.
        found: u64,
    },
    /// Of another shape.
    #[error("the test report has another shape than expected: {reason}")]
    Shape {
        /// What is missing or too much.
        reason: String,
    },
    /// More cases than are read.
    #[error("the test report has more than {max} cases")]
    TooMany {
        /// Cases that are read.
        max: usize,
    },
    /// A case of which nobody says what it tests.
    #[error("nobody says which category the test {name:?} is of: name its suite after it, or give one")]
    NoCategory {
        /// The case.
        name: String,
    },
    /// Fewer cases than it says itself.
    #[error("the test suite {suite:?} announces {announced} {what}, but has {found}: the report was cut")]
    Cut {
        /// The suite.
        suite: String,
        /// `tests`, `failures` or `skipped`.
        what: &'static str,
        /// How many it announces.
        announced: u64,
        /// How many it has.
        found: u64,
    },
    /// A compliance scan is one set of results.
    #[error("{found} sets of XCCDF results are there; one is read")]
    Results {
        /// How many.
        found: usize,
    },
    /// It has no canonical JSON.
    #[error("the test report has no canonical form")]
    Canonical(#[source] CanonicalError),
}
