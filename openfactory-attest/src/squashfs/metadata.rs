//! Metadata blocks: up to 8 KiB each, a 16-bit header before, compressed or not. Read as one stream of bytes.

use std::collections::HashMap;
use std::rc::Rc;

use super::compression::{Compression, decompress};
use super::error::{Part, SquashfsError};
use super::superblock::Superblock;
use crate::read_at::ReadAt;

/// The most that a metadata block holds.
const BLOCK_SIZE: usize = 8192;

/// In the header: the block is not compressed.
const UNCOMPRESSED: u16 = 1 << 15;

/// Blocks that are kept decompressed: 1 MiB.
const CACHED: usize = 128;

/// Reads metadata blocks and keeps some.
pub(super) struct Metadata<'a> {
    device: &'a dyn ReadAt,
    compression: Compression,
    end: u64,
    cache: HashMap<u64, Block>,
}

#[derive(Clone)]
struct Block {
    bytes: Rc<[u8]>,
    next: u64,
}

impl<'a> Metadata<'a> {
    pub(super) fn new(device: &'a dyn ReadAt, superblock: &Superblock) -> Self {
        Self {
            device,
            compression: superblock.compression,
            end: superblock.bytes_used,
            cache: HashMap::new(),
        }
    }

    /// A stream from this offset in the block at this byte of the image.
    pub(super) const fn cursor(&mut self, block: u64, offset: u16, part: Part) -> Cursor<'_, 'a> {
        Cursor { metadata: self, part, block, offset: offset as usize }
    }

    fn block(&mut self, position: u64) -> Result<Block, SquashfsError> {
        if let Some(block) = self.cache.get(&position) {
            return Ok(block.clone());
        }
        let corrupt = || SquashfsError::corrupt(Part::Metadata, position);
        let mut header = [0; 2];
        self.read(&mut header, position)?;
        let header = u16::from_le_bytes(header);
        // A length of 0 is 32768 by the format's own definition: more than any block has.
        let len = usize::from(header & !UNCOMPRESSED);
        if len == 0 || len > BLOCK_SIZE {
            return Err(corrupt());
        }
        let mut stored = vec![0; len];
        self.read(&mut stored, position + 2)?;
        let bytes = if header & UNCOMPRESSED != 0 {
            stored
        } else {
            let mut bytes = vec![0; BLOCK_SIZE];
            let len = decompress(self.compression, &stored, &mut bytes).ok_or_else(corrupt)?;
            bytes.truncate(len);
            bytes
        };
        // Nothing is ever stored as an empty block; a long row of them would keep a reader busy.
        if bytes.is_empty() {
            return Err(corrupt());
        }
        let block = Block { bytes: bytes.into(), next: position + 2 + len as u64 };
        if self.cache.len() >= CACHED {
            self.cache.clear();
        }
        self.cache.insert(position, block.clone());
        Ok(block)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), SquashfsError> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.end) {
            return Err(SquashfsError::corrupt(Part::Metadata, offset));
        }
        self.device.read_exact_at(buffer, offset).map_err(|source| SquashfsError::Read { offset, source })
    }
}

/// Reads on from block to block.
pub(super) struct Cursor<'m, 'a> {
    metadata: &'m mut Metadata<'a>,
    part: Part,
    block: u64,
    offset: usize,
}

impl Cursor<'_, '_> {
    /// Where the next byte is: block, and offset in it.
    pub(super) const fn position(&self) -> (u64, u16) {
        (self.block, self.offset as u16)
    }

    /// What is being read makes no sense.
    pub(super) const fn corrupt(&self) -> SquashfsError {
        SquashfsError::corrupt(self.part, self.block)
    }

    pub(super) fn u16(&mut self) -> Result<u16, SquashfsError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, SquashfsError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, SquashfsError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// So many bytes; the caller has bounded them.
    pub(super) fn bytes(&mut self, len: usize) -> Result<Vec<u8>, SquashfsError> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SquashfsError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<(), SquashfsError> {
        while !buffer.is_empty() {
            let block = self.metadata.block(self.block)?;
            let rest = block.bytes.get(self.offset..).ok_or_else(|| self.corrupt())?;
            if rest.is_empty() {
                (self.block, self.offset) = (block.next, 0);
                continue;
            }
            let take = rest.len().min(buffer.len());
            let (now, later) = buffer.split_at_mut(take);
            now.copy_from_slice(rest.get(..take).unwrap_or_default());
            self.offset += take;
            buffer = later;
        }
        Ok(())
    }
}
