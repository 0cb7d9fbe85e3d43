//! A log as its directory has it, up to its checkpoint: read without its key and without its lock.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::checkpoint::Body;
use super::index::Place;
use super::journal::{Flaw, Item, Scanner};
use super::part::{Part, PartError};
use super::storage::{Layout, Storage};
use super::tile::TileId;
use super::tree::{Tree, TreeHead, leaf_hash};
use super::verify::{VerifyLogError, read_checkpoint};

/// Why the log in a directory can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadLogError {
    /// The checkpoint can't be read.
    #[error("the log cannot be read")]
    Read(#[source] VerifyLogError),
    /// The journal can't be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The journal is not as it was written.
    #[error("the log was damaged or tampered with: {flaw}")]
    Corrupt {
        /// The first thing that is wrong.
        flaw: Flaw,
    },
    /// The checkpoint in the directory is missing or no checkpoint.
    #[error("the log has no checkpoint to prove anything by")]
    NoCheckpoint,
    /// The checkpoint is not of this journal.
    #[error("the journal is not the one that the checkpoint was signed over")]
    Rewritten,
}

/// The tree under a log's checkpoint, and where its entries are. Its signature is not looked at: whoever is given what
/// is made of it does that.
pub(super) struct Snapshot {
    pub(super) tree: Tree,
    pub(super) head: TreeHead,
    pub(super) note: String,
    places: Vec<Place>,
    journal: File,
}

impl Snapshot {
    pub(super) fn read(directory: &Path) -> Result<Self, ReadLogError> {
        let layout = Layout::of(directory);
        let note = read_checkpoint(&layout.checkpoint()).map_err(ReadLogError::Read)?;
        let note = note.and_then(|note| String::from_utf8(note).ok()).ok_or(ReadLogError::NoCheckpoint)?;
        let head = Body::of_note(&note).ok_or(ReadLogError::NoCheckpoint)?.head;
        let path = layout.journal();
        let failed = |source| ReadLogError::Io { path: path.clone(), source };
        let journal = File::open(&path).map_err(failed)?;
        let mut scanner = Scanner::new(BufReader::new(&journal))
            .map_err(failed)?
            .map_err(|flaw| ReadLogError::Corrupt { flaw })?;
        let (mut tree, mut places) = (Tree::new(), Vec::new());
        while tree.size() < head.size {
            match scanner.next().map_err(failed)? {
                Item::Entry { offset, json, leaf } => {
                    places.push(Place { offset, len: u32::try_from(json.len()).unwrap_or(u32::MAX) });
                    tree.push(leaf);
                }
                Item::Commit { .. } => {}
                Item::Flaw(flaw) => return Err(ReadLogError::Corrupt { flaw }),
                Item::Unfinished | Item::End => return Err(ReadLogError::Rewritten),
            }
        }
        if tree.root() != head.root {
            return Err(ReadLogError::Rewritten);
        }
        Ok(Self { tree, head, note, places, journal })
    }

    /// What is in a tile; `None` where the checkpoint does not reach.
    pub(super) fn part(&self, tile: TileId) -> Option<Part> {
        Part::of(tile, &self.tree, &self.places)
    }

    /// The JSON of an entry, re-hashed; `None` where the checkpoint does not reach.
    pub(super) fn entry(&self, index: u64) -> Option<Result<Vec<u8>, PartError>> {
        let place = self.places.get(usize::try_from(index).ok()?)?;
        let leaf = self.tree.leaf(index)?;
        let mut json = vec![0; place.len as usize];
        let read = self.journal().read_at(&mut json, place.offset).map_err(PartError::Io);
        let checked = if leaf_hash(&json) == *leaf { Ok(json) } else { Err(PartError::Changed { index }) };
        Some(read.and(checked))
    }

    pub(super) fn journal(&self) -> &dyn Storage {
        &self.journal
    }
}
