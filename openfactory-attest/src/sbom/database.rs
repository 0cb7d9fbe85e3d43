//! What the package databases of an image hold together.

use super::error::InventoryError;
use super::files::Files;
use super::inventory::Package;
use super::{apk, dpkg};
use crate::manifest::TreePath;

/// What is in one database, or in all of them.
#[derive(Default)]
pub(super) struct Database {
    pub(super) packages: Vec<Package>,
    /// Which package, by its place in `packages`, owns which path.
    pub(super) listed: Vec<(usize, TreePath)>,
    /// Packages that say nothing of their files.
    pub(super) unlisted: Vec<usize>,
}

impl Database {
    /// All that are there, one after the other; `None` if there is none.
    pub(super) fn read(files: &mut dyn Files) -> Result<Option<Self>, InventoryError> {
        let found = [dpkg::read(files)?, apk::read(files)?];
        Ok(found.into_iter().flatten().reduce(Self::and))
    }

    fn and(mut self, other: Self) -> Self {
        let before = self.packages.len();
        self.packages.extend(other.packages);
        self.listed.extend(other.listed.into_iter().map(|(index, path)| (before + index, path)));
        self.unlisted.extend(other.unlisted.into_iter().map(|index| before + index));
        self
    }
}
