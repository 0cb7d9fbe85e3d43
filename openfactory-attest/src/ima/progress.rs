//! How far a list was read: its entries have numbers, and behind its end or an error there is none.

use std::io;

use super::error::{EntryError, ImaError};
use super::event::Event;

/// Why there is no next entry.
#[derive(Debug)]
pub(super) enum ReadError {
    Read(io::Error),
    Entry(EntryError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<EntryError> for ReadError {
    fn from(error: EntryError) -> Self {
        Self::Entry(error)
    }
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    entry: u64,
    ended: bool,
}

impl Progress {
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What an iterator says of the entry that was read, or of the end.
    pub(super) fn after(
        &mut self,
        read: Result<Option<Event>, ReadError>,
    ) -> Option<Result<Event, ImaError>> {
        self.entry += 1;
        self.ended = !matches!(read, Ok(Some(_)));
        let numbered = |error| match error {
            ReadError::Read(error) => ImaError::Read(error),
            ReadError::Entry(error) => ImaError::Entry { entry: self.entry, error },
        };
        read.map_err(numbered).transpose()
    }
}
