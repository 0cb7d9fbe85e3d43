//! Entries in little memory: 88 bytes each, and their paths in one piece. [`Entry`] is what one looks like outside.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::StructureError;
use super::entry::{Entry, EntryKind, TreePath};
use super::xattr::Xattrs;
use crate::digest::Sha256Digest;

/// Bytes in the heap.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    /// A symbolic link's target has up to 65,535, a path up to 4,096.
    len: u16,
}

/// What [`EntryKind`] says.
#[derive(Clone, Copy)]
enum Kind {
    File { size: u64, digest: Sha256Digest },
    Directory,
    Symlink { target: Span },
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
    Socket,
}

#[derive(Clone, Copy)]
struct Record {
    kind: Kind,
    mtime: i64,
    path_start: u64,
    uid: u32,
    gid: u32,
    /// Which of the sets, from 1.
    xattrs: u32,
    /// If it is a hard link: which of the links, from 1, until they are known; then the first name's record, from 1.
    link: u32,
    path_len: u16,
    mode: u16,
}

/// What records refer to.
#[derive(Clone, Default)]
struct Heap {
    bytes: Vec<u8>,
    /// Each set once.
    xattrs: Vec<Xattrs>,
}

/// Entries in bytewise order of paths.
#[derive(Clone)]
pub(super) struct Packed {
    records: Vec<Record>,
    heap: Heap,
}

/// Entries on their way into a manifest, in any order.
#[derive(Default)]
pub(super) struct Packing {
    records: Vec<Record>,
    heap: Heap,
    known_xattrs: HashMap<Xattrs, u32>,
    xattr_bytes: u64,
    /// First names of hard links, as they were told.
    links: Vec<TreePath>,
}

impl Packing {
    /// All of a list, whose memory is used again.
    pub(super) fn of(entries: Vec<Entry>) -> Result<Self, StructureError> {
        let mut packing = Self::default();
        // Collected in the memory that they are in.
        let records = entries.into_iter().map(|entry| packing.record(&entry)).collect::<Result<_, _>>()?;
        packing.records = records;
        Ok(packing)
    }

    /// One more.
    pub(super) fn push(&mut self, entry: &Entry) -> Result<(), StructureError> {
        let entries = self.records.len() + 1;
        if entries > super::Manifest::MAX_ENTRIES {
            return Err(StructureError::TooMany { entries });
        }
        let record = self.record(entry)?;
        self.records.push(record);
        Ok(())
    }

    fn record(&mut self, entry: &Entry) -> Result<Record, StructureError> {
        let path = self.heap.keep(entry.path.as_bytes());
        let kind = match &entry.kind {
            EntryKind::File { size, digest } => Kind::File { size: *size, digest: *digest },
            EntryKind::Directory => Kind::Directory,
            EntryKind::Symlink { target } if target.len() > usize::from(u16::MAX) => {
                return Err(StructureError::Target { path: entry.path.clone() });
            }
            EntryKind::Symlink { target } => Kind::Symlink { target: self.heap.keep(target) },
            &EntryKind::CharDevice { major, minor } => Kind::CharDevice { major, minor },
            &EntryKind::BlockDevice { major, minor } => Kind::BlockDevice { major, minor },
            EntryKind::Fifo => Kind::Fifo,
            EntryKind::Socket => Kind::Socket,
        };
        let link = entry.hard_link_to.as_ref().map_or(0, |first| {
            self.links.push(first.clone());
            self.links.len() as u32
        });
        Ok(Record {
            kind,
            mtime: entry.mtime,
            path_start: path.start,
            uid: entry.uid,
            gid: entry.gid,
            xattrs: self.xattrs(&entry.xattrs)?,
            link,
            path_len: path.len,
            mode: entry.mode,
        })
    }

    fn xattrs(&mut self, xattrs: &Xattrs) -> Result<u32, StructureError> {
        if xattrs.is_empty() {
            return Ok(0);
        }
        self.xattr_bytes = self.xattr_bytes.saturating_add(xattrs.bytes());
        if self.xattr_bytes > super::Manifest::MAX_XATTR_BYTES {
            return Err(StructureError::Xattrs { bytes: self.xattr_bytes });
        }
        Ok(*self.known_xattrs.entry(xattrs.clone()).or_insert_with(|| {
            self.heap.xattrs.push(xattrs.clone());
            self.heap.xattrs.len() as u32
        }))
    }

    /// The first that has extended attributes.
    pub(super) fn with_xattrs(&self) -> Option<TreePath> {
        self.records.iter().find(|record| record.xattrs != 0).map(|record| self.heap.path(record))
    }

    /// Sorts them, and checks what the rest relies on: one root, every parent a directory, hard links to earlier entries.
    pub(super) fn finish(self) -> Result<Packed, StructureError> {
        let Self { records, heap, links, .. } = self;
        let mut packed = Packed { records, heap };
        packed.sort();
        packed.check()?;
        packed.link(&links)?;
        packed.records.shrink_to_fit();
        packed.heap.bytes.shrink_to_fit();
        Ok(packed)
    }
}

impl Heap {
    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        Span { start, len: bytes.len() as u16 }
    }

    fn get(&self, Span { start, len }: Span) -> &[u8] {
        let start = start as usize;
        self.bytes.get(start..start + usize::from(len)).unwrap_or_default()
    }

    fn path_bytes(&self, record: &Record) -> &[u8] {
        self.get(Span { start: record.path_start, len: record.path_len })
    }

    fn path(&self, record: &Record) -> TreePath {
        TreePath::of_checked(self.path_bytes(record))
    }

    fn kind(&self, record: &Record) -> EntryKind {
        match record.kind {
            Kind::File { size, digest } => EntryKind::File { size, digest },
            Kind::Directory => EntryKind::Directory,
            Kind::Symlink { target } => EntryKind::Symlink { target: self.get(target).to_vec() },
            Kind::CharDevice { major, minor } => EntryKind::CharDevice { major, minor },
            Kind::BlockDevice { major, minor } => EntryKind::BlockDevice { major, minor },
            Kind::Fifo => EntryKind::Fifo,
            Kind::Socket => EntryKind::Socket,
        }
    }
}

impl Packed {
    pub(super) const fn len(&self) -> usize {
        self.records.len()
    }

    /// Where the entry with this path is.
    pub(super) fn position(&self, path: &TreePath) -> Option<usize> {
        self.search(path.as_bytes())
    }

    pub(super) fn get(&self, index: usize) -> Option<Entry> {
        let record = self.records.get(index)?;
        let mut entry = Entry::new(self.heap.path(record), self.heap.kind(record), record.mode);
        (entry.uid, entry.gid, entry.mtime) = (record.uid, record.gid, record.mtime);
        entry.hard_link_to = self.one(&self.records, record.link).map(|first| self.heap.path(first));
        entry.xattrs = self.one(&self.heap.xattrs, record.xattrs).cloned().unwrap_or_default();
        Some(entry)
    }

    /// What a number that counts from 1 stands for.
    fn one<'a, T>(&self, of: &'a [T], number: u32) -> Option<&'a T> {
        of.get((number as usize).checked_sub(1)?)
    }

    fn search(&self, path: &[u8]) -> Option<usize> {
        self.records.binary_search_by(|record| self.heap.path_bytes(record).cmp(path)).ok()
    }

    fn sort(&mut self) {
        let Self { records, heap } = self;
        let order = |a: &Record, b: &Record| -> Ordering { heap.path_bytes(a).cmp(heap.path_bytes(b)) };
        // Most are sorted already.
        if !records.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
            records.sort_unstable_by(order);
        }
    }

    fn check(&self) -> Result<(), StructureError> {
        let Self { records, heap } = self;
        if records.len() > super::Manifest::MAX_ENTRIES {
            return Err(StructureError::TooMany { entries: records.len() });
        }
        let same = |[a, b]: &&[Record; 2]| heap.path_bytes(a) == heap.path_bytes(b);
        if let Some([twice, _]) = records.array_windows::<2>().find(same) {
            return Err(StructureError::Duplicate { path: heap.path(twice) });
        }
        match records.split_first() {
            Some((root, _)) if root.path_len == 0 && matches!(root.kind, Kind::Directory) => {}
            _ => return Err(StructureError::NoRoot),
        }
        let is_directory = |path: &[u8]| {
            let found = self.search(path).and_then(|index| records.get(index));
            found.is_some_and(|record| matches!(record.kind, Kind::Directory))
        };
        // Neighbours are mostly in one directory.
        let mut last = &b""[..];
        for record in records.iter().skip(1) {
            let path = heap.path_bytes(record);
            let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or_default();
            let parent = path.get(..slash).unwrap_or_default();
            if parent != last && !is_directory(parent) {
                return Err(StructureError::Orphan { path: heap.path(record) });
            }
            last = parent;
        }
        Ok(())
    }

    /// Finds the first name of each hard link.
    fn link(&mut self, links: &[TreePath]) -> Result<(), StructureError> {
        for index in 0..self.records.len() {
            let Some(record) = self.records.get(index) else { continue };
            let Some(first) = self.one(links, record.link) else { continue };
            let no_link = || StructureError::HardLink { path: self.heap.path(record) };
            let found = self.position(first).filter(|&first| first < index).ok_or_else(no_link)?;
            let first = self.records.get(found).ok_or_else(no_link)?;
            let same = first.link == 0
                && first.xattrs == record.xattrs
                && !matches!(record.kind, Kind::Directory)
                && self.heap.kind(first) == self.heap.kind(record);
            if !same {
                return Err(no_link());
            }
            if let Some(record) = self.records.get_mut(index) {
                record.link = found as u32 + 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the documentation says of memory holds.
    #[test]
    fn a_record_has_88_bytes() {
        assert_eq!(size_of::<Record>(), 88);
    }
}
