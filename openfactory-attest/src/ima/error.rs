//! Why a list can't be read.

use std::io;

/// Why a list can't be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImaError {
    /// The reader failed.
    #[error("the list can't be read")]
    Read(#[from] io::Error),
    /// An entry is none.
    #[error("entry {entry}")]
    Entry {
        /// Which, from 1, counted from where this list begins.
        entry: u64,
        /// What is wrong with it.
        #[source]
        error: EntryError,
    },
}

/// Why bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// It ends in its middle.
    #[error("ends within its {what}")]
    CutOff {
        /// The part that is not whole.
        what: &'static str,
    },
    /// A PCR that no TPM has.
    #[error("there is no PCR {pcr}, 0 to 23 are all")]
    Pcr {
        /// Its number.
        pcr: u32,
    },
    /// More than [`MAX_ENTRY`](super::MAX_ENTRY), or than that part may have.
    #[error("{len} bytes are too many for its {what}")]
    TooLong {
        /// The part.
        what: &'static str,
        /// How many bytes it says it has, or has.
        len: usize,
    },
    /// The name of no template, and no list of fields either.
    #[error("{name:?} is no template")]
    Template {
        /// The name, as far as it can be printed.
        name: String,
    },
    /// Bytes or columns that are left after the last field.
    #[error("more than the fields of its template")]
    Trailing,
    /// A field that is not what the template says.
    #[error("its {field} is not of that form")]
    Field {
        /// The field's name: `d-ng`, say.
        field: &'static str,
    },
    /// A column in a line that is not what it should be.
    #[error("its {what} is not of that form")]
    Column {
        /// The column.
        what: &'static str,
    },
}
