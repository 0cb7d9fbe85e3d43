//! The digests that package managers record, made anew of the files themselves.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::OFlags;

use super::coverage::Expected;
use super::error::InventoryError;
use super::recorded::{Content, ContentDigests};
use crate::manifest::{DirectoryError, TreePath, open_beneath};
use crate::work::{ContentHasher as _, Work};

/// Bytes that are read at once.
const READ_SIZE: usize = 64 * 1024;

type Contents = HashMap<TreePath, Content>;

/// Those of an image's files.
#[cfg(feature = "squashfs")]
pub(super) fn of_squashfs(
    image: &crate::squashfs::Image<'_>,
    expected: &[Expected<'_>],
    work: &Work<'_>,
) -> Result<Contents, InventoryError> {
    let mut files = crate::squashfs::Files::of(image).map_err(InventoryError::Image)?;
    let find = |path: &TreePath| {
        let index = expected.binary_search_by(|file| file.path().cmp(path)).ok()?;
        expected.get(index)
    };
    let begin = |entry: &crate::manifest::Entry| find(&entry.path)?.hasher();
    let hashed = files.hash(&begin, work).map_err(InventoryError::Image)?;
    as_in_manifest(hashed.into_iter().collect(), expected)
}

/// Those of a directory's files, on many threads.
pub(super) fn of_directory(
    root: &OwnedFd,
    expected: &[Expected<'_>],
    work: &Work<'_>,
) -> Result<Contents, InventoryError> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let hash_some = || {
        let mut hashed = Vec::new();
        while let Some(file) = expected.get(next.fetch_add(1, Ordering::Relaxed))
            && !failed.load(Ordering::Relaxed)
        {
            let Some(hasher) = file.hasher() else { continue };
            let content = hash_file(root, file.path(), hasher)
                .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            hashed.push((file.path().clone(), content));
        }
        Ok::<_, InventoryError>(hashed)
    };
    let hashed = work.on_each_thread(hash_some)?;
    as_in_manifest(hashed.into_iter().flatten().collect(), expected)
}

fn hash_file(root: &OwnedFd, path: &TreePath, mut hasher: ContentDigests) -> Result<Content, InventoryError> {
    let failed =
        |action, source| InventoryError::Directory(DirectoryError::Io { action, path: path.clone(), source });
    let mut file = File::from(open_beneath(root, path, OFlags::empty()).map_err(InventoryError::Directory)?);
    if !file.metadata().map_err(|error| failed("stat", error))?.is_file() {
        return Err(InventoryError::Changed { path: path.clone() });
    }
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(len) => hasher.update(buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", error)),
        }
    }
}

/// Refuses what is not what the manifest has: one of the two is of something else.
fn as_in_manifest(contents: Contents, expected: &[Expected<'_>]) -> Result<Contents, InventoryError> {
    for file in expected {
        let known = contents.get(file.path());
        let is_other = match (known, file.hasher()) {
            (Some(content), _) => Some(content.sha256) != file.digest(),
            (None, needed) => needed.is_some(),
        };
        if is_other {
            return Err(InventoryError::Changed { path: file.path().clone() });
        }
    }
    Ok(contents)
}
