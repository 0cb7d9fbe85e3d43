//! Single files of an image, by path.

use std::sync::{Mutex, PoisonError};

use super::Image;
use super::content::Contents;
use super::digest::hash;
use super::error::SquashfsError;
use super::walk::{Found, walk};
use crate::manifest::{Entry, TreePath};
use crate::work::{ContentHasher, Work};

/// An image's entries, and their contents one at a time.
pub(crate) struct Files<'a> {
    image: &'a Image<'a>,
    found: Vec<Found>,
    contents: Contents<'a>,
}

impl<'a> Files<'a> {
    /// Lists the image. No file is read.
    pub(crate) fn of(image: &'a Image<'a>) -> Result<Self, SquashfsError> {
        Ok(Self { image, found: walk(image)?, contents: Contents::of(image) })
    }

    /// All entries, in bytewise order of paths. The digests of files are not known.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.found.iter().map(|found| &found.entry)
    }

    /// The entry of this path. The digest of a file is not known.
    pub(crate) fn entry(&self, path: &TreePath) -> Option<&Entry> {
        find(&self.found, path).map(|found| &found.entry)
    }

    /// A file's content, all of it: its size was looked at before. Nothing for whatever is no file.
    pub(crate) fn read(&mut self, path: &TreePath) -> Result<Vec<u8>, SquashfsError> {
        let mut bytes = Vec::new();
        if let Some(found) = find(&self.found, path) {
            self.contents.read(found, &mut |block| {
                bytes.extend_from_slice(block);
                Ok::<_, SquashfsError>(())
            })?;
        }
        Ok(bytes)
    }

    /// Hashes the files for which `begin` gives something to do it with.
    pub(crate) fn hash<H: ContentHasher>(
        &mut self,
        begin: &(dyn Fn(&Entry) -> Option<H> + Sync),
        work: &Work<'_>,
    ) -> Result<Vec<(TreePath, H::Digest)>, SquashfsError> {
        let hashed = Mutex::new(Vec::new());
        let done = |entry: &mut Entry, digest| {
            hashed.lock().unwrap_or_else(PoisonError::into_inner).push((entry.path.clone(), digest));
        };
        hash(self.image, &mut self.found, begin, &done, work)?;
        Ok(hashed.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn find<'f>(found: &'f [Found], path: &TreePath) -> Option<&'f Found> {
    let index = found.binary_search_by(|found| found.entry.path.cmp(path)).ok()?;
    found.get(index)
}
