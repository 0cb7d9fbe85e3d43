//! Files of a device that are replaced as a whole: after a crash at any instant there is the old one or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What could not be done, and with what.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) action: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failed {
    let path = path.to_owned();
    move |source| Failed { action, path, source }
}

/// Writes aside, makes durable, renames over the old file, and makes that durable. One process at a time.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), Failed> {
    let temporary = temporary(directory, name);
    // What an earlier crash left.
    remove(&temporary)?;
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed("create", &temporary))?;
    file.write_all(bytes).map_err(failed("write", &temporary))?;
    file.sync_all().map_err(failed("sync", &temporary))?;
    fs::rename(&temporary, directory.join(name)).map_err(failed("rename", &temporary))?;
    sync(directory)
}

/// Takes a file away for good, and what a crash left of a new one.
pub(crate) fn discard(directory: &Path, name: &str) -> Result<(), Failed> {
    remove(&temporary(directory, name))?;
    remove(&directory.join(name))?;
    sync(directory)
}

/// Makes a directory's names durable.
pub(crate) fn sync(directory: &Path) -> Result<(), Failed> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(failed("sync", directory))
}

/// What is being written, until it takes the file's place.
fn temporary(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.new"))
}

fn remove(path: &Path) -> Result<(), Failed> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}
