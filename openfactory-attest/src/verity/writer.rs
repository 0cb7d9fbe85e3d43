//! Hashes an image while it is being written, so that its tree needs no second reading.
//!
//! How many blocks there will be is not known until the end, but where the leaves go depends on it: they are behind the
//! levels above. So leaves are written where the tree begins, and moved at the end: one part in 128 of the image with
//! usual parameters. Memory is bounded.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem;

use super::builder::Builder;
use super::format::{self, FormatError, Place};
use super::hasher::Hasher;
use super::params::Params;
use super::root_hash::RootHash;
use super::shape::Shape;
use super::tree::{Tree, TreeError};

/// Bytes that are gathered before they are hashed or written.
const GATHERED: usize = 1024 * 1024;

/// Passes an image on to where it is written, and makes its hash device meanwhile.
///
/// ```
/// use std::io::{Cursor, Write as _};
///
/// use openfactory_attest::verity::{self, ImageWriter, Params};
/// use openfactory_attest::Work;
///
/// let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?);
/// let mut writer = ImageWriter::new(Vec::new(), Cursor::new(Vec::new()), params.clone())?;
/// for part in 0..1000_u32 {
///     writer.write_all(&[part as u8; 5000])?;
/// }
/// let (tree, image, hash_device) = writer.finish_padded()?;
///
/// assert_eq!(image.len(), 5_001_216);
/// let mut expected = Cursor::new(Vec::new());
/// assert_eq!(verity::format(&image, None, &mut expected, &params, &Work::on_all_cores())?, tree);
/// assert_eq!(hash_device.into_inner(), expected.into_inner());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ImageWriter<W, H> {
    image: W,
    leaves: Leaves<H>,
    /// Bytes that are written but not hashed.
    gathered: Vec<u8>,
    size: u64,
    failed: bool,
}

impl<W: Write, H: Read + Write + Seek> ImageWriter<W, H> {
    /// Writes the image to `image`, and superblock and tree to `hash_device`.
    ///
    /// # Errors
    /// [`FormatError::Tree`] if the parameters don't go together.
    pub fn new(image: W, hash_device: H, params: Params) -> Result<Self, FormatError> {
        let start = params.hash_start_block().map_err(|error| FormatError::Tree(TreeError::Params(error)))?;
        let offset = start * u64::from(params.hash_block_size().get());
        let hasher = Hasher::new(&params);
        let leaves = Leaves {
            hash_device,
            params,
            hasher,
            offset,
            digests: Vec::new(),
            blocks: Vec::new(),
            written: 0,
        };
        Ok(Self { image, leaves, gathered: Vec::new(), size: 0, failed: false })
    }

    /// Completes the tree. Gives back where it was written to; neither is flushed to the disk.
    ///
    /// # Errors
    /// [`FormatError`]; [`FormatError::PartialBlock`] if the image does not end with a whole data block.
    pub fn finish(mut self) -> Result<(Tree, W, H), FormatError> {
        if self.failed {
            let reason = "a write failed before";
            return Err(FormatError::Write(io::Error::other(reason)));
        }
        let block_size = self.leaves.params.data_block_size().get();
        if !self.size.is_multiple_of(u64::from(block_size)) {
            return Err(FormatError::PartialBlock { size: self.size, block_size });
        }
        self.leaves.hash(&self.gathered).map_err(FormatError::Write)?;
        let data_blocks = self.size / u64::from(block_size);
        let tree = self.leaves.grow(data_blocks)?;
        Ok((tree, self.image, self.leaves.hash_device))
    }

    /// First writes zeros to the image, up to a whole data block, and then completes the tree.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn finish_padded(mut self) -> Result<(Tree, W, H), FormatError> {
        let block_size = u64::from(self.leaves.params.data_block_size().get());
        let missing = self.size.next_multiple_of(block_size) - self.size;
        // Less than a block.
        self.write_all(&vec![0; missing as usize]).map_err(FormatError::Write)?;
        self.finish()
    }
}

impl<W: Write, H: Read + Write + Seek> Write for ImageWriter<W, H> {
    /// An error of the hash device ends it all: nothing can be finished after it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.image.write(bytes)?;
        self.size += written as u64;
        self.gathered.extend(bytes.get(..written).unwrap_or_default());
        if self.gathered.len() >= GATHERED {
            let block = self.leaves.params.data_block_size().bytes();
            let (whole, rest) = self.gathered.split_at(self.gathered.len() / block * block);
            let hashed = self.leaves.hash(whole);
            self.failed |= hashed.is_err();
            self.gathered = rest.to_vec();
            hashed?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.image.flush()
    }
}

/// The lowest level, as far as it has grown.
#[derive(Debug)]
struct Leaves<H> {
    hash_device: H,
    params: Params,
    hasher: Hasher,
    /// Where the tree begins, in bytes.
    offset: u64,
    /// Digests that fill no hash block yet.
    digests: Vec<u8>,
    /// Hash blocks that are not written yet.
    blocks: Vec<u8>,
    /// Bytes of hash blocks that are.
    written: u64,
}

impl<H: Read + Write + Seek> Leaves<H> {
    /// Takes whole data blocks.
    fn hash(&mut self, data: &[u8]) -> io::Result<()> {
        self.hasher.hash_blocks(data, self.params.data_block_size().non_zero(), &mut self.digests);
        let block = self.params.digests_per_block() * self.params.algorithm().digest_len();
        let (whole, rest) = self.digests.split_at(self.digests.len() / block * block);
        let blocks = whole.chunks_exact(block).flat_map(|digests| pack(&self.params, digests));
        self.blocks.extend(blocks);
        self.digests = rest.to_vec();
        if self.blocks.len() >= GATHERED { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.hash_device.seek(SeekFrom::Start(self.offset + self.written))?;
        self.hash_device.write_all(&self.blocks)?;
        self.written += self.blocks.len() as u64;
        self.blocks.clear();
        Ok(())
    }

    /// Moves the leaves to where they belong and makes the levels above them.
    fn grow(&mut self, data_blocks: u64) -> Result<Tree, FormatError> {
        let shape = Shape::of(&self.params, data_blocks).map_err(|error| match data_blocks {
            0 => FormatError::Empty,
            _ => FormatError::Tree(error),
        })?;
        let root = match shape.levels().first() {
            // The digest of a single data block is the root.
            None => mem::take(&mut self.digests),
            Some(leaves) => {
                if !self.digests.is_empty() {
                    self.blocks.extend(pack(&self.params, &self.digests));
                }
                self.write().map_err(FormatError::Write)?;
                let to = leaves.start * u64::from(self.params.hash_block_size().get());
                self.shift(to).map_err(FormatError::Write)?;
                self.grow_from(to, &shape)?
            }
        };
        format::write_head(&mut self.hash_device, &self.params, data_blocks, &shape)
            .map_err(FormatError::Write)?;
        let root =
            RootHash::from_bytes(self.params.algorithm(), &root).map_err(|_no_digest| FormatError::Empty)?;
        Tree::new(self.params.clone(), data_blocks, root).map_err(FormatError::Tree)
    }

    /// Moves the leaves up to this byte, the last ones first: the places overlap.
    fn shift(&mut self, to: u64) -> io::Result<()> {
        if to == self.offset {
            return Ok(());
        }
        let mut left = self.written;
        let mut buffer = Vec::new();
        while left > 0 {
            let len = left.min(GATHERED as u64);
            left -= len;
            self.read(self.offset + left, len, &mut buffer)?;
            self.hash_device.seek(SeekFrom::Start(to + left))?;
            self.hash_device.write_all(&buffer)?;
        }
        Ok(())
    }

    fn grow_from(&mut self, leaves: u64, shape: &Shape) -> Result<Vec<u8>, FormatError> {
        let made = RefCell::new(Vec::new());
        let mut sink = |level: usize, index: u64, block: &[u8]| {
            made.borrow_mut().push((level, index, block.to_vec()));
            Ok::<(), FormatError>(())
        };
        let mut builder = Builder::new(&self.params, shape, &mut sink);
        let mut place = Place::new(&self.params, shape);
        let (mut done, mut buffer, mut digests) = (0, Vec::new(), Vec::new());
        while done < self.written {
            let len = (self.written - done).min(GATHERED as u64);
            self.read(leaves + done, len, &mut buffer).map_err(FormatError::Write)?;
            done += len;
            digests.clear();
            self.hasher.hash_blocks(&buffer, self.params.hash_block_size().non_zero(), &mut digests);
            builder.push_at(1, &digests)?;
            self.place(&mut place, &made)?;
        }
        let root = builder.finish_from(1)?.ok_or(FormatError::Empty)?;
        self.place(&mut place, &made)?;
        Ok(root)
    }

    fn place(
        &mut self,
        place: &mut Place,
        made: &RefCell<Vec<(usize, u64, Vec<u8>)>>,
    ) -> Result<(), FormatError> {
        made.take().iter().try_for_each(|(level, index, block)| {
            place.write_anywhere(&mut self.hash_device, *level, *index, block).map_err(FormatError::Write)
        })
    }

    fn read(&mut self, offset: u64, len: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.resize(len as usize, 0);
        self.hash_device.seek(SeekFrom::Start(offset))?;
        self.hash_device.read_exact(buffer)
    }
}

/// Digests as they stand in one hash block.
fn pack(params: &Params, digests: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(params.hash_block_size().bytes());
    for digest in digests.chunks(params.algorithm().digest_len()) {
        block.extend(digest);
        block.resize(block.len().next_multiple_of(params.slot_len()), 0);
    }
    block.resize(params.hash_block_size().bytes(), 0);
    block
}
