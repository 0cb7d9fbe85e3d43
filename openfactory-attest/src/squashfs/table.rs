//! Lookup tables: owner ids, fragment blocks, sets of attributes. Pointers to metadata blocks, those hold the records.

use super::error::{Part, SquashfsError};
use super::metadata::Metadata;
use super::superblock::Superblock;
use super::xattr::XattrTable;
use crate::manifest::Manifest;
use crate::read_at::ReadAt;

/// Where a block of file tails is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    pub(super) start: u64,
    /// Its stored size, and whether it is compressed.
    pub(super) size: u32,
}

pub(super) struct Tables {
    pub(super) ids: Vec<u32>,
    pub(super) fragments: Vec<Fragment>,
    pub(super) xattrs: XattrTable,
}

impl Tables {
    pub(super) fn read(device: &dyn ReadAt, superblock: &Superblock) -> Result<Self, SquashfsError> {
        // A fragment without a file would be of no use to anyone.
        if superblock.fragments as usize > Manifest::MAX_ENTRIES {
            return Err(SquashfsError::TooLarge { what: "fragments", limit: Manifest::MAX_ENTRIES as u64 });
        }
        let ids = records::<4>(device, superblock, superblock.id_table, u32::from(superblock.ids))?;
        let fragments = records::<16>(device, superblock, superblock.fragment_table, superblock.fragments)?;
        Ok(Self {
            ids: ids.into_iter().map(u32::from_le_bytes).collect(),
            fragments: fragments.into_iter().map(fragment).collect(),
            xattrs: XattrTable::read(device, superblock)?,
        })
    }
}

fn fragment(record: [u8; 16]) -> Fragment {
    let [a, b, c, d, e, f, g, h, size @ .., _, _, _, _] = record;
    Fragment { start: u64::from_le_bytes([a, b, c, d, e, f, g, h]), size: u32::from_le_bytes(size) }
}

pub(super) fn records<const N: usize>(
    device: &dyn ReadAt,
    superblock: &Superblock,
    table: u64,
    count: u32,
) -> Result<Vec<[u8; N]>, SquashfsError> {
    let per_block = 8192 / N;
    let mut metadata = Metadata::new(device, superblock);
    let mut records = Vec::new();
    let mut left = count as usize;
    let mut pointer_at = table;
    while left > 0 {
        if pointer_at + 8 > superblock.bytes_used {
            return Err(SquashfsError::corrupt(Part::Table, pointer_at));
        }
        let mut pointer = [0; 8];
        device
            .read_exact_at(&mut pointer, pointer_at)
            .map_err(|source| SquashfsError::Read { offset: pointer_at, source })?;
        let mut cursor = metadata.cursor(u64::from_le_bytes(pointer), 0, Part::Table);
        for _record in 0..left.min(per_block) {
            let mut record = [0; N];
            record.copy_from_slice(&cursor.bytes(N)?);
            records.push(record);
        }
        left -= left.min(per_block);
        pointer_at += 8;
    }
    Ok(records)
}
