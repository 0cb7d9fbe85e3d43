//! What goes into one tile, from the tree in memory and the journal on disk.

use std::io;

use super::index::Place;
use super::storage::Storage;
use super::tile::{self, Level, TileId};
use super::tree::{Tree, leaf_hash};
use crate::digest::Sha256Digest;

/// The hashes of a tile, or where the entries of a bundle are.
pub(super) enum Part {
    Hashes(Vec<Sha256Digest>),
    Entries { first: u64, leaves: Vec<Sha256Digest>, places: Vec<Place> },
}

/// Why a part could not be read from the journal.
pub(super) enum PartError {
    Io(io::Error),
    /// The journal holds something else by now.
    Changed {
        index: u64,
    },
}

impl Part {
    /// `None` where the tree does not reach so far.
    pub(super) fn of(id: TileId, tree: &Tree, places: &[Place]) -> Option<Self> {
        let (start, count) = (id.start(), u64::from(id.width));
        match id.level {
            Level::Hashes(level) => {
                tree.row(8 * u32::from(level), start, count).map(|hashes| Self::Hashes(hashes.to_vec()))
            }
            Level::Entries => {
                let leaves = tree.row(0, start, count)?.to_vec();
                let from = usize::try_from(start).ok()?;
                let places = places.get(from..from + leaves.len())?.to_vec();
                Some(Self::Entries { first: start, leaves, places })
            }
        }
    }

    /// Bytes of the tile.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Hashes(hashes) => (hashes.len() * Sha256Digest::LEN) as u64,
            Self::Entries { places, .. } => places.iter().map(|place| 2 + u64::from(place.len)).sum(),
        }
    }

    /// The tile; each entry is hashed again on its way.
    pub(super) fn bytes(&self, journal: &dyn Storage) -> Result<Vec<u8>, PartError> {
        let (first, leaves, places) = match self {
            Self::Hashes(hashes) => return Ok(tile::of_hashes(hashes)),
            Self::Entries { first, leaves, places } => (*first, leaves, places),
        };
        let mut bundle = Vec::with_capacity(usize::try_from(self.len()).unwrap_or_default());
        let mut json = Vec::new();
        for ((index, leaf), place) in (first..).zip(leaves).zip(places) {
            json.resize(place.len as usize, 0);
            journal.read_at(&mut json, place.offset).map_err(PartError::Io)?;
            if leaf_hash(&json) != *leaf || !tile::push_entry(&mut bundle, &json) {
                return Err(PartError::Changed { index });
            }
        }
        Ok(bundle)
    }
}
