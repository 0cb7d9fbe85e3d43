//! squashfs 4.0: reads images without mounting them, unpacks them, packs new ones.
//!
//! The reader takes any bytes for an image: what is cut off, foreign or damaged ends in a [`SquashfsError`], and
//! what is not sensible in size is refused. gzip, xz, zstd and lz4 are read and written; extended attributes are
//! listed, but neither unpacked nor written.
//!
//! Source: the kernel's `Documentation/filesystems/squashfs.rst` and `fs/squashfs/squashfs_fs.h`.

use crate::read_at::ReadAt;

mod compression;
mod content;
mod digest;
mod directory;
mod error;
mod extract;
#[cfg(feature = "sbom")]
mod files;
mod inode;
mod metadata;
mod pack;
mod superblock;
mod table;
mod walk;
mod xattr;

pub use compression::Compression;
pub use error::{Part, SquashfsError};
pub use extract::{ExtractError, Extracted, extract};
pub use pack::{PackError, Packer};

use superblock::Superblock;
use table::{Fragment, Tables};

pub(crate) use digest::manifest;
#[cfg(feature = "sbom")]
pub(crate) use files::Files;

/// An opened image: its superblock and tables are read and make sense.
///
/// ```
/// use openfactory_attest::squashfs::{Compression, Image, Packer};
/// use openfactory_attest::{Manifest, Work};
///
/// let tree = tempfile::tempdir()?;
/// std::fs::write(tree.path().join("motd"), "hello\n")?;
/// let mut packer = Packer::new(Compression::Zstd);
/// packer.add_tree(tree.path())?;
/// let mut image = std::io::Cursor::new(Vec::new());
/// packer.write(&mut image)?;
/// let image = image.into_inner();
///
/// assert_eq!(Image::open(&image)?.compression(), Compression::Zstd);
/// let manifest = Manifest::of_squashfs(&image, &Work::on_all_cores())?;
/// assert_eq!(manifest.files().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Image<'a> {
    device: &'a dyn ReadAt,
    superblock: Superblock,
    tables: Tables,
}

impl<'a> Image<'a> {
    /// Bytes of file content that an image may claim to have, hard links counted once: 1 TiB.
    pub const MAX_CONTENT: u64 = 1 << 40;

    /// Reads superblock and tables.
    ///
    /// # Errors
    /// [`SquashfsError`] if it is no image, or can't be read.
    pub fn open(device: &'a dyn ReadAt) -> Result<Self, SquashfsError> {
        let superblock = Superblock::read(device)?;
        let tables = Tables::read(device, &superblock)?;
        Ok(Self { device, superblock, tables })
    }

    /// How it is compressed.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        self.superblock.compression
    }

    /// Bytes of the image that count; behind them is padding.
    #[must_use]
    pub const fn bytes_used(&self) -> u64 {
        self.superblock.bytes_used
    }

    fn id(&self, index: u16) -> Option<u32> {
        self.tables.ids.get(usize::from(index)).copied()
    }

    fn fragment(&self, index: u32) -> Option<Fragment> {
        self.tables.fragments.get(usize::try_from(index).ok()?).copied()
    }
}

impl std::fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("superblock", &self.superblock).finish_non_exhaustive()
    }
}
