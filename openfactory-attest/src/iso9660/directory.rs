//! Directories: records one after the other, none across the end of a block.

use super::error::{IsoError, IsoPart};
use super::extent::Extents;
use super::volume::Volume;
use super::{BLOCK, names};
use crate::read_at::ReadAt;

/// Bytes of one directory that are read.
const MAX_DIRECTORY: u64 = 16 << 20;

/// Pieces of one file that are followed; each may have 4 GiB.
const MAX_EXTENTS: usize = 1024;

/// Bytes of a record before its name.
const FIXED: usize = 33;

/// What is done with a record at its place; whether that is enough.
type Take<'t> = dyn FnMut(&[u8], u64) -> Result<bool, IsoError> + 't;

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A link, a device, or something that is not read here.
    Other,
}

/// A record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) extents: Extents,
    /// The next record goes on with the same file.
    continues: bool,
}

impl Record {
    /// A record with its fixed part and name at least.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
        let (attributes, flags) = (*bytes.get(1)?, *bytes.get(25)?);
        let (unit, gap) = (*bytes.get(26)?, *bytes.get(27)?);
        let start = (u64::from(number(2)?) + u64::from(attributes)) * BLOCK;
        let kind = match flags & 2 {
            0 if (unit, gap) == (0, 0) => Kind::File,
            0 => Kind::Other,
            _ => Kind::Directory,
        };
        let extents = Extents::one(start, number(10)?.into());
        Some(Self { kind, extents, continues: flags & 0x80 != 0 })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// The entry of this name; `None` if there is none.
pub(super) fn find(
    device: &dyn ReadAt,
    volume: &Volume,
    directory: &Record,
    name: &[u8],
) -> Result<Option<Record>, IsoError> {
    let mut found: Option<Record> = None;
    each(device, directory, &mut |bytes, offset| {
        let corrupt = IsoError::corrupt(IsoPart::Directory, offset);
        let Some(mut record) = Record::parse(bytes) else { return Err(corrupt) };
        // Names of files that go on need not be repeated by Rock Ridge.
        if let Some(found) = found.as_mut().filter(|found| found.continues) {
            found.continues = record.continues;
            found.extents.push(record.extents);
            return if found.extents.count() > MAX_EXTENTS { Err(corrupt) } else { Ok(!found.continues) };
        }
        let told = names::read(device, volume, bytes, offset)?;
        if !told.is(name) {
            return Ok(false);
        }
        if told.is_special && record.kind == Kind::File {
            record.kind = Kind::Other;
        }
        let ends = !record.continues;
        found = Some(record);
        Ok(ends)
    })?;
    match found {
        Some(found) if found.continues => Err(IsoError::corrupt(IsoPart::Directory, directory.extents.end())),
        found => Ok(found),
    }
}

/// Hands each record to `take`, with its place, until that says that it is enough. The directory itself and the one
/// above it are left out.
fn each(device: &dyn ReadAt, directory: &Record, take: &mut Take<'_>) -> Result<(), IsoError> {
    let size = directory.extents.len();
    if size > MAX_DIRECTORY {
        return Err(IsoError::TooLarge { size });
    }
    let start = directory.extents.at(0).map_or(0, |(start, _)| start);
    let mut block = [0; BLOCK as usize];
    for offset in (0..size).step_by(BLOCK as usize) {
        let at = start.saturating_add(offset);
        device.read_exact_at(&mut block, at).map_err(|source| read_error(at, source))?;
        let mut rest = &block[..];
        while let Some((&len @ 1.., _)) = rest.split_first() {
            let here = at + (block.len() - rest.len()) as u64;
            let corrupt = IsoError::corrupt(IsoPart::Directory, here);
            let Some((record, after)) = rest.split_at_checked(len.into()) else { return Err(corrupt) };
            if record.len() <= FIXED {
                return Err(corrupt);
            }
            // One byte, 0 or 1: the directory itself, and the one above.
            let is_itself = matches!(record.get(32..34), Some([1, 0 | 1]));
            if !is_itself && take(record, here)? {
                return Ok(());
            }
            rest = after;
        }
    }
    Ok(())
}

/// A device that ends where a directory should be is a bad image, and no bad device.
pub(super) fn read_error(offset: u64, source: std::io::Error) -> IsoError {
    if source.kind() == std::io::ErrorKind::UnexpectedEof {
        return IsoError::corrupt(IsoPart::Directory, offset);
    }
    IsoError::Read { offset, source }
}
