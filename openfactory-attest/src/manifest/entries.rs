//! The entries of a manifest, one after the other.

use super::Manifest;
use super::entry::Entry;

/// What [`Manifest::entries`] gives: each entry as it is asked for, in bytewise order of paths.
#[derive(Clone, Debug)]
pub struct Entries<'m> {
    manifest: &'m Manifest,
    next: usize,
}

impl<'m> Entries<'m> {
    pub(super) const fn of(manifest: &'m Manifest) -> Self {
        Self { manifest, next: 0 }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let entry = self.manifest.packed.get(self.next)?;
        self.next += 1;
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.manifest.packed.len().saturating_sub(self.next);
        (left, Some(left))
    }

    fn nth(&mut self, skipped: usize) -> Option<Entry> {
        self.next = self.next.saturating_add(skipped);
        self.next()
    }
}

impl ExactSizeIterator for Entries<'_> {}
