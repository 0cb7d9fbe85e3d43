//! A published log as others read it (c2sp.org/tlog-tiles): a directory of tiles under a checkpoint.
//!
//! [`Tiles`] makes proofs from them, [`verify()`] is the auditor's check of all of them. Written they are by
//! [`Publisher`](super::Publisher).

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::checkpoint::Body;
use super::storage::Layout;
use super::tile::{self, Level, MAX_BUNDLE, TileError, TileId, WIDTH};
use super::tree::nodes::{self, Nodes};
use super::tree::{TreeHead, leaf_hash};
use super::verify::read_checkpoint;
use crate::digest::Sha256Digest;

mod verify;

pub use verify::{TilesFinding, TilesReport, verify};

/// Tiles that are kept in memory at most while a proof is made.
const KEPT: usize = 64;

/// A published log, open for reading. Nothing is believed: what is read is what the files say, and what is made of it is
/// proof only for who checks it by the log's key.
#[derive(Debug)]
pub struct Tiles {
    directory: PathBuf,
    note: String,
    head: TreeHead,
    kept: RefCell<HashMap<TileId, Vec<Sha256Digest>>>,
}

/// Why a published log can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadTilesError {
    /// There is no checkpoint, or what is there is none.
    #[error("there is no checkpoint in {}", path.display())]
    NoCheckpoint {
        /// The directory.
        path: PathBuf,
    },
    /// A file can't be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A tile is not one of its width.
    #[error("{tile} is no such tile")]
    Tile {
        /// The tile.
        tile: TileId,
        /// What is wrong with it.
        source: TileError,
    },
    /// The checkpoint does not reach this entry.
    #[error("there is no entry {index} under the checkpoint, which covers {size}")]
    NotCovered {
        /// The entry.
        index: u64,
        /// Entries under the checkpoint.
        size: u64,
    },
    /// An entry is not the one in its tile.
    #[error("entry {index} is not the one that was hashed")]
    Changed {
        /// The entry.
        index: u64,
    },
}

impl Tiles {
    /// The log that is published in this directory.
    ///
    /// # Errors
    /// [`ReadTilesError::NoCheckpoint`], [`ReadTilesError::Io`].
    pub fn open(directory: &Path) -> Result<Self, ReadTilesError> {
        let none = || ReadTilesError::NoCheckpoint { path: directory.to_owned() };
        let path = Layout::of(directory).checkpoint();
        let note = read_checkpoint(&path).map_err(|error| {
            let source = io::Error::other(error);
            ReadTilesError::Io { path, source }
        })?;
        let note = note.and_then(|note| String::from_utf8(note).ok()).ok_or_else(none)?;
        let head = Body::of_note(&note).ok_or_else(none)?.head;
        Ok(Self { directory: directory.to_owned(), note, head, kept: RefCell::default() })
    }

    /// The published checkpoint, as it stands.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.note
    }

    /// What the checkpoint says that there is.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// An entry's JSON; it is the one whose hash is in the tree.
    ///
    /// # Errors
    /// [`ReadTilesError`].
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ReadTilesError> {
        let not_covered = ReadTilesError::NotCovered { index, size: self.head.size };
        let Some(tile) = self.tile_of(Level::Entries, index) else { return Err(not_covered) };
        let bytes = self.read(tile)?;
        let entries = tile::parse_entries(&bytes, tile.width)
            .map_err(|source| ReadTilesError::Tile { tile, source })?;
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        let entry = entries.get(place).ok_or(not_covered)?;
        if leaf_hash(entry) == self.node(0, index)? {
            Ok(entry.to_vec())
        } else {
            Err(ReadTilesError::Changed { index })
        }
    }

    /// Proof that an entry is under the checkpoint (RFC 6962, 2.1.1), its leaf's sibling first.
    ///
    /// # Errors
    /// [`ReadTilesError`].
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Sha256Digest>, ReadTilesError> {
        let size = self.head.size;
        nodes::inclusion_proof(self, index, size)?.ok_or(ReadTilesError::NotCovered { index, size })
    }

    /// Proof that the tree of the first `old` entries is the beginning of that under the checkpoint (RFC 6962, 2.1.2).
    ///
    /// # Errors
    /// [`ReadTilesError`].
    pub fn consistency_proof(&self, old: u64) -> Result<Vec<Sha256Digest>, ReadTilesError> {
        let size = self.head.size;
        nodes::consistency_proof(self, old, size)?.ok_or(ReadTilesError::NotCovered { index: old, size })
    }

    /// The tile that holds this hash or entry of its level, as wide as the checkpoint has it.
    fn tile_of(&self, level: Level, index: u64) -> Option<TileId> {
        let there = self.head.size >> level.shift();
        let first = index - index % WIDTH;
        let width = there.checked_sub(first)?.min(WIDTH);
        let width = u16::try_from(width).ok().filter(|width| u64::from(*width) > index % WIDTH)?;
        Some(TileId { level, index: index / WIDTH, width })
    }

    /// A tile's bytes; those of a full tile begin with those of each of its partial forms.
    fn read(&self, tile: TileId) -> Result<Vec<u8>, ReadTilesError> {
        let (path, full) =
            (self.directory.join(tile.to_string()), self.directory.join(tile.full().to_string()));
        let bytes = match read_bounded(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !tile.is_full() => {
                let mut bytes = read_bounded(&full).map_err(|source| ReadTilesError::Io { path, source })?;
                bytes.truncate(beginning(&bytes, tile));
                bytes
            }
            bytes => bytes.map_err(|source| ReadTilesError::Io { path, source })?,
        };
        Ok(bytes)
    }

    fn hashes(&self, tile: TileId) -> Result<Vec<Sha256Digest>, ReadTilesError> {
        let bytes = self.read(tile)?;
        tile::parse_hashes(&bytes, tile.width).map_err(|source| ReadTilesError::Tile { tile, source })
    }
}

impl Nodes for Tiles {
    type Error = ReadTilesError;

    fn node(&self, level: u32, index: u64) -> Result<Sha256Digest, ReadTilesError> {
        let not_covered = ReadTilesError::NotCovered { index, size: self.head.size };
        // A subtree of 2^level leaves is made of so many hashes of the tile level below it.
        let (tile_level, count) = (level / 8, 1_u64 << (level % 8));
        let tile_level = Level::Hashes(u8::try_from(tile_level).unwrap_or(u8::MAX));
        let start = index * count;
        let Some(tile) = self.tile_of(tile_level, start + count - 1) else { return Err(not_covered) };
        let mut kept = self.kept.borrow_mut();
        if !kept.contains_key(&tile) {
            if kept.len() == KEPT {
                kept.clear();
            }
            kept.insert(tile, self.hashes(tile)?);
        }
        let start = usize::try_from(start % WIDTH).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let hashes = kept.get(&tile).and_then(|hashes| hashes.get(start..start + count));
        hashes.map(tile::root).ok_or(not_covered)
    }
}

/// How many bytes of a full tile its partial form has.
fn beginning(full: &[u8], tile: TileId) -> usize {
    match tile.level {
        Level::Hashes(_) => usize::from(tile.width) * Sha256Digest::LEN,
        Level::Entries => tile::length_of(full, tile.width),
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BUNDLE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
