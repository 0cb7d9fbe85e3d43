//! A copy of the work tree, in which a bug may stand for a while.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// The copy, as it is without a bug.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) root: PathBuf,
}

/// A file of the copy with a bug in it, until it is dropped.
#[derive(Debug)]
pub(super) struct Planted {
    path: PathBuf,
    sound: String,
}

impl Copy {
    /// Copies what git tracks and what it would track; a file that is the same already is left alone, so that
    /// nothing is built twice.
    pub(super) fn make(workspace: &Workspace) -> Result<Self, String> {
        let list = workspace.call("git").arg("ls-files").arg("-z").arg("--cached").arg("--others");
        let listed = list.arg("--exclude-standard").read()?;
        let root = workspace.target.join("planted/tree");
        let mut kept = BTreeSet::new();
        for name in listed.split_terminator('\0') {
            let (from, to) = (workspace.root.join(name), root.join(name));
            match fs::read(&from) {
                Ok(bytes) => {
                    copy(&bytes, &to).map_err(|error| format!("{}: {error}", to.display()))?;
                    kept.insert(to);
                }
                // Tracked, and deleted in the work tree.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                // A submodule or a link to a directory.
                Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(format!("{name}: {error}")),
            }
        }
        tidy(&root, &kept).map_err(|error| format!("{}: {error}", root.display()))?;
        Ok(Self { root })
    }
}

fn copy(bytes: &[u8], to: &Path) -> std::io::Result<()> {
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(to, bytes)
}

/// Deletes what the work tree does not have any more; what is built stands elsewhere.
fn tidy(directory: &Path, kept: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            tidy(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

impl Planted {
    /// Writes the file with the bug.
    pub(super) fn new(path: PathBuf, buggy: &str) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let sound = fs::read_to_string(&path).map_err(failed)?;
        fs::write(&path, buggy).map_err(failed)?;
        Ok(Self { path, sound })
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.sound) {
            println!("{} still has the bug: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_goes_as_it_came() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.rs");
        fs::write(&path, "sound").unwrap();
        let planted = Planted::new(path.clone(), "buggy").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "buggy");
        drop(planted);
        assert_eq!(fs::read_to_string(&path).unwrap(), "sound");
    }

    #[test]
    fn what_is_not_kept_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let (old, new) = (directory.path().join("sub/old.rs"), directory.path().join("sub/new.rs"));
        copy(b"x", &old).unwrap();
        copy(b"y", &new).unwrap();
        tidy(directory.path(), &BTreeSet::from([new.clone()])).unwrap();
        assert!(!old.exists() && new.exists());
    }
}
