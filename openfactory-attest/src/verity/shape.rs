//! The shape of a tree: how many blocks each level has, and where they are. Pure.
//!
//! Digests fill hash blocks of the level below the root downwards. On the device the top level comes first, the leaves
//! last.

use super::params::{BlockSize, Params};
use super::tree::TreeError;

/// Where each level of a tree is. Level 0 holds the digests of data blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    start: u64,
    levels: Vec<Level>,
}

/// One level: how many blocks it has, and at which block of the hash device it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) blocks: u64,
    pub(super) start: u64,
}

impl Shape {
    /// The shape of a tree over that many data blocks.
    pub(super) fn of(params: &Params, data_blocks: u64) -> Result<Self, TreeError> {
        if data_blocks == 0 || data_blocks > max_data_blocks(params.data_block_size()) {
            return Err(TreeError::DataBlocks { data_blocks });
        }
        let tree_start = params.hash_start_block().map_err(TreeError::Params)?;
        let digests_per_block = params.digests_per_block() as u64;
        let mut levels = Vec::new();
        let mut below = data_blocks;
        while below > 1 {
            below = below.div_ceil(digests_per_block);
            levels.push(Level { blocks: below, start: 0 });
        }
        let mut start = tree_start;
        for level in levels.iter_mut().rev() {
            level.start = start;
            // No more than 2^63 bytes of data divided by 8, a block of 512 bytes for each 8 of them.
            start = start.saturating_add(level.blocks);
        }
        if start > max_data_blocks(params.hash_block_size()) {
            return Err(TreeError::DataBlocks { data_blocks });
        }
        Ok(Self { start: tree_start, levels })
    }

    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The hash block at which the tree begins.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn hash_blocks(&self) -> u64 {
        self.levels.iter().map(|level| level.blocks).sum()
    }
}

/// As many blocks as fit into the 2^63 - 1 bytes that a file can have.
pub(super) const fn max_data_blocks(block_size: BlockSize) -> u64 {
    i64::MAX as u64 / block_size.get() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verity::{ParamsError, Uuid};

    fn params() -> Params {
        Params::new(Uuid::from_bytes([0; 16]))
    }

    #[test]
    fn level_edges() {
        let shape = |data_blocks: u64| {
            let shape = Shape::of(&params(), data_blocks).unwrap();
            shape.levels.iter().map(|level| (level.blocks, level.start)).collect::<Vec<_>>()
        };
        assert_eq!(shape(1), []);
        assert_eq!(shape(2), [(1, 1)]);
        assert_eq!(shape(128), [(1, 1)]);
        assert_eq!(shape(129), [(2, 2), (1, 1)]);
        assert_eq!(shape(16_384), [(128, 2), (1, 1)]);
        assert_eq!(shape(16_385), [(129, 4), (2, 2), (1, 1)]);
    }

    #[test]
    fn no_tree_over_nothing_or_too_much() {
        let most = i64::MAX as u64 / 4096;
        assert!(Shape::of(&params(), most).is_ok());
        for data_blocks in [0, most + 1, u64::MAX] {
            assert_eq!(Shape::of(&params(), data_blocks), Err(TreeError::DataBlocks { data_blocks }));
        }
        // The tree has to fit behind its offset too.
        let behind = params().with_hash_offset(i64::MAX as u64 / 4096 * 4096 - 4096);
        assert_eq!(Shape::of(&behind, 2), Err(TreeError::DataBlocks { data_blocks: 2 }));
        let bad = ParamsError::HashOffset { bytes: 7, step: 512 };
        assert_eq!(Shape::of(&params().with_hash_offset(7), 2), Err(TreeError::Params(bad)));
    }
}
