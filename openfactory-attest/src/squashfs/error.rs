//! Why an image can't be read.

use std::io;

use crate::manifest::{PathError, StructureError, TreePath};

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// A metadata block: inodes, directories and tables are made of those.
    Metadata,
    /// An inode.
    Inode,
    /// A directory's list of entries.
    Directory,
    /// A lookup table.
    Table,
    /// A file's content.
    Content,
    /// Extended attributes.
    Attributes,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Inode => "inode",
            Self::Directory => "directory",
            Self::Table => "table",
            Self::Content => "content",
            Self::Attributes => "attributes",
        }
    }
}

/// Why an image can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SquashfsError {
    /// The device could not be read: nothing is known of the image.
    #[error("cannot read the image at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not begin as a squashfs does.
    #[error("no squashfs image")]
    Magic,
    /// Another version than 4.0.
    #[error("squashfs {major}.{minor} is not supported, only 4.0 is")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A compression other than gzip, xz, zstd or lz4.
    #[error("squashfs compression {} is not supported: gzip, xz, zstd and lz4 are", compressor(*id))]
    UnsupportedCompression {
        /// Its number in the superblock.
        id: u16,
    },
    /// A field of the superblock makes no sense.
    #[error("`{field}` in the superblock makes no sense")]
    Superblock {
        /// Which field.
        field: &'static str,
    },
    /// The image ends before what it says of its own size.
    #[error("the image is cut off: it says it has {needs} bytes, there are {has}")]
    Truncated {
        /// Bytes it says it has.
        needs: u64,
        /// Bytes there are.
        has: u64,
    },
    /// Something in it can't be: it is damaged, or was never made by a tool.
    #[error("the image is damaged: bad {} at byte {offset}", part.name())]
    Corrupt {
        /// What can't be.
        part: Part,
        /// Where: of the block that it is in, if that is compressed.
        offset: u64,
    },
    /// An entry's name is none, or its path gets too long.
    #[error("the image is damaged: an entry of {directory} has a name that is none")]
    Name {
        /// In which directory.
        directory: TreePath,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// More than is taken from any image.
    #[error("the image has more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many are the most.
        limit: u64,
    },
    /// Its entries are no tree.
    #[error("the image's entries are no tree")]
    Structure(#[source] StructureError),
}

/// What a compression is called that is not read here.
fn compressor(id: u16) -> String {
    match id {
        2 => "lzma".to_owned(),
        3 => "lzo".to_owned(),
        id => format!("number {id}"),
    }
}

impl SquashfsError {
    pub(super) const fn corrupt(part: Part, offset: u64) -> Self {
        Self::Corrupt { part, offset }
    }
}
