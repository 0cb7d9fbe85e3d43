//! Zone 3 is wiped at each update of the base, and nothing outside it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Removes everything below a directory, but not the directory itself. Links are removed, never followed; another file
/// system that is mounted inside is an error, since it is not Zone 3.
///
/// # Errors
/// The system's. What was removed until then is gone.
pub fn wipe(zone3: &Path) -> io::Result<()> {
    let root = fs::symlink_metadata(zone3)?;
    if !root.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "zone 3 is no directory"));
    }
    below(zone3, root.dev())
}

fn below(directory: &Path, device: u64) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        if found.dev() != device {
            return Err(io::Error::new(
                io::ErrorKind::CrossesDevices,
                "another file system is mounted in zone 3",
            ));
        }
        if found.is_dir() {
            below(&path, device)?;
            fs::remove_dir(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
