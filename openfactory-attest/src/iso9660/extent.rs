//! Where a file's bytes are: in one piece, or, of large files, in several.

/// The pieces: where each begins, and how long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extents(Vec<(u64, u64)>);

impl Extents {
    pub(super) fn one(start: u64, len: u64) -> Self {
        Self(vec![(start, len)])
    }

    pub(super) fn push(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// Bytes in all.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, len)| sum.saturating_add(*len))
    }

    /// Where the last of them ends.
    pub(super) fn end(&self) -> u64 {
        self.0.iter().map(|(start, len)| start.saturating_add(*len)).max().unwrap_or(0)
    }

    /// Where this byte is, and how many follow it in a row.
    pub(super) fn at(&self, mut offset: u64) -> Option<(u64, u64)> {
        for (start, len) in &self.0 {
            if offset < *len {
                return Some((start + offset, len - offset));
            }
            offset -= len;
        }
        None
    }
}
