//! Names: Rock Ridge's where there are any, else those of ISO 9660.

use super::BLOCK;
use super::directory::{Record, read_error};
use super::error::{IsoError, IsoPart};
use super::volume::Volume;
use crate::manifest::TreePath;
use crate::read_at::ReadAt;

/// Continuations that are followed for one record.
const MAX_CONTINUATIONS: usize = 32;

/// What a record is called, and whether it is no regular file though it looks like one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Rock Ridge's name.
    name: Vec<u8>,
    /// ISO 9660's, if there is no other.
    plain: Vec<u8>,
    pub(super) is_special: bool,
}

impl Told {
    /// Whether this is its name. Those of ISO 9660 are in capitals, and end in a version.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        if !self.name.is_empty() {
            return self.name == name;
        }
        let plain = self.plain.split(|&byte| byte == b';').next().unwrap_or_default();
        let plain = plain.strip_suffix(b".").unwrap_or(plain);
        plain.eq_ignore_ascii_case(name)
    }
}

/// How many bytes stand before Rock Ridge's in each record: what the root directory says of itself. `None` if it says
/// nothing.
pub(super) fn skip(device: &dyn ReadAt, root: &Record) -> Result<Option<usize>, IsoError> {
    let (start, _len) = root.extents.at(0).ok_or(IsoError::corrupt(IsoPart::Directory, 0))?;
    let mut block = [0; BLOCK as usize];
    device.read_exact_at(&mut block, start).map_err(|source| read_error(start, source))?;
    let record = block.get(..usize::from(block[0])).unwrap_or_default();
    // `SP`, 7 bytes, version 1, two bytes to check, bytes to skip.
    match system_use(record, 0) {
        [b'S', b'P', 7, 1, 0xbe, 0xef, skip, ..] => Ok(Some(usize::from(*skip))),
        _ => Ok(None),
    }
}

/// The names in a record.
pub(super) fn read(
    device: &dyn ReadAt,
    volume: &Volume,
    record: &[u8],
    offset: u64,
) -> Result<Told, IsoError> {
    let corrupt = |offset| IsoError::corrupt(IsoPart::SystemUse, offset);
    let len = usize::from(record.get(32).copied().unwrap_or_default());
    let plain = record.get(33..33 + len).ok_or(IsoError::corrupt(IsoPart::Directory, offset))?;
    let mut told = Told { plain: plain.to_vec(), ..Told::default() };
    let Some(skip) = volume.skip else { return Ok(told) };
    let mut area = system_use(record, skip).to_vec();
    let mut at = offset;
    for _ in 0..=MAX_CONTINUATIONS {
        let mut next = None;
        let mut rest = area.as_slice();
        // What is shorter than an entry, or says that it has no length, is padding.
        while let Some(entry) = entry(rest) {
            let entry = entry.ok_or(corrupt(at))?;
            told.take(entry).ok_or(corrupt(at))?;
            match entry {
                [b'S', b'T', ..] => break,
                [b'C', b'E', ..] => next = Some(continuation(entry).ok_or(corrupt(at))?),
                _ => {}
            }
            rest = rest.get(entry.len()..).unwrap_or_default();
        }
        let Some((start, len)) = next else { return Ok(told) };
        at = start;
        area.resize(len, 0);
        device.read_exact_at(&mut area, start).map_err(|source| read_error(start, source))?;
    }
    Err(corrupt(at))
}

impl Told {
    /// `None` if the entry makes no sense.
    fn take(&mut self, entry: &[u8]) -> Option<()> {
        match entry {
            [b'N', b'M', _, _, flags, part @ ..] => {
                // Flags 2 and 4 are for the directory itself and the one above, which are not asked for.
                if flags & !1 == 0 {
                    self.name.extend(part);
                }
                (self.name.len() <= TreePath::MAX_NAME_LEN).then_some(())
            }
            // A link; a directory that was moved; a compressed file.
            [b'S', b'L', ..] | [b'C', b'L', ..] | [b'Z', b'F', ..] => {
                self.is_special = true;
                Some(())
            }
            // The upper bits of the mode say which kind of inode it is (`S_IFREG`).
            [b'P', b'X', _, _, low, high, ..] => {
                let format = u16::from_le_bytes([*low, *high]) & 0o170_000;
                self.is_special |= !matches!(format, 0o100_000 | 0o040_000);
                Some(())
            }
            _ => Some(()),
        }
    }
}

/// What stands behind a record's name.
fn system_use(record: &[u8], skip: usize) -> &[u8] {
    let len = usize::from(record.get(32).copied().unwrap_or_default());
    // The name is padded, so that what follows begins at an even place.
    let begin = 33 + len + usize::from(len.is_multiple_of(2));
    record.get(begin + skip..).unwrap_or_default()
}

/// The first entry: two letters, its length, a version. `None` at the end, `Some(None)` if it is longer than there is.
#[expect(clippy::option_option, reason = "the end, and an entry that is cut off")]
fn entry(bytes: &[u8]) -> Option<Option<&[u8]>> {
    let len = usize::from(*bytes.get(2)?);
    if bytes.len() < 4 || len < 4 {
        return None;
    }
    Some(bytes.get(..len))
}

/// Where a continuation is, and how long: it does not cross the end of a block.
fn continuation(entry: &[u8]) -> Option<(u64, usize)> {
    let number = |at: usize| entry.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
    let (block, offset, len) = (number(4)?, number(12)?, number(20)?);
    let inside = u64::from(offset) + u64::from(len) <= BLOCK;
    inside.then(|| (u64::from(block) * BLOCK + u64::from(offset), len as usize))
}
