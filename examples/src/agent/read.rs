//! Reading files of a bounded size.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file could not be read.
#[derive(Debug, Error)]
#[error("can't read {path}")]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// The whole file, of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let error = |source| ReadError { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(error)?;
    if bytes.len() as u64 > limit {
        return Err(error(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"))));
    }
    Ok(bytes)
}
