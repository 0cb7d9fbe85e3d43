//! Which packages an image holds, as its package manager wrote it down.

use std::path::Path;

#[cfg(feature = "squashfs")]
use super::content;
use super::coverage::Coverage;
use super::database::{Database, Listed};
use super::error::InventoryError;
use super::files::{DirectoryFiles, Files};
use super::license::License;
use super::os_release::{self, Distribution};
use crate::manifest::Manifest;
use crate::work::Work;

/// The packages of an image, sorted by package manager, name and architecture, with the paths that they own.
#[derive(Clone, Debug)]
pub struct Inventory {
    distribution: Option<Distribution>,
    packages: Vec<Package>,
    /// The paths of packages: not resolved, in no order.
    pub(super) listed: Vec<Listed>,
    /// Packages that say nothing of their files.
    pub(super) unlisted: Vec<usize>,
}

impl Inventory {
    /// More packages than this are refused.
    pub const MAX_PACKAGES: usize = 1 << 17;

    /// Reads a directory tree; follows no link, and stays below `root`.
    ///
    /// # Errors
    /// [`InventoryError`], [`NoDatabase`](InventoryError::NoDatabase) among them.
    pub fn of_directory(root: &Path) -> Result<Self, InventoryError> {
        Self::read(&mut DirectoryFiles::open(root)?)
    }

    /// Reads a squashfs image without mounting it.
    ///
    /// # Errors
    /// [`InventoryError`], [`NoDatabase`](InventoryError::NoDatabase) among them.
    #[cfg(feature = "squashfs")]
    pub fn of_squashfs(image: &dyn crate::ReadAt) -> Result<Self, InventoryError> {
        let image = crate::squashfs::Image::open(image).map_err(InventoryError::Image)?;
        let mut files = crate::squashfs::Files::of(&image).map_err(InventoryError::Image)?;
        Self::read(&mut files)
    }

    pub(super) fn read(files: &mut dyn Files) -> Result<Self, InventoryError> {
        let database = Database::read(files)?.ok_or(InventoryError::NoDatabase)?;
        let distribution = os_release::read(files)?;
        let Database { packages, listed, unlisted } = database;
        Ok(Self { distribution, packages, listed, unlisted })
    }

    /// The distribution, if the image says it.
    #[must_use]
    pub const fn distribution(&self) -> Option<&Distribution> {
        self.distribution.as_ref()
    }

    /// The packages that have files in the image: dpkg's, then apk's, then rpm's, each sorted by name and
    /// architecture.
    #[must_use]
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Whose each file of the image's manifest is. Whether it is as its package had it needs the files themselves:
    /// [`coverage_of_directory`](Self::coverage_of_directory), `coverage_of_squashfs`.
    #[must_use]
    pub fn coverage(&self, manifest: &Manifest) -> Coverage {
        Coverage::of(self, manifest).0
    }

    /// Whose each file of a directory is, and whether it is as its package had it. `manifest` is the directory's.
    ///
    /// ```
    /// use openfactory_attest::sbom::Inventory;
    /// use openfactory_attest::{Manifest, Work};
    ///
    /// let root = tempfile::tempdir()?;
    /// let database = root.path().join("lib/apk/db");
    /// std::fs::create_dir_all(&database)?;
    /// std::fs::write(root.path().join("hello"), "changed\n")?;
    /// let sha1 = "Q1qvTGH92/Y1HmEs7rWUEg2WMQ2eY="; // of something else
    /// std::fs::write(database.join("installed"), format!("P:hello\nV:1\nA:noarch\nF:\nR:hello\nZ:{sha1}\n"))?;
    ///
    /// let (inventory, work) = (Inventory::of_directory(root.path())?, Work::on_all_cores());
    /// let manifest = Manifest::of_directory(root.path(), &work)?;
    /// let coverage = inventory.coverage_of_directory(root.path(), &manifest, &work)?;
    /// let tampered: Vec<_> = coverage.compared().into_iter().flat_map(|it| it.tampered()).collect();
    /// assert_eq!(tampered[0].path.to_string(), "./hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InventoryError::Changed`] if a file is no longer what the manifest says, [`InventoryError::Directory`] if it
    /// can't be read.
    pub fn coverage_of_directory(
        &self,
        root: &Path,
        manifest: &Manifest,
        work: &Work<'_>,
    ) -> Result<Coverage, InventoryError> {
        let (coverage, expected) = Coverage::of(self, manifest);
        let contents = DirectoryFiles::open(root)?.hash(&expected, work)?;
        Ok(coverage.comparing(self, &expected, &contents))
    }

    /// Whose each file of a squashfs image is, and whether it is as its package had it. `manifest` is the image's.
    ///
    /// # Errors
    /// [`InventoryError::Changed`] if a file is not what the manifest says, [`InventoryError::Image`] if it can't be
    /// read.
    #[cfg(feature = "squashfs")]
    pub fn coverage_of_squashfs(
        &self,
        image: &dyn crate::ReadAt,
        manifest: &Manifest,
        work: &Work<'_>,
    ) -> Result<Coverage, InventoryError> {
        let (coverage, expected) = Coverage::of(self, manifest);
        let image = crate::squashfs::Image::open(image).map_err(InventoryError::Image)?;
        let contents = content::of_squashfs(&image, &expected, work)?;
        Ok(coverage.comparing(self, &expected, &contents))
    }
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// Whose kind it is.
    pub format: PackageFormat,
    /// Its name.
    pub name: String,
    /// Its whole version, with epoch and revision where it has them: `1:2.4.47-2`.
    pub version: String,
    /// `amd64`, `all`, ...
    pub architecture: String,
    /// The source package it was built from, if that has another name.
    pub source_name: Option<String>,
    /// The version of the source package, if that is another one.
    pub source_version: Option<String>,
    /// Who maintains it: `Name <address>`.
    pub maintainer: Option<String>,
    /// Where it is from.
    pub homepage: Option<String>,
    /// What it is, in one line.
    pub summary: Option<String>,
    /// Its licence: apk's database holds it; of Debian's packages it is known where their copyright file is
    /// machine-readable.
    pub license: Option<License>,
    /// How far it is installed.
    pub state: PackageState,
}

#[cfg(feature = "rpmdb")]
impl Package {
    /// Reads a package's header as rpm's databases hold it, without the magic number at its beginning. `None` for the
    /// public keys that rpm keeps as if they were packages.
    ///
    /// ```
    /// use openfactory_attest::sbom::{HeaderFault, Package};
    ///
    /// let empty = [0; 8]; // no entries, no values
    /// assert_eq!(Package::parse_rpm_header(&empty), Err(HeaderFault::Missing { tag: 1000 }));
    /// ```
    ///
    /// # Errors
    /// [`HeaderFault`](super::HeaderFault).
    pub fn parse_rpm_header(bytes: &[u8]) -> Result<Option<Self>, super::HeaderFault> {
        super::rpm::parse_header(bytes)
    }
}

/// Whose package it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackageFormat {
    /// Debian's: dpkg.
    Deb,
    /// Alpine's: apk.
    Apk,
    /// Fedora's, SUSE's and others': rpm.
    Rpm,
}

impl PackageFormat {
    /// As package URLs name it: `deb`, `apk`, `rpm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
        }
    }
}

/// How far a package with files in the image is installed (dpkg(1), "Package states"). What apk calls broken is said
/// in the same words: files or attributes that could not be written are half of an installation, a failed script is
/// half of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackageState {
    /// Unpacking was begun and not ended.
    HalfInstalled,
    /// Unpacked, not configured.
    Unpacked,
    /// Configuring was begun and not ended.
    HalfConfigured,
    /// Waits for what another package has to do.
    TriggersAwaited,
    /// Has something to do for another package.
    TriggersPending,
    /// Installed.
    Installed,
}

impl PackageState {
    /// As dpkg spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfInstalled => "half-installed",
            Self::Unpacked => "unpacked",
            Self::HalfConfigured => "half-configured",
            Self::TriggersAwaited => "triggers-awaited",
            Self::TriggersPending => "triggers-pending",
            Self::Installed => "installed",
        }
    }
}
