//! Files that hold secrets: read once, bounded, and refused while others on the machine can get at them.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use thiserror::Error;
use zeroize::Zeroizing;

/// The most that a file with a secret may hold, in bytes.
pub const MAX_SECRET: u64 = 64 * 1024;

/// Why a file with a secret is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// It can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can get at it: it counts as known to them.
    #[error("{path} is open to others on this machine: chmod {enough:o} it first")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The permissions that it may have at most.
        enough: u32,
    },
    /// It is empty or too large, or is not text.
    #[error("{path} holds no secret: {reason}")]
    NoSecret {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Reads a secret: the file's text, without the line ends that editors put after it.
///
/// Only the owner may have access to the file. One that root put there for a service to use may also be read by the
/// file's group: that is how a service that is not root comes to it.
///
/// # Errors
/// When it can't be read, others have access to it, it is empty, longer than [`MAX_SECRET`], or not UTF-8.
pub fn read(path: &Path) -> Result<Zeroizing<String>, PrivateFileError> {
    let error = |source| PrivateFileError::Read { path: path.to_owned(), source };
    let none = |reason| PrivateFileError::NoSecret { path: path.to_owned(), reason };
    let file = File::open(path).map_err(error)?;
    let enough = enough(&file.metadata().map_err(error)?);
    if let Some(enough) = enough {
        return Err(PrivateFileError::Exposed { path: path.to_owned(), enough });
    }
    // Taken in one allocation, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET as usize + 1));
    file.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(none("it is larger than 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_invalid| none("it is not UTF-8"))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(none("it is empty"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// The permissions that would do, if the file has more. What is no file, such as a pipe, is whoever's made it.
fn enough(metadata: &Metadata) -> Option<u32> {
    let of_root = metadata.uid() == 0 && !geteuid().is_root();
    let enough = if of_root { 0o640 } else { 0o600 };
    (metadata.is_file() && metadata.mode() & 0o077 & !enough != 0).then_some(enough)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_may_have_access() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "secret\r\n").unwrap();
        for mode in [0o400, 0o600, 0o700] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(*read(&path).unwrap(), "secret", "{mode:o}");
        }
        for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let told = read(&path).unwrap_err().to_string();
            assert!(told.ends_with("is open to others on this machine: chmod 600 it first"), "{told}");
        }
    }

    #[test]
    fn what_holds_no_secret_is_told_from_what_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(read(&path), Err(PrivateFileError::Read { .. })));
        for content in [&b""[..], b"\n", b"\xff", &[b'x'; 65 * 1024]] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(read(&path), Err(PrivateFileError::NoSecret { .. })));
        }
    }
}
