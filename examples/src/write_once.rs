//! Files that are made once and then only read: complete under their name, or not there at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// What the hidden names of parts end with.
const SUFFIX: &str = ".part";

/// Parts that are made before it is given up: that a sweep comes between making and locking one is a rare thing.
const ATTEMPTS: usize = 8;

/// Opens no link, and waits for no writer of a fifo.
const NOFOLLOW: i32 = (OFlags::NOFOLLOW.bits() | OFlags::NONBLOCK.bits()).cast_signed();

/// Writes `content` to `path` so that a reader sees all of it or nothing, also after a power cut ([`Part`]).
///
/// # Errors
/// As of [`Part`]; `path` is then as it was before.
pub fn write_atomically(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut part = Part::beside(path, mode)?;
    part.file().write_all(content)?;
    part.commit()
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

/// A file in the making, hidden beside the name that it will have. Given up before it gets its name, it is removed.
///
/// A process that is killed can't remove its own. Whoever makes the same file next does: a part is locked as long as
/// somebody writes it, so one that can be locked is nobody's.
#[derive(Debug)]
pub struct Part {
    file: NamedTempFile,
    path: PathBuf,
}

impl Part {
    /// Begins a file with these permissions. A regular file that is there will be replaced; anything else of that
    /// name is left alone, for a rename over a device node would take the device away.
    ///
    /// # Errors
    /// The file system's, or that `path` is there and no regular file.
    pub fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is there and no regular file"));
        }
        let prefix = prefix(path);
        let directory = directory(path);
        sweep(directory, &prefix);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX).permissions(Permissions::from_mode(mode));
        for _attempt in 0..ATTEMPTS {
            let file = builder.tempfile_in(directory)?;
            if is_ours(&file) {
                return Ok(Self { file, path: path.to_owned() });
            }
        }
        Err(io::Error::other("its temporary file is taken away again and again"))
    }

    /// What is written to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// The name that it has for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives the file its name, durably: fsync, rename, fsync of the directory.
    ///
    /// # Errors
    /// The file system's.
    pub fn commit(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path).map_err(|error| error.error)?;
        File::open(directory(&self.path))?.sync_all()
    }

    /// The same, but replaces nothing.
    ///
    /// # Errors
    /// The file system's; [`io::ErrorKind::AlreadyExists`] if there is something of that name.
    pub fn commit_new(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(&self.path).map_err(|error| error.error)?;
        File::open(directory(&self.path))?.sync_all()
    }
}

/// Locks a part that was just made; false if a sweep came in between. Where nothing can be locked, no sweep takes
/// anything either.
fn is_ours(part: &NamedTempFile) -> bool {
    if flock(part.as_file(), FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return false;
    }
    let inode = |metadata: io::Result<fs::Metadata>| metadata.map(|it| (it.dev(), it.ino())).ok();
    inode(fs::symlink_metadata(part.path())) == inode(part.as_file().metadata())
}

/// Removes what killed processes left of a file. That is tidying up: what can't be looked at or removed stays.
fn sweep(directory: &Path, prefix: &OsStr) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.as_bytes();
        if !name.starts_with(prefix.as_bytes()) || !name.ends_with(SUFFIX.as_bytes()) {
            continue;
        }
        let opened = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(entry.path());
        let Ok(part) = opened else { continue };
        if flock(&part, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _removed = fs::remove_file(entry.path());
        }
    }
}

/// What the hidden names of a file's parts begin with. A name may have 255 bytes.
fn prefix(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let mut prefix = OsString::from(".");
    prefix.push(OsStr::from_bytes(name.get(..200).unwrap_or(name)));
    prefix.push(".");
    prefix
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
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

    #[test]
    fn a_part_that_is_given_up_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let mut part = Part::beside(&path, 0o600).unwrap();
        part.file().write_all(b"half").unwrap();
        assert_eq!(fs::read(part.path()).unwrap(), b"half");
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn parts_of_the_dead_are_swept_and_those_of_the_living_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let dead = folder.path().join(".image.4711.part");
        let foreign = folder.path().join(".other.4711.part");
        for file in [&dead, &foreign] {
            fs::write(file, b"half").unwrap();
        }
        let living = Part::beside(&path, 0o600).unwrap();
        assert!(!dead.exists() && foreign.exists());
        write_atomically(&path, b"whole", 0o600).unwrap();
        assert!(living.path().exists());
        living.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn nothing_is_replaced_if_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Part::beside(&path, 0o600).unwrap().commit_new().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = Part::beside(&path, 0o600).unwrap().commit_new().unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn many_write_one_file_at_once_and_each_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counter");
        std::thread::scope(|scope| {
            for writer in 0_u8..4 {
                let path = &path;
                scope.spawn(move || {
                    for _round in 0..20 {
                        write_atomically(path, &[writer; 1000], 0o644).unwrap();
                    }
                });
            }
        });
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 1000 && content.iter().all(|byte| *byte == content[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_as_long_as_names_may_be_have_parts_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(255));
        write_atomically(&path, b"whole", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
