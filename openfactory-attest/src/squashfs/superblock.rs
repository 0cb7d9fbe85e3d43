//! The first 96 bytes: where everything is. Little-endian.

use super::compression::Compression;
use super::error::SquashfsError;
use crate::read_at::ReadAt;

#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) compression: Compression,
    pub(super) block_size: u32,
    pub(super) fragments: u32,
    pub(super) ids: u16,
    /// Of the root directory: block within the inode table in the upper 48 bits, offset in the lower 16.
    pub(super) root_inode: u64,
    pub(super) bytes_used: u64,
    pub(super) id_table: u64,
    /// Of sets of extended attributes; all ones if there are none.
    pub(super) xattr_table: u64,
    pub(super) inode_table: u64,
    pub(super) directory_table: u64,
    pub(super) fragment_table: u64,
}

impl Superblock {
    pub(super) const LEN: u64 = 96;
    const MIN_BLOCK_SIZE: u32 = 4096;
    const MAX_BLOCK_SIZE: u32 = 1 << 20;

    pub(super) fn read(device: &dyn ReadAt) -> Result<Self, SquashfsError> {
        let read_error = |source| SquashfsError::Read { offset: 0, source };
        let has = device.size().map_err(read_error)?;
        if has < Self::LEN {
            return Err(SquashfsError::Magic);
        }
        let mut bytes = [0; Self::LEN as usize];
        device.read_exact_at(&mut bytes, 0).map_err(read_error)?;
        let superblock = Self::parse(&bytes)?;
        if superblock.bytes_used > has {
            return Err(SquashfsError::Truncated { needs: superblock.bytes_used, has });
        }
        Ok(superblock)
    }

    fn parse(bytes: &[u8; Self::LEN as usize]) -> Result<Self, SquashfsError> {
        let u16_at = |at: usize| u16::from_le_bytes(array(bytes, at));
        let u32_at = |at: usize| u32::from_le_bytes(array(bytes, at));
        let u64_at = |at: usize| u64::from_le_bytes(array(bytes, at));
        if array(bytes, 0) != *b"hsqs" {
            return Err(SquashfsError::Magic);
        }
        let (major, minor) = (u16_at(28), u16_at(30));
        if (major, minor) != (4, 0) {
            return Err(SquashfsError::Version { major, minor });
        }
        let bad = |field| Err(SquashfsError::Superblock { field });
        let (block_size, block_log) = (u32_at(12), u16_at(22));
        let in_range = (Self::MIN_BLOCK_SIZE..=Self::MAX_BLOCK_SIZE).contains(&block_size);
        if !in_range || !block_size.is_power_of_two() || block_size.trailing_zeros() != u32::from(block_log) {
            return bad("block size");
        }
        let superblock = Self {
            compression: Compression::from_id(u16_at(20))?,
            block_size,
            fragments: u32_at(16),
            ids: u16_at(26),
            root_inode: u64_at(32),
            bytes_used: u64_at(40),
            id_table: u64_at(48),
            xattr_table: u64_at(56),
            inode_table: u64_at(64),
            directory_table: u64_at(72),
            fragment_table: u64_at(80),
        };
        let end = superblock.bytes_used;
        if end < Self::LEN || end > i64::MAX as u64 {
            return bad("bytes used");
        }
        if superblock.ids == 0 || !(Self::LEN..end).contains(&superblock.id_table) {
            return bad("id table");
        }
        if !(Self::LEN..end).contains(&superblock.inode_table) {
            return bad("inode table");
        }
        if !(superblock.inode_table..end).contains(&superblock.directory_table) {
            return bad("directory table");
        }
        let has_xattrs = superblock.xattr_table != super::xattr::NO_TABLE;
        if has_xattrs && !(Self::LEN..end).contains(&superblock.xattr_table) {
            return bad("attribute table");
        }
        if superblock.fragments > 0 && !(Self::LEN..end).contains(&superblock.fragment_table) {
            return bad("fragment table");
        }
        Ok(superblock)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}
