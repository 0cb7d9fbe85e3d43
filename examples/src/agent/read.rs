//! Reading files of a bounded size.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file could not be read.
#[derive(Debug, Error)]
#[error("can't read {path}")]
pub struct ReadError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// A file that is read in pieces: what is behind `limit` bytes is an error.
pub(super) fn open(path: &Path, limit: u64) -> Result<BufReader<Limited>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError { path: path.to_owned(), source })?;
    Ok(BufReader::with_capacity(64 * 1024, Limited { file, left: limit, limit }))
}

/// A file up to a limit.
pub(super) struct Limited {
    file: File,
    left: u64,
    limit: u64,
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| too_large(self.limit))?;
        Ok(read)
    }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"))
}

/// The whole file, of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let error = |source| ReadError { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(error)?;
    if bytes.len() as u64 > limit {
        return Err(error(too_large(limit)));
    }
    Ok(bytes)
}
