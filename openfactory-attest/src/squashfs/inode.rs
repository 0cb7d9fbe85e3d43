//! Inodes: fourteen types on the disk, seven kinds of things.

use super::Image;
use super::error::{Part, SquashfsError};
use super::metadata::Metadata;
use super::xattr::NO_XATTRS;

/// A symbolic link's target is shorter than 64 KiB.
const MAX_TARGET_LEN: u32 = 65_535;

/// In an inode: the file has no tail in a fragment.
const NO_FRAGMENT: u32 = u32::MAX;

/// Where an inode is: block within the inode table, offset in the block. Two names with one are hard links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct InodeRef {
    pub(super) block: u64,
    pub(super) offset: u16,
}

impl InodeRef {
    /// From the form that the superblock uses.
    pub(super) const fn packed(reference: u64) -> Self {
        Self { block: reference >> 16, offset: reference as u16 }
    }

    /// In the form that the superblock uses; a directory's references have 32 bits of block only.
    pub(super) const fn pack(self) -> u64 {
        (self.block << 16) | self.offset as u64
    }
}

#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: u32,
    /// Which set of extended attributes.
    pub(super) xattrs: u32,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    File(FileMap),
    Directory { block: u32, offset: u16, size: u32 },
    Symlink { target: Vec<u8> },
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
    Socket,
}

/// Where a file's content is.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileMap {
    pub(super) size: u64,
    /// The first whole block.
    pub(super) start: u64,
    /// The tail: which fragment, and where in it.
    pub(super) tail: Option<(u32, u32)>,
    /// Where the list of block sizes is.
    pub(super) sizes: (u64, u16),
}

impl Inode {
    pub(super) fn read(
        image: &Image<'_>,
        metadata: &mut Metadata<'_>,
        at: InodeRef,
    ) -> Result<Self, SquashfsError> {
        let block = image.superblock.inode_table.saturating_add(at.block);
        let mut cursor = metadata.cursor(block, at.offset, Part::Inode);
        let corrupt = SquashfsError::corrupt(Part::Inode, block);
        let kind = cursor.u16()?;
        let mode = cursor.u16()? & 0o7777;
        let (uid, gid) = (cursor.u16()?, cursor.u16()?);
        let (Some(uid), Some(gid)) = (image.id(uid), image.id(gid)) else { return Err(corrupt) };
        let mtime = cursor.u32()?;
        let _number = cursor.u32()?;
        let mut xattrs = NO_XATTRS;
        let what = match kind {
            1 => {
                let (block, _links) = (cursor.u32()?, cursor.u32()?);
                let (size, offset) = (u32::from(cursor.u16()?), cursor.u16()?);
                What::Directory { block, offset, size }
            }
            8 => {
                let (_links, size, block) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
                let (_parent, _indexes, offset) = (cursor.u32()?, cursor.u16()?, cursor.u16()?);
                xattrs = cursor.u32()?;
                What::Directory { block, offset, size }
            }
            2 => {
                let start = u64::from(cursor.u32()?);
                let (fragment, offset, size) = (cursor.u32()?, cursor.u32()?, u64::from(cursor.u32()?));
                let tail = (fragment != NO_FRAGMENT).then_some((fragment, offset));
                What::File(FileMap { size, start, tail, sizes: cursor.position() })
            }
            9 => {
                let (start, size) = (cursor.u64()?, cursor.u64()?);
                let (_sparse, _links) = (cursor.u64()?, cursor.u32()?);
                let (fragment, offset) = (cursor.u32()?, cursor.u32()?);
                xattrs = cursor.u32()?;
                let tail = (fragment != NO_FRAGMENT).then_some((fragment, offset));
                What::File(FileMap { size, start, tail, sizes: cursor.position() })
            }
            3 | 10 => {
                let (_links, len) = (cursor.u32()?, cursor.u32()?);
                if len == 0 || len > MAX_TARGET_LEN {
                    return Err(corrupt);
                }
                let target = cursor.bytes(len as usize)?;
                if kind == 10 {
                    xattrs = cursor.u32()?;
                }
                What::Symlink { target }
            }
            4 | 5 | 11 | 12 => {
                let (_links, device) = (cursor.u32()?, cursor.u32()?);
                if kind > 7 {
                    xattrs = cursor.u32()?;
                }
                // As the kernel encodes a device number in 32 bits.
                let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
                match kind {
                    4 | 11 => What::BlockDevice { major, minor },
                    _ => What::CharDevice { major, minor },
                }
            }
            6 | 7 | 13 | 14 => {
                if kind > 7 {
                    let _links = cursor.u32()?;
                    xattrs = cursor.u32()?;
                }
                if matches!(kind, 6 | 13) { What::Fifo } else { What::Socket }
            }
            _ => return Err(corrupt),
        };
        Ok(Self { mode, uid, gid, mtime, xattrs, what })
    }
}
