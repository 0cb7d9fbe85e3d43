//! The tree itself: its shape, and how blocks become a root. Pure.
//!
//! A node is `SHA-256(salt || block)`. Digests fill hash blocks of the level below the root downwards; a block that
//! is not full is padded with zeros. On the device the top level comes first, the leaves last.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::params::{BlockSize, Params};
use super::superblock::Superblock;
use crate::digest::{ParseDigestError, Sha256Digest};
use crate::lanes::Lanes;

/// The root hash of a verity tree: what a signature over an image is a signature over. As text 64 hex digits.
///
/// Without the parameters of its tree it proves nothing: keep a whole [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RootHash(Sha256Digest);

impl RootHash {
    /// Takes a digest for a root hash.
    #[must_use]
    pub const fn new(digest: Sha256Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> &Sha256Digest {
        &self.0
    }
}

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RootHash {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        text.parse().map(Self)
    }
}

/// A root hash with every parameter that is needed to check data against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    params: Params,
    data_blocks: u64,
    root_hash: RootHash,
}

impl Tree {
    /// A tree over that many data blocks.
    ///
    /// # Errors
    /// [`TreeError`] if there are none, or more than a file can have.
    pub fn new(params: Params, data_blocks: u64, root_hash: RootHash) -> Result<Self, TreeError> {
        if data_blocks == 0 || data_blocks > Self::max_data_blocks(params.data_block_size()) {
            return Err(TreeError { data_blocks });
        }
        Ok(Self { params, data_blocks, root_hash })
    }

    /// The tree that a superblock speaks of, if this is its root hash.
    #[must_use]
    pub fn claimed_by(superblock: &Superblock, root_hash: RootHash) -> Self {
        Self { params: superblock.params().clone(), data_blocks: superblock.data_blocks(), root_hash }
    }

    /// As many data blocks as fit into the 2^63 - 1 bytes that a file can have.
    pub(super) const fn max_data_blocks(block_size: BlockSize) -> u64 {
        i64::MAX as u64 / block_size.get() as u64
    }

    /// Block sizes, salt and UUID.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// How many data blocks the tree covers; never 0.
    #[must_use]
    pub const fn data_blocks(&self) -> u64 {
        self.data_blocks
    }

    /// The root hash.
    #[must_use]
    pub const fn root_hash(&self) -> RootHash {
        self.root_hash
    }

    /// Bytes of data that the tree covers.
    #[must_use]
    pub const fn data_size(&self) -> u64 {
        self.data_blocks * self.params.data_block_size().get() as u64
    }

    /// Blocks of the tree; the superblock's is not counted. 0 if there is a single data block.
    #[must_use]
    pub fn hash_blocks(&self) -> u64 {
        Shape::of(&self.params, self.data_blocks).hash_blocks()
    }

    /// The hash device's size in bytes: superblock and tree.
    #[must_use]
    pub fn hash_device_size(&self) -> u64 {
        let block = u64::from(self.params.hash_block_size().get());
        (HASH_START_BLOCK + self.hash_blocks()) * block
    }

    /// The hash block at which the tree begins: 1, since the superblock fits into the first of any size.
    #[must_use]
    pub const fn hash_start_block(&self) -> u64 {
        HASH_START_BLOCK
    }
}

/// The superblock has 512 bytes, as the smallest block.
pub(super) const HASH_START_BLOCK: u64 = 1;

/// No tree has that many data blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree over {data_blocks} data blocks is not possible")]
#[non_exhaustive]
pub struct TreeError {
    /// How many were asked for.
    pub data_blocks: u64,
}

/// Where each level of a tree is. Level 0 holds the digests of data blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    digests_per_block: u64,
    levels: Vec<Level>,
}

/// One level: how many blocks it has, and at which block of the hash device it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) blocks: u64,
    pub(super) start: u64,
}

impl Shape {
    pub(super) fn of(params: &Params, data_blocks: u64) -> Self {
        let digests_per_block = params.hash_block_size().bytes() as u64 / Sha256Digest::LEN as u64;
        let mut levels = Vec::new();
        let mut below = data_blocks;
        while below > 1 {
            below = below.div_ceil(digests_per_block);
            levels.push(Level { blocks: below, start: 0 });
        }
        let mut start = HASH_START_BLOCK;
        for level in levels.iter_mut().rev() {
            level.start = start;
            start += level.blocks;
        }
        Self { digests_per_block, levels }
    }

    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    pub(super) fn hash_blocks(&self) -> u64 {
        self.levels.iter().map(|level| level.blocks).sum()
    }

    pub(super) const fn digests_per_block(&self) -> u64 {
        self.digests_per_block
    }
}

/// Hashes blocks with the salt before each.
pub(super) fn hasher(params: &Params) -> Lanes {
    Lanes::new(params.salt().as_bytes(), b"")
}

/// Takes level, index within the level, and the block.
pub(super) type Sink<'a, E> = dyn FnMut(usize, u64, &[u8]) -> Result<(), E> + 'a;

/// Grows a tree from the digests of data blocks, in order, and hands out each hash block when it is full.
///
/// Holds one block per level, however large the data.
pub(super) struct Builder<'a, E> {
    hasher: Lanes,
    block_size: usize,
    levels: Vec<Growing>,
    sink: &'a mut Sink<'a, E>,
    root: Option<Sha256Digest>,
}

struct Growing {
    block: Vec<u8>,
    index: u64,
    left: u64,
}

impl<'a, E> Builder<'a, E> {
    pub(super) fn new(params: &Params, shape: &Shape, sink: &'a mut Sink<'a, E>) -> Self {
        let block_size = params.hash_block_size().bytes();
        let growing =
            |level: &Level| Growing { block: Vec::with_capacity(block_size), index: 0, left: level.blocks };
        Self {
            hasher: hasher(params),
            block_size,
            levels: shape.levels().iter().map(growing).collect(),
            sink,
            root: None,
        }
    }

    /// Adds the digest of the next data block.
    pub(super) fn push(&mut self, digest: Sha256Digest) -> Result<(), E> {
        self.add(0, digest)
    }

    fn add(&mut self, level: usize, digest: Sha256Digest) -> Result<(), E> {
        let Some(growing) = self.levels.get_mut(level) else {
            self.root = Some(digest);
            return Ok(());
        };
        growing.block.extend(digest.as_bytes());
        if growing.block.len() == self.block_size { self.close(level) } else { Ok(()) }
    }

    fn close(&mut self, level: usize) -> Result<(), E> {
        let Some(growing) = self.levels.get_mut(level) else { return Ok(()) };
        growing.block.resize(self.block_size, 0);
        (self.sink)(level, growing.index, &growing.block)?;
        let digest = self.hasher.hash(&growing.block);
        growing.block.clear();
        growing.index += 1;
        growing.left -= 1;
        self.add(level + 1, digest)
    }

    /// Pads what is not full and gives the root; `None` if no digest was added.
    pub(super) fn finish(mut self) -> Result<Option<Sha256Digest>, E> {
        for level in 0..self.levels.len() {
            if self.levels.get(level).is_some_and(|growing| growing.left > 0) {
                self.close(level)?;
            }
        }
        Ok(self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verity::Uuid;

    fn shape(data_blocks: u64) -> Vec<(u64, u64)> {
        let params = Params::new(Uuid::from_bytes([0; 16]));
        Shape::of(&params, data_blocks).levels.iter().map(|level| (level.blocks, level.start)).collect()
    }

    #[test]
    fn level_edges() {
        assert_eq!(shape(1), []);
        assert_eq!(shape(2), [(1, 1)]);
        assert_eq!(shape(128), [(1, 1)]);
        assert_eq!(shape(129), [(2, 2), (1, 1)]);
        assert_eq!(shape(16_384), [(128, 2), (1, 1)]);
        assert_eq!(shape(16_385), [(129, 4), (2, 2), (1, 1)]);
    }

    #[test]
    fn no_tree_over_nothing_or_too_much() {
        let root = RootHash::new(Sha256Digest::of(b""));
        let tree = |blocks| Tree::new(Params::new(Uuid::from_bytes([0; 16])), blocks, root);
        assert_eq!(tree(0), Err(TreeError { data_blocks: 0 }));
        assert!(tree(u64::MAX / 4096 / 2).is_ok());
        assert_eq!(tree(u64::MAX / 4096), Err(TreeError { data_blocks: u64::MAX / 4096 }));
    }
}
