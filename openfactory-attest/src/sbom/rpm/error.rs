//! Why a database is not as rpm writes it.

use crate::sbom::database::Excess;

/// Why rpm's database is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpmError {
    /// SQLite can't read it.
    #[error("SQLite cannot read it")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It could not be copied to where it is read.
    #[error("cannot be copied")]
    Copy(#[source] std::io::Error),
    /// It has no plain table of packages.
    #[error("has no table of packages as rpm makes it")]
    Table,
    /// A package's header is bad.
    #[error("the header of package number {number} is bad")]
    Header {
        /// The row's number.
        number: i64,
        /// What is wrong with it.
        #[source]
        source: HeaderFault,
    },
    /// A package is there twice, in the same version and for the same architecture.
    #[error("the package {package} is there twice")]
    Duplicate {
        /// Its name and version.
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

impl From<Excess> for RpmError {
    fn from(Excess { what, limit }: Excess) -> Self {
        Self::TooMany { what, limit }
    }
}

/// What is wrong with a package's header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// It is shorter or longer than it says.
    #[error("its length is not what it says")]
    Length,
    /// An entry leads out of the store, or has more values than fit.
    #[error("tag {tag} is not in the store")]
    Outside {
        /// Which.
        tag: u32,
    },
    /// An entry has another type than rpm gives it.
    #[error("tag {tag} is of another type")]
    Type {
        /// Which.
        tag: u32,
    },
    /// An entry has a value that can't be.
    #[error("tag {tag} has a value that can't be")]
    Value {
        /// Which.
        tag: u32,
    },
    /// An entry is missing.
    #[error("tag {tag} is missing")]
    Missing {
        /// Which.
        tag: u32,
    },
    /// What is said of files is not said of each.
    #[error("tag {tag} has not as many values as there are files")]
    Count {
        /// Which.
        tag: u32,
    },
}
