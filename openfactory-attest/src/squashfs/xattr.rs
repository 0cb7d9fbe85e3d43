//! The attribute table: an id for each set of attributes, and where its names and values are.

use std::collections::HashMap;

use super::error::{Part, SquashfsError};
use super::inode::InodeRef;
use super::metadata::{Cursor, Metadata};
use super::superblock::Superblock;
use super::table;
use crate::manifest::{Manifest, Xattr, Xattrs};
use crate::read_at::ReadAt;

/// In the superblock: no attributes at all.
pub(super) const NO_TABLE: u64 = u64::MAX;

/// In an inode: no attributes.
pub(super) const NO_XATTRS: u32 = u32::MAX;

/// In an attribute's type: the value stands elsewhere, what follows is where.
const VALUE_ELSEWHERE: u16 = 0x100;

/// All sets together, each counted once.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The most attributes in a set.
const MAX_COUNT: u32 = 4096;

/// Where a set of attributes is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    at: InodeRef,
    count: u32,
}

/// What the table says.
#[derive(Debug, Default)]
pub(super) struct XattrTable {
    /// Names and values begin here.
    start: u64,
    sets: Vec<Set>,
}

impl XattrTable {
    pub(super) fn read(device: &dyn ReadAt, superblock: &Superblock) -> Result<Self, SquashfsError> {
        let at = superblock.xattr_table;
        if at == NO_TABLE {
            return Ok(Self::default());
        }
        let corrupt = || SquashfsError::corrupt(Part::Attributes, at);
        if at.checked_add(HEADER).is_none_or(|end| end > superblock.bytes_used) {
            return Err(corrupt());
        }
        let mut header = [0; HEADER as usize];
        device.read_exact_at(&mut header, at).map_err(|source| SquashfsError::Read { offset: at, source })?;
        let [a, b, c, d, e, f, g, h, count @ .., _, _, _, _] = header;
        let (start, count) = (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes(count));
        if count as usize > Manifest::MAX_ENTRIES {
            return Err(SquashfsError::TooLarge {
                what: "sets of attributes",
                limit: Manifest::MAX_ENTRIES as u64,
            });
        }
        if !(Superblock::LEN..superblock.bytes_used).contains(&start) {
            return Err(corrupt());
        }
        let records = table::records::<16>(device, superblock, at + HEADER, count)?;
        Ok(Self { start, sets: records.into_iter().map(set).collect() })
    }
}

/// Bytes before the pointers: where names and values begin, how many sets there are, four that say nothing.
const HEADER: u64 = 16;

fn set(record: [u8; 16]) -> Set {
    let [a, b, c, d, e, f, g, h, count @ .., _, _, _, _] = record;
    let at = InodeRef::packed(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    Set { at, count: u32::from_le_bytes(count) }
}

/// Reads sets of attributes, each once.
pub(super) struct Attributes<'t> {
    table: &'t XattrTable,
    read: HashMap<u32, Xattrs>,
    bytes: u64,
}

impl<'t> Attributes<'t> {
    pub(super) fn of(table: &'t XattrTable) -> Self {
        Self { table, read: HashMap::new(), bytes: 0 }
    }

    /// The attributes that an inode refers to.
    pub(super) fn get(&mut self, metadata: &mut Metadata<'_>, id: u32) -> Result<Xattrs, SquashfsError> {
        if id == NO_XATTRS {
            return Ok(Xattrs::none());
        }
        if let Some(known) = self.read.get(&id) {
            return Ok(known.clone());
        }
        let corrupt = || SquashfsError::corrupt(Part::Attributes, self.table.start);
        let Set { at, count } =
            usize::try_from(id).ok().and_then(|id| self.table.sets.get(id)).copied().ok_or_else(corrupt)?;
        if count > MAX_COUNT {
            return Err(corrupt());
        }
        let mut attributes = Vec::new();
        let (mut block, mut offset) = (self.table.start.saturating_add(at.block), at.offset);
        for _attribute in 0..count {
            let mut cursor = metadata.cursor(block, offset, Part::Attributes);
            let (kind, name_len) = (cursor.u16()?, usize::from(cursor.u16()?));
            if name_len > Xattrs::MAX_NAME_LEN {
                return Err(corrupt());
            }
            let mut name = prefix(kind & !VALUE_ELSEWHERE).ok_or_else(corrupt)?.as_bytes().to_vec();
            name.extend(cursor.bytes(name_len)?);
            let value = if kind & VALUE_ELSEWHERE == 0 {
                let value = value(&mut cursor)?;
                (block, offset) = cursor.position();
                value
            } else {
                if cursor.u32()? != 8 {
                    return Err(corrupt());
                }
                let elsewhere = InodeRef::packed(cursor.u64()?);
                (block, offset) = cursor.position();
                let start = self.table.start.saturating_add(elsewhere.block);
                value(&mut metadata.cursor(start, elsewhere.offset, Part::Attributes))?
            };
            self.bytes = self.bytes.saturating_add((name.len() + value.len()) as u64);
            if self.bytes > MAX_BYTES {
                return Err(SquashfsError::TooLarge { what: "bytes of attributes", limit: MAX_BYTES });
            }
            attributes.push(Xattr::new(name, value));
        }
        let attributes = Xattrs::new(attributes).map_err(|_not_possible| corrupt())?;
        self.read.insert(id, attributes.clone());
        Ok(attributes)
    }
}

fn value(cursor: &mut Cursor<'_, '_>) -> Result<Vec<u8>, SquashfsError> {
    let len = usize::try_from(cursor.u32()?).unwrap_or(usize::MAX);
    if len > Xattrs::MAX_VALUE_LEN {
        return Err(cursor.corrupt());
    }
    cursor.bytes(len)
}

const fn prefix(kind: u16) -> Option<&'static str> {
    match kind {
        0 => Some("user."),
        1 => Some("trusted."),
        2 => Some("security."),
        _ => None,
    }
}
