//! Which bytes belong to which code word.

use std::io;

use super::code::SYMBOLS;
use crate::read_at::ReadAt;
use crate::verity::tree::Tree;
use crate::verity::verify::Device;

/// How many symbols of each code word are parity: 2 to 24. Half as many wrong bytes per code word can be repaired; all of
/// them where it is known which blocks are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FecRoots(u8);

impl FecRoots {
    /// As many symbols.
    ///
    /// # Errors
    /// [`FecError::Roots`] if there are fewer than 2 or more than 24.
    pub const fn new(roots: u8) -> Result<Self, FecError> {
        if roots < 2 || roots > 24 { Err(FecError::Roots { roots }) } else { Ok(Self(roots)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for FecRoots {
    /// 2, as everywhere.
    fn default() -> Self {
        Self(2)
    }
}

/// How much parity there is, and where on its device it begins.
///
/// [`FecRoots`] alone are parity in a file of its own, from its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FecArea {
    roots: FecRoots,
    offset: u64,
    behind_tree: bool,
}

impl FecArea {
    /// Parity on a device that the hash tree is not on, from this byte: a multiple of the block size.
    #[must_use]
    pub const fn at(roots: FecRoots, offset: u64) -> Self {
        Self { roots, offset, behind_tree: false }
    }

    /// Parity on the hash device itself, behind the tree, from this byte: a multiple of the block size. What is
    /// between tree and parity is covered too.
    #[must_use]
    pub const fn behind_tree(roots: FecRoots, offset: u64) -> Self {
        Self { roots, offset, behind_tree: true }
    }

    /// How many symbols of each code word are parity.
    #[must_use]
    pub const fn roots(&self) -> FecRoots {
        self.roots
    }

    /// The byte at which it begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Blocks of data and hash device that it covers: what the kernel's table line calls `fec_blocks`.
    ///
    /// # Errors
    /// [`FecError`] if there can be no such parity, or the hash device can't be asked for its size.
    pub fn covered_blocks(&self, tree: &Tree, hash: &dyn ReadAt) -> Result<u64, FecError> {
        let layout = Layout::new(tree, hash, *self)?;
        Ok((layout.data_size + layout.hash_size) / layout.block)
    }
}

impl From<FecRoots> for FecArea {
    fn from(roots: FecRoots) -> Self {
        Self::at(roots, 0)
    }
}

/// The message that parity is over, and its code words. Code word `w` has byte `w` of the message, byte `w + stride`, and so
/// on; behind the end of the message are zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) roots: usize,
    pub(super) block: u64,
    data_size: u64,
    hash_start: u64,
    hash_size: u64,
    stride: u64,
    /// The byte of its device at which parity begins.
    pub(super) offset: u64,
}

/// Where a byte of the message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) device: Device,
    pub(super) offset: u64,
}

impl Layout {
    pub(super) fn new(tree: &Tree, hash: &dyn ReadAt, area: FecArea) -> Result<Self, FecError> {
        let params = tree.params();
        if params.data_block_size() != params.hash_block_size() {
            return Err(FecError::BlockSizes);
        }
        let block = u64::from(params.data_block_size().get());
        let tree_end = tree.hash_device_size();
        if !area.offset.is_multiple_of(block) || area.behind_tree && area.offset < tree_end {
            return Err(FecError::Offset { offset: area.offset });
        }
        // Parity is over all that follows on the hash device up to itself, which is mostly the tree alone. A device that
        // was cut off has to be repaired too.
        let end = if area.behind_tree {
            area.offset
        } else {
            hash.size().map_err(|source| FecError::Read { what: "hash device", offset: 0, source })?
        };
        let hash_start = tree.hash_start_block() * block;
        let behind = (end / block * block).max(tree_end).saturating_sub(hash_start);
        let hash_size = behind.max(tree.hash_blocks() * block);
        let roots = usize::from(area.roots.get());
        let message = tree.data_size().saturating_add(hash_size);
        let rounds = (message / block).div_ceil((SYMBOLS - roots) as u64);
        let (data_size, stride) = (tree.data_size(), rounds * block);
        Ok(Self { roots, block, data_size, hash_start, hash_size, stride, offset: area.offset })
    }

    /// Code words in all.
    pub(super) const fn words(&self) -> u64 {
        self.stride
    }

    pub(super) const fn message_symbols(&self) -> usize {
        SYMBOLS - self.roots
    }

    /// Bytes of parity.
    pub(super) const fn parity_size(&self) -> u64 {
        self.stride * self.roots as u64
    }

    /// How many code words to take at once; never a part of a block too much. Rows of them are read one after the other.
    pub(super) fn words_at_once(&self) -> u64 {
        self.block.min(16 * 1024)
    }

    /// Where symbol `symbol` of the code words from `word` on is; `None` behind the end of the message.
    pub(super) fn at(&self, symbol: usize, word: u64) -> Option<At> {
        let offset = symbol as u64 * self.stride + word;
        if offset < self.data_size {
            return Some(At { device: Device::Data, offset });
        }
        let offset = offset - self.data_size;
        (offset < self.hash_size).then(|| At { device: Device::Hash, offset: self.hash_start + offset })
    }
}

/// Why there is no parity, or nothing could be repaired with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FecError {
    /// Not 2 to 24 symbols of parity.
    #[error("{roots} is no number of parity symbols: 2 to 24 are")]
    Roots {
        /// What was asked for.
        roots: u8,
    },
    /// Data and hash blocks are not of the same size.
    #[error("error correction needs data and hash blocks of the same size")]
    BlockSizes,
    /// Parity that begins within a block, or on the hash device before the end of the tree.
    #[error(
        "parity can't begin at byte {offset}: it begins at a whole block, and not before the end of the hash tree"
    )]
    Offset {
        /// The byte.
        offset: u64,
    },
    /// The parity is not that of this image and tree: it would have another size.
    #[error("the parity has {size} bytes, for this image and tree it has {expected}")]
    ParitySize {
        /// Bytes that there are.
        size: u64,
        /// Bytes that there should be.
        expected: u64,
    },
    /// So much is damaged that it was not listed in full.
    #[error("so many blocks are damaged that not all of them are known")]
    TooDamaged,
    /// Something could not be read.
    #[error("cannot read the {what} at byte {offset}")]
    Read {
        /// `data device`, `hash device` or `parity`.
        what: &'static str,
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Parity or repaired bytes could not be written.
    #[error("cannot write")]
    Write(#[source] io::Error),
}

/// Data and hash device.
#[derive(Clone, Copy)]
pub(super) struct Devices<'a> {
    pub(super) data: &'a dyn ReadAt,
    pub(super) hash: &'a dyn ReadAt,
}

impl Devices<'_> {
    /// Reads one row of symbols. Zeros stand where a device ends too soon, as behind the message.
    pub(super) fn read(&self, at: Option<At>, row: &mut [u8]) -> Result<(), FecError> {
        row.fill(0);
        let Some(At { device, offset }) = at else { return Ok(()) };
        let (from, what) = match device {
            Device::Data => (self.data, "data device"),
            Device::Hash => (self.hash, "hash device"),
        };
        let failed = |source| FecError::Read { what, offset, source };
        let there = from.size().map_err(failed)?.saturating_sub(offset);
        let len = usize::try_from(there).unwrap_or(usize::MAX).min(row.len());
        match row.get_mut(..len) {
            Some(row) if len > 0 => from.read_exact_at(row, offset).map_err(failed),
            _ => Ok(()),
        }
    }
}
