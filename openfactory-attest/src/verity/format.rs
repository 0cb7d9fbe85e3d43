//! Makes the hash tree over a device: to write it, or only for its root.

use std::io::{self, Seek, SeekFrom, Write};

use super::builder::{Builder, Sink};
use super::hasher::Hasher;
use super::params::{BlockSize, Params};
use super::root_hash::RootHash;
use super::shape::Shape;
use super::stripe::{self, Pieces};
use super::superblock::Superblock;
use super::tree::{Tree, TreeError};
use crate::read_at::ReadAt;
use crate::work::Work;

/// Bytes of data that are read at once: what is hashed is still in the processor's cache.
const READ_SIZE: u64 = 1024 * 1024;

/// Hashes all data and writes the hash area, superblock first, from the parameters' offset of `hash_out`.
///
/// The bytes are those that `veritysetup format` writes with the same parameters, with zeros between superblock and tree;
/// what is before the offset is left alone. `data_blocks` limits the
/// tree to the first blocks of the data; without it the data must end with a whole block. Memory is bounded: a few
/// mebibytes per thread. Nothing is flushed to the disk; that, and a name for the file once it is complete, is the
/// caller's.
///
/// ```
/// use openfactory_attest::verity::{self, Params};
/// use openfactory_attest::Work;
///
/// let image = vec![0; 8 * 1024 * 1024];
/// let salt = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d".parse()?;
/// let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?).with_salt(salt);
///
/// let mut hash_device = std::io::Cursor::new(Vec::new());
/// let tree = verity::format(&image, None, &mut hash_device, &params, &Work::on_all_cores())?;
///
/// let root = "e522df0f97da4febb882ac40f30b37dc0b444bf6df418929463fa25280f09d5c";
/// assert_eq!(tree.root_hash().to_string(), root);
/// assert_eq!(tree.hash_blocks(), 17);
/// assert_eq!(hash_device.into_inner().len() as u64, tree.hash_device_size());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`FormatError`]; what was written up to then is of no use.
pub fn format<W: Write + Seek>(
    data: &dyn ReadAt,
    data_blocks: Option<u64>,
    hash_out: &mut W,
    params: &Params,
    work: &Work<'_>,
) -> Result<Tree, FormatError> {
    let data_blocks = count_blocks(data, data_blocks, params)?;
    let shape = Shape::of(params, data_blocks).map_err(FormatError::Tree)?;
    write_head(hash_out, params, data_blocks, &shape).map_err(FormatError::Write)?;
    let mut place = Place::new(params, &shape);
    let mut sink = |level: usize, index: u64, block: &[u8]| {
        place.write(hash_out, level, index, block).map_err(FormatError::Write)
    };
    let root_hash = hash_data(data, data_blocks, params, &shape, &mut sink, work)?;
    Tree::new(params.clone(), data_blocks, root_hash).map_err(FormatError::Tree)
}

/// Hashes all data for its root hash alone; nothing is written.
///
/// # Errors
/// [`FormatError`], but for [`FormatError::Write`].
pub fn root_hash(
    data: &dyn ReadAt,
    data_blocks: Option<u64>,
    params: &Params,
    work: &Work<'_>,
) -> Result<Tree, FormatError> {
    let data_blocks = count_blocks(data, data_blocks, params)?;
    let shape = Shape::of(params, data_blocks).map_err(FormatError::Tree)?;
    let root_hash = hash_data(data, data_blocks, params, &shape, &mut |_, _, _| Ok(()), work)?;
    Tree::new(params.clone(), data_blocks, root_hash).map_err(FormatError::Tree)
}

/// Writes the superblock, if there is one, and zeros up to the tree.
pub(super) fn write_head<W: Write + Seek>(
    hash_out: &mut W,
    params: &Params,
    data_blocks: u64,
    shape: &Shape,
) -> io::Result<()> {
    if !params.has_superblock() {
        return Ok(());
    }
    hash_out.seek(SeekFrom::Start(params.hash_offset()))?;
    hash_out.write_all(&Superblock::new(params.clone(), data_blocks).to_bytes())?;
    let tree = shape.start() * u64::from(params.hash_block_size().get());
    // Less than two blocks.
    let gap = tree.saturating_sub(params.hash_offset() + Superblock::LEN as u64) as usize;
    hash_out.write_all(&vec![0; gap])
}

/// Where hash blocks go. Seeks only where the next one does not follow the last, so that a buffer is of use.
pub(super) struct Place {
    levels: Vec<u64>,
    block_size: u64,
    position: Option<u64>,
}

impl Place {
    pub(super) fn new(params: &Params, shape: &Shape) -> Self {
        let levels = shape.levels().iter().map(|level| level.start).collect();
        Self { levels, block_size: u64::from(params.hash_block_size().get()), position: None }
    }

    /// The same where others seek too.
    pub(super) fn write_anywhere<W: Write + Seek>(
        &mut self,
        hash_out: &mut W,
        level: usize,
        index: u64,
        block: &[u8],
    ) -> io::Result<()> {
        self.position = None;
        self.write(hash_out, level, index, block)
    }

    pub(super) fn write<W: Write + Seek>(
        &mut self,
        hash_out: &mut W,
        level: usize,
        index: u64,
        block: &[u8],
    ) -> io::Result<()> {
        let start = self.levels.get(level).ok_or(io::ErrorKind::InvalidInput)?;
        let at = (start + index) * self.block_size;
        if self.position != Some(at) {
            hash_out.seek(SeekFrom::Start(at))?;
        }
        hash_out.write_all(block)?;
        self.position = Some(at + self.block_size);
        Ok(())
    }
}

/// How many blocks to hash, if the data has them.
fn count_blocks(data: &dyn ReadAt, asked: Option<u64>, params: &Params) -> Result<u64, FormatError> {
    let size = data.size().map_err(|source| FormatError::Read { offset: 0, source })?;
    let block_size = params.data_block_size().get();
    let whole = size / u64::from(block_size);
    match asked {
        Some(blocks) if blocks > whole => Err(FormatError::TooShort { blocks, has: whole }),
        Some(0) => Err(FormatError::Empty),
        Some(blocks) => Ok(blocks),
        None if size == 0 => Err(FormatError::Empty),
        None if !size.is_multiple_of(u64::from(block_size)) => {
            Err(FormatError::PartialBlock { size, block_size })
        }
        None => Ok(whole),
    }
}

fn hash_data<'a>(
    data: &dyn ReadAt,
    data_blocks: u64,
    params: &Params,
    shape: &Shape,
    sink: &'a mut Sink<'a, FormatError>,
    work: &Work<'_>,
) -> Result<RootHash, FormatError> {
    let size = params.data_block_size();
    let pieces = Pieces::of(data_blocks, size.bytes());
    let hasher = Hasher::new(params);
    let digest_len = params.algorithm().digest_len() as u64;
    let total = data_blocks * u64::from(size.get());
    let mut builder = Builder::new(params, shape, sink);
    let mut done = 0;
    stripe::in_order(
        pieces.count(),
        work.threads(),
        |piece, buffer| hash_piece(data, pieces.blocks(piece), size, &hasher, buffer),
        |digests: Vec<u8>| {
            done += digests.len() as u64 / digest_len * u64::from(size.get());
            builder.push(&digests)?;
            work.tell(done, total);
            Ok(())
        },
    )?;
    let root = builder.finish()?.ok_or(FormatError::Empty)?;
    RootHash::from_bytes(params.algorithm(), &root).map_err(|_no_digest| FormatError::Empty)
}

fn hash_piece(
    data: &dyn ReadAt,
    blocks: std::ops::Range<u64>,
    size: BlockSize,
    hasher: &Hasher,
    bytes: &mut Vec<u8>,
) -> Result<Vec<u8>, FormatError> {
    let mut digests = Vec::new();
    let at_once = (READ_SIZE / u64::from(size.get())).max(1);
    for first in blocks.clone().step_by(at_once as usize) {
        let offset = first * u64::from(size.get());
        bytes.resize(at_once.min(blocks.end - first) as usize * size.bytes(), 0);
        data.read_exact_at(bytes, offset).map_err(|source| FormatError::Read { offset, source })?;
        hasher.hash_blocks(bytes, size.non_zero(), &mut digests);
    }
    Ok(digests)
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// There is no data to hash.
    #[error("no data to hash")]
    Empty,
    /// The data ends within a block. `veritysetup` would leave the rest unprotected without a word.
    #[error(
        "{size} bytes of data are no whole number of {block_size}-byte blocks: pad the image, or say how many blocks"
    )]
    PartialBlock {
        /// Size of the data in bytes.
        size: u64,
        /// Size of a data block in bytes.
        block_size: u32,
    },
    /// Fewer data blocks than asked for.
    #[error("{blocks} data blocks asked for, the data has {has}")]
    TooShort {
        /// Blocks asked for.
        blocks: u64,
        /// Whole blocks that there are.
        has: u64,
    },
    /// The data could not be read.
    #[error("cannot read the data at byte {offset}")]
    Read {
        /// Where the piece that could not be read begins.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The parameters don't go together, or the tree would be too large.
    #[error("no tree can be made with these parameters")]
    Tree(#[source] TreeError),
    /// The hash device could not be written.
    #[error("cannot write the hash device")]
    Write(#[source] io::Error),
}
