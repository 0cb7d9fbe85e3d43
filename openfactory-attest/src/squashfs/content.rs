//! A file's content: whole blocks in a row, then a tail in a fragment that many files share.

use super::Image;
use super::compression::decompress;
use super::error::{Part, SquashfsError};
use super::metadata::Metadata;
use super::walk::Found;

/// In a stored size: the block is not compressed.
const UNCOMPRESSED: u32 = 1 << 24;

/// Reads contents, one after the other; keeps the last fragment for the next file.
pub(super) struct Contents<'a> {
    image: &'a Image<'a>,
    metadata: Metadata<'a>,
    stored: Vec<u8>,
    block: Vec<u8>,
    fragment: Option<(u32, Vec<u8>)>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(image: &'a Image<'a>) -> Self {
        let metadata = Metadata::new(image.device, &image.superblock);
        Self { image, metadata, stored: Vec::new(), block: Vec::new(), fragment: None }
    }

    /// Hands the whole content of a file to `take`, a block at a time; of whatever is no file, nothing.
    pub(super) fn read<E: From<SquashfsError>>(
        &mut self,
        found: &Found,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(file) = found.content(self.image, &mut self.metadata)? else { return Ok(()) };
        let block_size = u64::from(self.image.superblock.block_size);
        let (mut left, mut position, mut sizes) = (file.size, file.start, file.sizes);
        while left >= block_size || (left > 0 && file.tail.is_none()) {
            let mut cursor = self.metadata.cursor(sizes.0, sizes.1, Part::Inode);
            let size = cursor.u32()?;
            sizes = cursor.position();
            let len = left.min(block_size);
            self.block.clear();
            self.block.resize(len as usize, 0);
            // No bytes stored: a hole.
            let stored = size & !UNCOMPRESSED;
            if stored > 0 && read_block(self.image, position, size, &mut self.stored, &mut self.block)? != len
            {
                return Err(SquashfsError::corrupt(Part::Content, position).into());
            }
            take(&self.block)?;
            position += u64::from(stored);
            left -= len;
        }
        if left > 0
            && let Some((index, offset)) = file.tail
        {
            take(self.tail(index, offset, left)?)?;
        }
        Ok(())
    }

    fn tail(&mut self, index: u32, offset: u32, len: u64) -> Result<&[u8], SquashfsError> {
        let fragment = self.image.fragment(index);
        let fragment = fragment.ok_or(SquashfsError::corrupt(Part::Inode, u64::from(index)))?;
        if self.fragment.as_ref().is_none_or(|(kept, _)| *kept != index) {
            let mut bytes = vec![0; self.image.superblock.block_size as usize];
            let len = read_block(self.image, fragment.start, fragment.size, &mut self.stored, &mut bytes)?;
            bytes.truncate(len as usize);
            self.fragment = Some((index, bytes));
        }
        let bytes = self.fragment.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
        let (start, len) = (offset as usize, len as usize);
        let tail = start.checked_add(len).and_then(|end| bytes.get(start..end));
        tail.ok_or(SquashfsError::corrupt(Part::Content, fragment.start))
    }
}

/// Reads a stored block into `block` from the start, and says how much of it there is.
fn read_block(
    image: &Image<'_>,
    position: u64,
    size: u32,
    stored: &mut Vec<u8>,
    block: &mut [u8],
) -> Result<u64, SquashfsError> {
    let corrupt = SquashfsError::corrupt(Part::Content, position);
    let len = size & !UNCOMPRESSED;
    let inside = position.checked_add(u64::from(len)).is_some_and(|end| end <= image.superblock.bytes_used);
    if len == 0 || len > image.superblock.block_size || !inside {
        return Err(corrupt);
    }
    stored.resize(len as usize, 0);
    image
        .device
        .read_exact_at(stored, position)
        .map_err(|source| SquashfsError::Read { offset: position, source })?;
    if size & UNCOMPRESSED == 0 {
        return decompress(image.superblock.compression, stored, block).map(|len| len as u64).ok_or(corrupt);
    }
    let Some(block) = block.get_mut(..stored.len()) else { return Err(corrupt) };
    block.copy_from_slice(stored);
    Ok(stored.len() as u64)
}
