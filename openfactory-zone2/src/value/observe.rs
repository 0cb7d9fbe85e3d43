//! What stands at a place, by way of whoever can look there.

use super::{FileMetadata, Format, MAX_FILE_BYTES, Observed, extract};
use crate::live::{FactError, LiveFacts};
use crate::place::{Place, Source};

/// Reads files of Zone 2 by their path on the device. `device::Zone` is the real one.
pub trait ReadFiles {
    /// The whole file, of at most `most` bytes; none if there is none.
    ///
    /// # Errors
    /// [`ReadFileError`] where there is something, but no such file.
    fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, ReadFileError>;

    /// What the file system says of an entry; none if there is none. Whoever has files without a file system says
    /// [`ReadFileError::NoMetadata`].
    ///
    /// # Errors
    /// [`ReadFileError`] where nobody knows.
    fn metadata(&self, path: &str) -> Result<Option<FileMetadata>, ReadFileError> {
        let _ = path;
        Err(ReadFileError::NoMetadata)
    }
}

/// Why a file of Zone 2 could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFileError {
    /// It, or a directory above it, is a link, a device, a pipe or the like.
    #[error("not a regular file that is reached without links")]
    NotAFile,
    /// It has more bytes than are read.
    #[error("{bytes} bytes are more than the {most} looked at")]
    TooLarge {
        /// What it has.
        bytes: u64,
        /// What is read.
        most: usize,
    },
    /// Nothing is known of it but its content.
    #[error("what the file system says of it is not known")]
    NoMetadata,
    /// The system would not.
    #[error("cannot be read")]
    Io(#[source] std::io::Error),
}

/// Looks at a place.
pub fn observe(place: &Place, files: &dyn ReadFiles, facts: &dyn LiveFacts) -> Observed {
    match place.source() {
        Source::File { path, key, format: Format::Metadata } => {
            found(files.metadata(path), |metadata| metadata.value(key))
        }
        Source::File { path, key, format } => {
            found(files.read(path, MAX_FILE_BYTES), |bytes| extract(*format, key, &bytes))
        }
        Source::Interface { name } => match facts.addresses(name) {
            Ok(addresses) => Observed::values(addresses.iter().map(ToString::to_string).collect()),
            Err(FactError::NoSuchInterface) => Observed::Unreadable(format!("there is no interface {name}")),
            Err(error) => Observed::Unreadable(error.to_string()),
        },
        Source::Receiver { name, max_age } => match facts.position(name) {
            Ok(fix) if fix.age.as_secs() > u64::from(*max_age) => {
                let (age, max_age) = (fix.age.as_secs(), max_age);
                Observed::Unreadable(format!("the position is {age} s old, more than {max_age} s"))
            }
            Ok(fix) => Observed::value(fix.position.to_string()),
            Err(error) => Observed::Unreadable(error.to_string()),
        },
    }
}

fn found<T>(answer: Result<Option<T>, ReadFileError>, value: impl FnOnce(T) -> Observed) -> Observed {
    match answer {
        Ok(Some(found)) => value(found),
        Ok(None) => Observed::Absent,
        Err(ReadFileError::Io(source)) => Observed::Unreadable(format!("cannot be read: {source}")),
        Err(error) => Observed::Unreadable(error.to_string()),
    }
}
