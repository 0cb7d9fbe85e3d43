//! How digests become a root: full hash blocks are handed out as they are completed. Pure.

use super::hasher::Hasher;
use super::params::Params;
use super::shape::{Level, Shape};

/// Takes level, index within the level, and the block.
pub(super) type Sink<'a, E> = dyn FnMut(usize, u64, &[u8]) -> Result<(), E> + 'a;

/// Grows a tree from the digests of data blocks, in order, and hands out each hash block when it is full.
///
/// Holds one block per level, however large the data.
pub(super) struct Builder<'a, E> {
    hasher: Hasher,
    digest_len: usize,
    slot_len: usize,
    block_len: usize,
    digests_per_block: usize,
    levels: Vec<Growing>,
    sink: &'a mut Sink<'a, E>,
    root: Option<Vec<u8>>,
}

struct Growing {
    block: Vec<u8>,
    digests: usize,
    index: u64,
    left: u64,
}

impl<'a, E> Builder<'a, E> {
    pub(super) fn new(params: &Params, shape: &Shape, sink: &'a mut Sink<'a, E>) -> Self {
        let block_len = params.hash_block_size().bytes();
        let growing = |level: &Level| Growing {
            block: Vec::with_capacity(block_len),
            digests: 0,
            index: 0,
            left: level.blocks,
        };
        Self {
            hasher: Hasher::new(params),
            digest_len: params.algorithm().digest_len(),
            slot_len: params.slot_len(),
            block_len,
            digests_per_block: params.digests_per_block(),
            levels: shape.levels().iter().map(growing).collect(),
            sink,
            root: None,
        }
    }

    /// Adds the digests of the next data blocks, one right after the other.
    pub(super) fn push(&mut self, digests: &[u8]) -> Result<(), E> {
        self.push_at(0, digests)
    }

    /// Adds the digests of the next blocks below a level: of blocks that somebody else has already handed out.
    pub(super) fn push_at(&mut self, level: usize, digests: &[u8]) -> Result<(), E> {
        digests.chunks_exact(self.digest_len).try_for_each(|digest| self.add(level, digest))
    }

    fn add(&mut self, level: usize, digest: &[u8]) -> Result<(), E> {
        let Some(growing) = self.levels.get_mut(level) else {
            self.root = Some(digest.to_vec());
            return Ok(());
        };
        growing.block.extend(digest);
        growing.digests += 1;
        growing.block.resize(growing.digests * self.slot_len, 0);
        if growing.digests == self.digests_per_block { self.close(level) } else { Ok(()) }
    }

    fn close(&mut self, level: usize) -> Result<(), E> {
        let Some(growing) = self.levels.get_mut(level) else { return Ok(()) };
        growing.block.resize(self.block_len, 0);
        (self.sink)(level, growing.index, &growing.block)?;
        let mut digest = Vec::with_capacity(self.digest_len);
        self.hasher.hash(&growing.block, &mut digest);
        growing.block.clear();
        growing.digests = 0;
        growing.index += 1;
        growing.left -= 1;
        self.add(level + 1, &digest)
    }

    /// Pads what is not full and gives the root; `None` if no digest was added. With digests that were added at a
    /// level above the lowest, the levels below have to be left out by `from`.
    pub(super) fn finish_from(mut self, from: usize) -> Result<Option<Vec<u8>>, E> {
        for level in from..self.levels.len() {
            if self.levels.get(level).is_some_and(|growing| growing.left > 0) {
                self.close(level)?;
            }
        }
        Ok(self.root)
    }

    /// Pads what is not full and gives the root; `None` if no digest was added.
    pub(super) fn finish(self) -> Result<Option<Vec<u8>>, E> {
        self.finish_from(0)
    }
}
