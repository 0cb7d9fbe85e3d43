//! The file that a command writes: never one that it reads, whatever names both go by.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::CliError;
use crate::write_once::{Part, write_atomically};

/// Where a result goes. It is there only if writing it destroys nothing that was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'p>(&'p Path);

impl<'p> Target<'p> {
    /// The target of a command that reads these files, and all that is in these directories.
    pub(super) fn new<'a>(
        path: &'p Path,
        inputs: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self, CliError> {
        // What is not there yet can't be one of them.
        let Ok(there) = fs::metadata(path) else { return Ok(Self(path)) };
        for input in inputs {
            let Ok(given) = fs::metadata(input) else { continue };
            if (given.dev(), given.ino()) == (there.dev(), there.ino()) || is_below(path, input) {
                let (path, input) = (path.display(), input.display());
                return Err(CliError::new(format!("{path} would be written over {input}, which is read")));
            }
        }
        Ok(Self(path))
    }

    /// Writes all of it, durably, or nothing. What was there is replaced.
    pub(super) fn write(self, bytes: &[u8]) -> Result<(), CliError> {
        let Self(path) = self;
        write_atomically(path, bytes, 0o644).map_err(|error| CliError::file("write", path, error))
    }

    /// The same, of what is written in many parts.
    pub(super) fn write_with(
        self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        let Self(path) = self;
        let mut part = self.begin()?;
        let failed = |error| CliError::file("write", path, error);
        let mut file = BufWriter::new(part.file());
        write(&mut file).and_then(|()| file.flush()).map_err(failed)?;
        drop(file);
        part.commit().map_err(failed)
    }

    /// Begins a large file.
    pub(super) fn begin(self) -> Result<Part, CliError> {
        let Self(path) = self;
        Part::beside(path, 0o644).map_err(|error| CliError::file("write", path, error))
    }
}

fn is_below(path: &Path, directory: &Path) -> bool {
    match (path.canonicalize(), directory.canonicalize()) {
        (Ok(path), Ok(directory)) => path.starts_with(directory),
        _ => false,
    }
}
