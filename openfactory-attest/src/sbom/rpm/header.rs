//! A header: an index of tags, and a store that the entries of the index lead to. Numbers are big-endian.

use super::error::HeaderFault;

/// Entries of an index (rpm's own limit).
const MAX_ENTRIES: usize = 0xffff;

/// Bytes of an entry: tag, type, offset, count, four each.
const ENTRY: usize = 16;

/// rpm's types of values (`rpmTagType`).
mod kind {
    pub(super) const INT16: u32 = 3;
    pub(super) const INT32: u32 = 4;
    pub(super) const STRING: u32 = 6;
    pub(super) const STRING_ARRAY: u32 = 8;
    pub(super) const I18N_STRING: u32 = 9;
    pub(super) const CHAR: u32 = 1;
    pub(super) const INT8: u32 = 2;
}

/// A header, split in its two parts.
#[derive(Clone, Copy)]
pub(super) struct Header<'b> {
    index: &'b [u8],
    store: &'b [u8],
}

/// Where the values of a tag are.
struct Entry<'b> {
    kind: u32,
    count: usize,
    /// The store from the first value on.
    values: &'b [u8],
}

impl<'b> Header<'b> {
    /// Without the magic number, which databases leave out.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, HeaderFault> {
        let (entries, len) = number(bytes, 0).zip(number(bytes, 4)).ok_or(HeaderFault::Length)?;
        let (entries, len) = (entries as usize, len as usize);
        let rest = bytes.get(8..).unwrap_or_default();
        if entries > MAX_ENTRIES {
            return Err(HeaderFault::Length);
        }
        let (index, store) = rest.split_at_checked(entries * ENTRY).ok_or(HeaderFault::Length)?;
        if store.len() != len {
            return Err(HeaderFault::Length);
        }
        Ok(Self { index, store })
    }

    /// A text; of one in several languages the first, which is English.
    pub(super) fn text(&self, tag: u32) -> Result<Option<&'b str>, HeaderFault> {
        let Some(entry) = self.entry(tag)? else { return Ok(None) };
        if !matches!(entry.kind, kind::STRING | kind::I18N_STRING) {
            return Err(HeaderFault::Type { tag });
        }
        let text = strings(entry.values).next().ok_or(HeaderFault::Outside { tag })?;
        std::str::from_utf8(text).map(Some).map_err(|_not_utf8| HeaderFault::Value { tag })
    }

    /// Texts, as bytes: names of files need not be UTF-8. None if the tag is missing.
    pub(super) fn texts(&self, tag: u32) -> Result<Vec<&'b [u8]>, HeaderFault> {
        let Some(entry) = self.entry(tag)? else { return Ok(Vec::new()) };
        if entry.kind != kind::STRING_ARRAY {
            return Err(HeaderFault::Type { tag });
        }
        // Each text has a zero byte at its end at least.
        if entry.count > entry.values.len() {
            return Err(HeaderFault::Outside { tag });
        }
        let texts: Vec<_> = strings(entry.values).take(entry.count).collect();
        if texts.len() == entry.count { Ok(texts) } else { Err(HeaderFault::Outside { tag }) }
    }

    /// Numbers. None if the tag is missing.
    pub(super) fn numbers(&self, tag: u32) -> Result<Vec<u32>, HeaderFault> {
        let Some(entry) = self.entry(tag)? else { return Ok(Vec::new()) };
        let width = match entry.kind {
            kind::CHAR | kind::INT8 => 1,
            kind::INT16 => 2,
            kind::INT32 => 4,
            _ => return Err(HeaderFault::Type { tag }),
        };
        let bytes = entry.count.checked_mul(width).and_then(|len| entry.values.get(..len));
        let bytes = bytes.ok_or(HeaderFault::Outside { tag })?;
        let read = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
        Ok(bytes.chunks_exact(width).map(read).collect())
    }

    /// The first entry of this tag.
    fn entry(&self, tag: u32) -> Result<Option<Entry<'b>>, HeaderFault> {
        let outside = HeaderFault::Outside { tag };
        let find = |entry: &&[u8]| number(entry, 0) == Some(tag);
        let Some(entry) = self.index.chunks_exact(ENTRY).find(find) else { return Ok(None) };
        let (Some(kind), Some(offset), Some(count)) = (number(entry, 4), number(entry, 8), number(entry, 12))
        else {
            return Err(outside);
        };
        let values = self.store.get(offset as usize..).ok_or(outside)?;
        Ok(Some(Entry { kind, count: count as usize, values }))
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// Texts with a zero byte behind each.
fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == 0).filter_map(|text| text.strip_suffix(&[0]))
}
