//! Files that are made once and then only read: complete under their name, or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes `content` to `path` so that a reader sees all of it or nothing, also after a power cut: temporary
/// file beside it, fsync, rename, fsync of the directory. An existing regular file is replaced; anything else of
/// that name is left alone, for a rename over a device node would take the device away.
///
/// # Errors
/// The first error of the file system, or that `path` is there and no regular file; it is then as it was before.
pub fn write_atomically(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is there and no regular file"));
    }
    let temporary = temporary_beside(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    commit(&temporary, path)
}

/// The content of `path`, made by `make` and written atomically if the file is not there yet.
///
/// # Errors
/// The error of `make`, or the file system's.
pub fn read_or_write<E: From<io::Error>>(
    path: &Path,
    mode: u32,
    make: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    match fs::read(path) {
        Ok(content) => Ok(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let content = make()?;
            write_atomically(path, &content, mode)?;
            Ok(content)
        }
        Err(error) => Err(error.into()),
    }
}

/// The name under which `path` is prepared, in the same directory.
#[must_use]
pub fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Gives a complete, synced temporary file its name, durably.
///
/// # Errors
/// The file system's error; the temporary file may then still be there.
pub fn commit(temporary: &Path, path: &Path) -> io::Result<()> {
    fs::rename(temporary, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        let first = read_or_write(&path, 0o600, || Ok::<_, io::Error>(b"one".to_vec())).unwrap();
        let second = read_or_write(&path, 0o600, || Ok::<_, io::Error>(b"two".to_vec())).unwrap();
        assert_eq!((first.as_slice(), second.as_slice()), (&b"one"[..], &b"one"[..]));
    }

    #[test]
    fn what_is_no_regular_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        for path in [link.as_path(), folder.path()] {
            assert_eq!(write_atomically(path, b"x", 0o644).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn leaves_nothing_behind_when_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        let failed = read_or_write(&path, 0o600, || Err::<Vec<u8>, _>(io::Error::other("no")));
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
