//! What the log holds of its journal in memory: the tree, where entries are, and which ids there are.

use std::collections::HashMap;

use super::tree::{Tree, TreeHead};
use crate::digest::Sha256Digest;

/// An entry's id, hashed: of fixed size, whatever callers choose for ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct IdHash([u8; 16]);

impl IdHash {
    pub(super) fn of(id: &str) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(Sha256Digest::of(id.as_bytes()).as_bytes().split_at(16).0);
        Self(half)
    }
}

/// Where an entry's JSON is in the journal.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) len: u32,
}

/// An entry that is about to become part of the index.
#[derive(Clone, Copy)]
pub(super) struct Staged {
    pub(super) id: IdHash,
    pub(super) leaf: Sha256Digest,
    pub(super) place: Place,
}

/// All entries that are durable.
#[derive(Default)]
pub(super) struct Index {
    pub(super) tree: Tree,
    places: Vec<Place>,
    ids: HashMap<IdHash, u64>,
    /// Where the next line goes.
    pub(super) end: u64,
}

impl Index {
    /// No entries; the first line goes to `end`.
    pub(super) fn starting_at(end: u64) -> Self {
        Self { end, ..Self::default() }
    }

    pub(super) fn head(&self) -> TreeHead {
        TreeHead::new(self.tree.size(), self.tree.root())
    }

    /// The first entry of this id.
    pub(super) fn find(&self, id: IdHash) -> Option<u64> {
        self.ids.get(&id).copied()
    }

    pub(super) fn place(&self, index: u64) -> Option<Place> {
        self.places.get(usize::try_from(index).ok()?).copied()
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    pub(super) fn push(&mut self, staged: Staged) {
        let index = self.tree.size();
        self.ids.entry(staged.id).or_insert(index);
        self.places.push(staged.place);
        self.tree.push(staged.leaf);
    }
}
