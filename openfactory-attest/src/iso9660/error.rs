//! Why an image can't be read.

use std::io;

use crate::manifest::TreePath;

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsoPart {
    /// The description of the volume.
    Volume,
    /// A directory.
    Directory,
    /// What Rock Ridge adds to a directory's record.
    SystemUse,
    /// A file's content.
    Content,
}

impl IsoPart {
    const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume descriptor",
            Self::Directory => "directory",
            Self::SystemUse => "Rock Ridge entry",
            Self::Content => "content",
        }
    }
}

/// Why an image can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsoError {
    /// The device could not be read: nothing is known of the image.
    #[error("cannot read the image at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not begin as an ISO image does.
    #[error("no ISO 9660 image")]
    Magic,
    /// It has something that is not read here.
    #[error("an ISO image with {what} is not supported")]
    Unsupported {
        /// What.
        what: &'static str,
    },
    /// A part makes no sense.
    #[error("bad {} at byte {offset}", .part.name())]
    Corrupt {
        /// Which part.
        part: IsoPart,
        /// Where, as near as it is known.
        offset: u64,
    },
    /// A directory is larger than is read.
    #[error("a directory of {size} bytes is too large")]
    TooLarge {
        /// Its size.
        size: u64,
    },
    /// There is nothing of this path.
    #[error("{path} is not in the image")]
    NotFound {
        /// Which path.
        path: TreePath,
    },
    /// It has to be a regular file, and is something else. Links are not followed.
    #[error("{path} is no regular file")]
    NotAFile {
        /// What is.
        path: TreePath,
    },
    /// No live system's squashfs is where they are.
    #[error("none of the places where live systems have their squashfs has one")]
    NoSquashfs,
    /// Several are.
    #[error("several places have a squashfs: one has to be named")]
    Ambiguous,
}

impl IsoError {
    pub(super) const fn corrupt(part: IsoPart, offset: u64) -> Self {
        Self::Corrupt { part, offset }
    }
}
