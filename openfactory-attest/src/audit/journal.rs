//! The journal's lines, and a reader that checks every one of them (`docs/formats/audit-log.md`).
//!
//! ```text
//! openfactory-audit-journal/1 ORIGIN
//! LEAF-HASH ENTRY-JSON          one line an entry
//! = SIZE ROOT-HASH              after each batch: the tree over all entries so far
//! ```

use std::fmt;
use std::io::{self, BufRead, Read as _};

use super::checkpoint::decimal;
use super::entry::MAX_ENTRY;
use super::tree::{Frontier, TreeHead, leaf_hash};
use crate::digest::Sha256Digest;

const MAGIC: &str = "openfactory-audit-journal/1 ";

/// The longest line with its newline: a hash, a space and the largest entry.
const MAX_LINE: u64 = 64 + 1 + MAX_ENTRY as u64 + 1;

pub(super) fn header(origin: &str) -> String {
    format!("{MAGIC}{origin}\n")
}

pub(super) fn entry_line(leaf: &Sha256Digest, json: &[u8]) -> Vec<u8> {
    let mut line = format!("{leaf} ").into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

pub(super) fn commit_line(head: TreeHead) -> String {
    format!("= {} {}\n", head.size, head.root)
}

/// The first thing in a journal that is not as the log wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flaw {
    /// The entry that it is, or before which it is.
    pub index: u64,
    /// Where the line begins, in bytes from the journal's start.
    pub offset: u64,
    /// What is wrong with it.
    pub kind: FlawKind,
}

/// What is wrong with a line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlawKind {
    /// Not a journal, or of a version that is not known.
    Header,
    /// Neither an entry nor a commit.
    Malformed,
    /// The entry is not the one whose hash stands before it.
    LeafHash,
    /// The commit counts other entries than there are.
    Size {
        /// Entries counted by the commit.
        claimed: u64,
    },
    /// The commit's root is not that of the entries before it.
    Root,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FlawKind::Header => f.write_str("the journal does not begin as one"),
            FlawKind::Malformed => write!(f, "the line at byte {} is neither entry nor commit", self.offset),
            FlawKind::LeafHash => write!(f, "entry {} is not the one that was hashed", self.index),
            FlawKind::Size { claimed } => {
                write!(
                    f,
                    "the commit at byte {} counts {claimed} entries, there are {}",
                    self.offset, self.index
                )
            }
            FlawKind::Root => {
                write!(f, "the root after {} entries is not that of these entries", self.index)
            }
        }
    }
}

/// What the reader comes upon.
#[derive(Debug)]
pub(super) enum Item {
    /// An entry whose hash is right. `offset` is where its JSON begins.
    Entry { offset: u64, json: Vec<u8>, leaf: Sha256Digest },
    /// A commit whose size and root are right; the next line begins at `end`.
    Commit { head: TreeHead, end: u64 },
    /// The last line has no end.
    Unfinished,
    /// A line that is wrong.
    Flaw(Flaw),
    /// Nothing follows.
    End,
}

/// Reads a journal from its start and checks every line.
pub(super) struct Scanner<R> {
    reader: R,
    origin: String,
    offset: u64,
    tree: Frontier,
    line: Vec<u8>,
}

impl<R: BufRead> Scanner<R> {
    /// Reads the first line; the flaw is [`FlawKind::Header`].
    pub(super) fn new(reader: R) -> io::Result<Result<Self, Flaw>> {
        let tree = Frontier::new();
        let mut scanner = Self { reader, origin: String::new(), offset: 0, tree, line: Vec::new() };
        scanner.read_line()?;
        let line = std::str::from_utf8(&scanner.line).ok();
        let origin = line.and_then(|line| line.strip_prefix(MAGIC)?.strip_suffix('\n'));
        match origin {
            Some(origin) => {
                scanner.origin = origin.to_owned();
                scanner.offset = scanner.line.len() as u64;
                Ok(Ok(scanner))
            }
            None => Ok(Err(Flaw { index: 0, offset: 0, kind: FlawKind::Header })),
        }
    }

    /// Whose journal it says it is.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Entries so far, committed or not.
    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The tree over them.
    pub(super) fn head(&self) -> TreeHead {
        TreeHead::new(self.tree.size(), self.tree.root())
    }

    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        (&mut self.reader).take(MAX_LINE).read_until(b'\n', &mut self.line)?;
        Ok(())
    }

    /// The next item. After [`Item::Flaw`], [`Item::Unfinished`] and [`Item::End`] there is no sense in going on.
    pub(super) fn next(&mut self) -> io::Result<Item> {
        self.read_line()?;
        if self.line.is_empty() {
            return Ok(Item::End);
        }
        let start = self.offset;
        let len = self.line.len() as u64;
        let Some(line) = self.line.strip_suffix(b"\n") else {
            return Ok(if len == MAX_LINE { self.flaw(FlawKind::Malformed) } else { Item::Unfinished });
        };
        if let Some(commit) = line.strip_prefix(b"= ") {
            let Some(claimed) = parse_commit(commit) else { return Ok(self.flaw(FlawKind::Malformed)) };
            if claimed.size != self.tree.size() {
                return Ok(self.flaw(FlawKind::Size { claimed: claimed.size }));
            }
            if claimed.root != self.tree.root() {
                return Ok(self.flaw(FlawKind::Root));
            }
            self.offset = start + len;
            return Ok(Item::Commit { head: claimed, end: self.offset });
        }
        let Some((claimed, json)) = parse_entry(line) else { return Ok(self.flaw(FlawKind::Malformed)) };
        let leaf = leaf_hash(json);
        if leaf != claimed {
            return Ok(self.flaw(FlawKind::LeafHash));
        }
        let item = Item::Entry { offset: start + len - 1 - json.len() as u64, json: json.to_vec(), leaf };
        self.tree.push(leaf);
        self.offset = start + len;
        Ok(item)
    }

    fn flaw(&self, kind: FlawKind) -> Item {
        Item::Flaw(Flaw { index: self.tree.size(), offset: self.offset, kind })
    }
}

fn parse_entry(line: &[u8]) -> Option<(Sha256Digest, &[u8])> {
    let (hash, json) = line.split_at_checked(64)?;
    let hash = std::str::from_utf8(hash).ok()?.parse().ok()?;
    Some((hash, json.strip_prefix(b" ")?))
}

/// The part of a commit after `= `.
pub(super) fn parse_commit(line: &[u8]) -> Option<TreeHead> {
    let (size, root) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some(TreeHead::new(decimal(size)?, root.parse().ok()?))
}
