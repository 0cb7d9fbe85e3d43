//! A directory's list: runs of up to 256 entries whose inodes are in one metadata block.

use super::Image;
use super::error::{Part, SquashfsError};
use super::inode::InodeRef;
use super::metadata::Metadata;

/// What a list's size on the disk is more than its bytes: room for `.` and `..`, which are not stored.
const NOT_STORED: u32 = 3;

/// The most entries in one run.
const MAX_RUN: u32 = 256;

/// Takes a name and its inode.
type Each<'a> = dyn FnMut(&[u8], InodeRef) -> Result<(), SquashfsError> + 'a;

/// Calls `each` with every name and inode of the list.
pub(super) fn read(
    image: &Image<'_>,
    metadata: &mut Metadata<'_>,
    (block, offset, size): (u32, u16, u32),
    each: &mut Each<'_>,
) -> Result<(), SquashfsError> {
    let block = image.superblock.directory_table.saturating_add(u64::from(block));
    let mut cursor = metadata.cursor(block, offset, Part::Directory);
    let corrupt = || SquashfsError::corrupt(Part::Directory, block);
    let mut left = size.saturating_sub(NOT_STORED);
    let mut take = |bytes: u32| {
        left = left.checked_sub(bytes).ok_or_else(corrupt)?;
        Ok::<_, SquashfsError>(left)
    };
    while take(0)? > 0 {
        take(12)?;
        let (count, inode_block, _inode_number) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        if count >= MAX_RUN {
            return Err(corrupt());
        }
        for _entry in 0..=count {
            take(8)?;
            let (offset, _number, _kind) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
            let len = u32::from(cursor.u16()?) + 1;
            // Longer names are refused before anything is made of them.
            if len > MAX_RUN {
                return Err(corrupt());
            }
            take(len)?;
            let name = cursor.bytes(len as usize)?;
            each(&name, InodeRef { block: u64::from(inode_block), offset })?;
        }
    }
    Ok(())
}
