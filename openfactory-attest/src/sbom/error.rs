//! Why no inventory could be made.

use super::apk::ApkError;
use super::dpkg::DpkgError;
use super::os_release::OsReleaseError;
use crate::manifest::{DirectoryError, TreePath};

/// Why no inventory could be made. An image without packages is one of them: it is not an empty inventory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// There is no package database that is known here: dpkg's `status` or `status.d`, apk's `installed`, rpm's
    /// `rpmdb.sqlite`.
    #[error(
        "no package database: neither var/lib/dpkg/status, nor var/lib/dpkg/status.d, nor lib/apk/db/installed, nor \
         usr/lib/sysimage/rpm/rpmdb.sqlite is there"
    )]
    NoDatabase,
    /// The directory can't be read.
    #[error("cannot read the directory")]
    Directory(#[source] DirectoryError),
    /// The image is bad, or can't be read.
    #[cfg(feature = "squashfs")]
    #[error("cannot read the image")]
    Image(#[source] crate::squashfs::SquashfsError),
    /// It has to be a regular file, and is something else. Links are not followed.
    #[error("{path} is no regular file")]
    NotAFile {
        /// What is.
        path: TreePath,
    },
    /// More than is taken from any image.
    #[error("{path} is larger than {limit}")]
    TooLarge {
        /// Which file or directory.
        path: TreePath,
        /// The most: bytes of a file, names in a directory.
        limit: usize,
    },
    /// A file is no longer what the manifest says that it is.
    #[error("{path} is not the file that the manifest has")]
    Changed {
        /// Which file.
        path: TreePath,
    },
    /// A file of dpkg's database is not as dpkg writes it.
    #[error("{path} is not as dpkg writes it")]
    Dpkg {
        /// Which file.
        path: TreePath,
        /// What is wrong with it.
        #[source]
        source: DpkgError,
    },
    /// apk's database is not as apk writes it.
    #[error("{path} is not as apk writes it")]
    Apk {
        /// Which file.
        path: TreePath,
        /// What is wrong with it.
        #[source]
        source: ApkError,
    },
    /// There is a database that is not read: rpm's in SQLite needs the feature `rpmdb`, its older forms are not known
    /// here. An inventory without its packages would be a wrong one.
    #[error("{path} is a package database of a form that is not read here")]
    NotRead {
        /// Which file.
        path: TreePath,
    },
    /// rpm's database is not as rpm writes it.
    #[cfg(feature = "rpmdb")]
    #[error("{path} is not as rpm writes it")]
    Rpm {
        /// Which file.
        path: TreePath,
        /// What is wrong with it.
        #[source]
        source: super::rpm::RpmError,
    },
    /// What says which distribution it is can't be understood.
    #[error("{path} does not say which distribution this is")]
    OsRelease {
        /// Which file.
        path: TreePath,
        /// What is wrong with it.
        #[source]
        source: OsReleaseError,
    },
}
