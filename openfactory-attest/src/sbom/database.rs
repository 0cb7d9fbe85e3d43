//! What the package databases of an image hold together.

use super::error::InventoryError;
use super::files::{Files, is_behind_link};
use super::inventory::{Inventory, Package};
use super::recorded::Recorded;
use super::{apk, dpkg};
use crate::manifest::{Manifest, TreePath};

/// What is in one database, or in all of them.
#[derive(Default)]
pub(super) struct Database {
    pub(super) packages: Vec<Package>,
    /// The paths of packages: not resolved, in no order.
    pub(super) listed: Vec<Listed>,
    /// Packages that say nothing of their files.
    pub(super) unlisted: Vec<usize>,
}

/// A path that is a package's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The package's place in the list of all.
    pub(super) package: usize,
    pub(super) path: TreePath,
    /// What was recorded of it: of regular files, in apk's database also of links.
    pub(super) recorded: Option<Recorded>,
    /// Whether it is there to be changed.
    pub(super) is_configuration: bool,
}

/// More of something than is taken from any image.
pub(super) struct Excess {
    pub(super) what: &'static str,
    pub(super) limit: usize,
}

/// Whether so many packages with so many paths are taken.
pub(super) const fn limit(packages: usize, paths: usize) -> Result<(), Excess> {
    if packages > Inventory::MAX_PACKAGES {
        return Err(Excess { what: "packages", limit: Inventory::MAX_PACKAGES });
    }
    if paths > Manifest::MAX_ENTRIES {
        return Err(Excess { what: "paths", limit: Manifest::MAX_ENTRIES });
    }
    Ok(())
}

impl Database {
    /// All that are there, one after the other; `None` if there is none.
    pub(super) fn read(files: &mut dyn Files) -> Result<Option<Self>, InventoryError> {
        for name in ["Packages", "Packages.db"] {
            refuse(files, name)?;
        }
        let found = [dpkg::read(files)?, apk::read(files)?, read_rpm(files)?];
        Ok(found.into_iter().flatten().reduce(Self::and))
    }

    fn and(mut self, other: Self) -> Self {
        let before = self.packages.len();
        self.packages.extend(other.packages);
        self.listed.extend(other.listed.into_iter().map(|it| Listed { package: before + it.package, ..it }));
        self.unlisted.extend(other.unlisted.into_iter().map(|index| before + index));
        self
    }
}

/// Refuses an image that has this database of rpm's, which is not read.
fn refuse(files: &mut dyn Files, name: &str) -> Result<(), InventoryError> {
    for place in ["usr/lib/sysimage/rpm", "var/lib/rpm"] {
        let Ok(path) = TreePath::new(format!("{place}/{name}")) else { continue };
        if is_behind_link(files, &path)? || files.link(&path)?.is_some() {
            continue;
        }
        match files.read(&path, 0) {
            Ok(None) => {}
            Ok(Some(_)) | Err(InventoryError::TooLarge { .. }) => {
                return Err(InventoryError::NotRead { path });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(feature = "rpmdb")]
fn read_rpm(files: &mut dyn Files) -> Result<Option<Database>, InventoryError> {
    super::rpm::read(files)
}

/// Without the feature `rpmdb`, packages of rpm's are not passed over in silence.
#[cfg(not(feature = "rpmdb"))]
fn read_rpm(files: &mut dyn Files) -> Result<Option<Database>, InventoryError> {
    refuse(files, "rpmdb.sqlite")?;
    Ok(None)
}
