//! What has to be known to check data: the root hash and every parameter of its tree.

use super::params::{Params, ParamsError};
use super::root_hash::RootHash;
use super::shape::Shape;
use super::superblock::Superblock;

/// A root hash with every parameter that is needed to check data against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    params: Params,
    data_blocks: u64,
    root_hash: RootHash,
    shape: Shape,
}

impl Tree {
    /// A tree over that many data blocks.
    ///
    /// # Errors
    /// [`TreeError`] if there are none, or more than a file can have, or the root hash is of another algorithm.
    pub fn new(params: Params, data_blocks: u64, root_hash: RootHash) -> Result<Self, TreeError> {
        if root_hash.algorithm() != params.algorithm() {
            return Err(TreeError::Algorithm);
        }
        let shape = Shape::of(&params, data_blocks)?;
        Ok(Self { params, data_blocks, root_hash, shape })
    }

    /// The tree that a superblock speaks of, if this is its root hash.
    ///
    /// # Errors
    /// [`TreeError`] if it can't be.
    pub fn claimed_by(superblock: &Superblock, root_hash: RootHash) -> Result<Self, TreeError> {
        Self::new(superblock.params().clone(), superblock.data_blocks(), root_hash)
    }

    /// Hash type, algorithm, block sizes, salt, UUID and place.
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
        self.shape.hash_blocks()
    }

    /// The hash device's size in bytes, up to the end of the tree: offset, superblock and tree.
    #[must_use]
    pub fn hash_device_size(&self) -> u64 {
        (self.shape.start() + self.hash_blocks()) * u64::from(self.params.hash_block_size().get())
    }

    /// The hash block at which the tree begins: what the kernel's table line names.
    #[must_use]
    pub const fn hash_start_block(&self) -> u64 {
        self.shape.start()
    }

    pub(super) const fn shape(&self) -> &Shape {
        &self.shape
    }
}

/// Why there is no such tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// No data blocks, or data or tree would have more bytes than a file can have.
    #[error("a tree over {data_blocks} data blocks is not possible")]
    DataBlocks {
        /// How many were asked for.
        data_blocks: u64,
    },
    /// The root hash is of another algorithm than the parameters name.
    #[error("the root hash is not as long as its algorithm's digests")]
    Algorithm,
    /// The parameters don't go together.
    #[error(transparent)]
    Params(ParamsError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verity::{Algorithm, Uuid};

    #[test]
    fn the_root_hash_is_of_the_algorithm() {
        let root = "0".repeat(64).parse().unwrap();
        let params = Params::new(Uuid::from_bytes([0; 16]));
        assert!(Tree::new(params.clone(), 1, root).is_ok());
        assert_eq!(Tree::new(params.clone(), 0, root), Err(TreeError::DataBlocks { data_blocks: 0 }));
        let sha512 = params.with_algorithm(Algorithm::Sha512);
        assert_eq!(Tree::new(sha512, 1, root), Err(TreeError::Algorithm));
    }
}
