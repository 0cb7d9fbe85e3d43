//! What stands at a place, by way of whoever can look there.

use std::collections::BTreeMap;
use std::fmt;

use regex::bytes::Regex;

use super::{Document, FileMetadata, Format, MAX_FILE_BYTES, Observed};
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

/// Looks at one place. For more than one see [`Observer`].
pub fn observe(place: &Place, files: &dyn ReadFiles, facts: &dyn LiveFacts) -> Observed {
    Observer::new(files, facts).observe(place)
}

/// Looks at places, and reads a file once however many of its keys are asked for: all that is said of it is said of the
/// same bytes. It remembers files of [`MAX_FILE_BYTES`] in all, so it is for one look at a device and made anew for the next.
///
/// ```
/// use openfactory_zone2::check;
/// use openfactory_zone2::live::LiveFacts;
/// use openfactory_zone2::value::{Observer, ReadFiles};
///
/// fn findings(policy: &openfactory_zone2::Constraints, device: &impl ReadFiles, facts: &dyn LiveFacts) -> usize {
///     let mut observer = Observer::new(device, facts);
///     let now = std::time::SystemTime::now();
///     check::constraints(policy, now, |place| observer.observe(place)).findings.len()
/// }
/// ```
pub struct Observer<'d> {
    files: &'d dyn ReadFiles,
    facts: &'d dyn LiveFacts,
    read: BTreeMap<(String, Format), Document<'static>>,
    /// Of all that was read and is remembered.
    bytes: usize,
}

impl<'d> Observer<'d> {
    /// One that has seen nothing yet.
    pub fn new(files: &'d dyn ReadFiles, facts: &'d dyn LiveFacts) -> Self {
        Self { files, facts, read: BTreeMap::new(), bytes: 0 }
    }

    /// What stands at a place.
    pub fn observe(&mut self, place: &Place) -> Observed {
        match place.source() {
            Source::File { path, key, format: Format::Metadata } => {
                found(self.files.metadata(path), |metadata| metadata.value(key))
            }
            Source::File { path, key, format } => self.file(path, key, place.pattern(), *format),
            source => live(source, self.facts),
        }
    }

    fn file(&mut self, path: &str, key: &str, pattern: Option<&Regex>, format: Format) -> Observed {
        let name = (path.to_owned(), format);
        if let Some(document) = self.read.get(&name) {
            return document.get_by(key, pattern);
        }
        found(self.files.read(path, MAX_FILE_BYTES), |bytes| {
            let document = Document::parse(format, &bytes).into_owned();
            let value = document.get_by(key, pattern);
            if self.bytes.saturating_add(bytes.len()) > MAX_FILE_BYTES {
                self.read.clear();
                self.bytes = 0;
            }
            self.bytes += bytes.len();
            self.read.insert(name, document);
            value
        })
    }
}

impl fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("read", &self.read.keys()).finish_non_exhaustive()
    }
}

fn live(source: &Source, facts: &dyn LiveFacts) -> Observed {
    match source {
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
        Source::File { .. } => Observed::Unreadable("a file is no fact of the device".to_owned()),
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
