//! The trust file, read again whenever it was replaced: a key that was revoked counts no more from then on, in every
//! process that trusts by this file.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use openfactory_attest::trust::{self, ExpiredRegistryError, ParseTrustError, TrustStore};
use thiserror::Error;

/// Why nobody can be trusted now.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustFileError {
    /// It can't be read.
    #[error("can't read the trust file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no trust file.
    #[error("the trust file {path} can't be used")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ParseTrustError,
    },
    /// Its key registry is too old to go by.
    #[error("the trust file {path} can't be used any longer")]
    Expired {
        /// The file.
        path: PathBuf,
        /// Since when.
        source: ExpiredRegistryError,
    },
}

/// By what a file that was replaced is told from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// What was read last.
#[derive(Clone, Debug)]
struct Read {
    stamp: Stamp,
    trust: Arc<TrustStore>,
    /// When registered keys begin or end to count, or their registry does.
    until: Option<SystemTime>,
}

/// A trust file. Clones share what was read last.
#[derive(Clone, Debug)]
pub struct TrustFile {
    path: PathBuf,
    last: Arc<Mutex<Option<Read>>>,
}

impl TrustFile {
    /// Opens the file, and reads it a first time.
    ///
    /// # Errors
    /// [`TrustFileError`] where it can't be read or is no trust file.
    pub fn open(path: &Path) -> Result<Self, TrustFileError> {
        let file = Self { path: path.to_owned(), last: Arc::default() };
        file.current()?;
        Ok(file)
    }

    /// Whom to trust now. Costs one `stat` as long as the file is the same.
    ///
    /// # Errors
    /// [`TrustFileError`]: then nobody is trusted, whatever was read before.
    pub fn current(&self) -> Result<Arc<TrustStore>, TrustFileError> {
        let error = |source| TrustFileError::Read { path: self.path.clone(), source };
        let stamp = stamp(&fs::metadata(&self.path).map_err(error)?);
        let now = SystemTime::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |read: &&Read| read.stamp == stamp && read.until.is_none_or(|until| now < until);
        if let Some(read) = last.as_ref().filter(same) {
            return Ok(Arc::clone(&read.trust));
        }
        let file = File::open(&self.path).map_err(error)?;
        let stamp = self::stamp(&file.metadata().map_err(error)?);
        let mut bytes = Vec::new();
        file.take(trust::MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(error)?;
        let trust = TrustStore::parse(&bytes)
            .map_err(|source| TrustFileError::Content { path: self.path.clone(), source })?;
        let until = trust.changes_after(now);
        let trust = trust.as_of(now);
        let trust = trust.map_err(|source| TrustFileError::Expired { path: self.path.clone(), source })?;
        let trust = Arc::new(trust);
        *last = Some(Read { stamp, trust: Arc::clone(&trust), until });
        Ok(trust)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

#[cfg(test)]
mod tests {
    use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
    use openfactory_attest::trust::{TrustStore, TrustedKey};

    use super::{TrustFile, TrustFileError};
    use crate::write_once::write_atomically;

    fn store(names: &[&str]) -> Vec<u8> {
        let mut trust = TrustStore::new();
        for name in names {
            let key = Ed25519Key::generate().unwrap();
            trust.add(TrustedKey::new(*name, KeyKind::Operator, key.public_key().clone())).unwrap();
        }
        trust.to_json()
    }

    #[test]
    fn a_replaced_file_counts_at_once_and_a_damaged_one_trusts_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trust.json");
        write_atomically(&path, &store(&["ada"]), 0o644).unwrap();
        let file = TrustFile::open(&path).unwrap();
        assert_eq!(file.current().unwrap().iter().count(), 1);
        write_atomically(&path, &store(&["ada", "bob"]), 0o644).unwrap();
        assert_eq!(file.current().unwrap().iter().count(), 2);
        write_atomically(&path, b"{", 0o644).unwrap();
        assert!(matches!(file.current(), Err(TrustFileError::Content { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.current(), Err(TrustFileError::Read { .. })));
    }
}
