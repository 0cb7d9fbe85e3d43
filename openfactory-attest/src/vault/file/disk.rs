//! The files of a vault, and the lock that everything is done under.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_file;
use crate::key::KeyId;
use crate::vault::VaultError;
use crate::vault::state::{MAX_STATE, State};

/// Bytes of a private key's file at most.
const MAX_KEY: u64 = 4096;

#[derive(Clone, Debug)]
pub(super) struct Disk {
    directory: PathBuf,
}

/// The vault while nobody else touches it.
pub(super) struct Locked<'d> {
    pub(super) directory: &'d Path,
    lock: File,
}

pub(super) fn failed(action: &str, path: &Path) -> impl Fn(io::Error) -> VaultError {
    let message = format!("cannot {action} {}", path.display());
    move |error| VaultError::unavailable(message.clone(), error)
}

impl Disk {
    pub(super) fn open(directory: &Path) -> Result<Self, VaultError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory).map_err(failed("create", directory))?;
        Ok(Self { directory: directory.to_owned() })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Waits until nobody else has it. Each call has a descriptor of its own, so that threads of one process keep each
    /// other out too.
    pub(super) fn lock(&self) -> Result<Locked<'_>, VaultError> {
        let path = self.directory.join("lock");
        let file = private().create(true).truncate(false).write(true).open(&path);
        let lock = file.map_err(failed("open", &path))?;
        lock.lock().map_err(failed("lock", &path))?;
        Ok(Locked { directory: &self.directory, lock })
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing would not do while a child that is being started still has a copy of the descriptor. An error
        // changes nothing: the descriptor is closed right after.
        let _unlocked = self.lock.unlock();
    }
}

impl Locked<'_> {
    /// Begins a vault where there is none: with a list that is empty, so that no list is never an empty one.
    pub(super) fn begin(&self) -> Result<(), VaultError> {
        let state = self.state()?;
        if self.state_file().exists() { Ok(()) } else { self.write_state(&state) }
    }

    /// What is known of the keys. A directory that nothing was ever written to has none.
    pub(super) fn state(&self) -> Result<State, VaultError> {
        let path = self.state_file();
        match read(&path, MAX_STATE as u64) {
            Ok(bytes) => State::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.without_state(),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// A vault whose list is gone is not an empty one: which of its keys were revoked nobody would know.
    fn without_state(&self) -> Result<State, VaultError> {
        let left = if self.ledger_file().exists() {
            "a ledger".to_owned()
        } else if let Some(key) = self.private_keys()?.first() {
            format!("the private key {}", key.display())
        } else {
            return Ok(State::new());
        };
        Err(VaultError::damaged(format!(
            "the vault {} has {left}, but its list of keys, keys.json, is gone: put the list back, or move the private keys \
             away and begin a vault with new ones",
            self.directory.display()
        )))
    }

    /// The files that private halves are in, whether or not they are listed.
    fn private_keys(&self) -> Result<Vec<PathBuf>, VaultError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.directory).map_err(failed("list", self.directory))? {
            let path = entry.map_err(failed("list", self.directory))?.path();
            files.extend(path.extension().is_some_and(|extension| extension == "key").then_some(path));
        }
        files.sort();
        Ok(files)
    }

    pub(super) fn write_state(&self, state: &State) -> Result<(), VaultError> {
        self.write(&self.state_file(), &state.to_bytes()?)
    }

    /// Puts the private half of a key, as it is kept, into place.
    pub(super) fn write_key(&self, key_id: &KeyId, pem: &str) -> Result<(), VaultError> {
        self.write(&key_file(self.directory, key_id), pem.as_bytes())
    }

    /// The private half of a key, as it is kept.
    pub(super) fn read_key(&self, key_id: &KeyId) -> Result<Zeroizing<String>, VaultError> {
        let path = key_file(self.directory, key_id);
        let bytes = Zeroizing::new(read(&path, MAX_KEY).map_err(failed("read", &path))?);
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| VaultError::damaged(format!("{} is no private key", path.display())))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Removes the private half of every key that does not sign: of those revoked, and of those that were made but,
    /// because of a power cut, never listed.
    pub(super) fn destroy_unlisted(&self, state: &State) -> Result<(), VaultError> {
        for path in self.private_keys()? {
            let key_id = path.file_stem().and_then(|stem| stem.to_str()?.parse::<KeyId>().ok());
            let Some(key_id) = key_id else { continue };
            if !state.get(&key_id).is_some_and(|key| key.is_active()) {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        sync_directory(self.directory)
    }

    pub(super) fn ledger_file(&self) -> PathBuf {
        self.directory.join("ledger")
    }

    fn state_file(&self) -> PathBuf {
        self.directory.join("keys.json")
    }

    /// Puts a file into place so that its name leads to all of it or to what was there before.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
        let temporary = self.directory.join("new");
        let failed = failed("write", path);
        let written = || -> io::Result<()> {
            let mut file = private().create(true).truncate(true).write(true).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        written().map_err(&failed)?;
        sync_directory(self.directory)
    }
}

/// For the owner alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

pub(super) fn sync_directory(directory: &Path) -> Result<(), VaultError> {
    File::open(directory).and_then(|open| open.sync_all()).map_err(failed("sync", directory))
}

fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {max} bytes")));
    }
    Ok(bytes)
}
