//! fs-verity digests: what the kernel measures of a file under fs-verity, and `fsverity digest` prints.
//!
//! A tree like that of dm-verity, whose root stands in a small descriptor together with the file's size and all parameters.
//! The digest is the descriptor's, so that it says everything.
//!
//! Source: the kernel's `Documentation/filesystems/fsverity.rst`.

use std::fmt;
use std::io::{self, Read};
use std::num::NonZeroUsize;

use subtle::ConstantTimeEq as _;

use crate::verity::hasher::Hasher;

/// What blocks are hashed with. As text the kernel's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256: the default.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    const fn number(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    const fn digest_len(self) -> usize {
        self.tree().digest_len()
    }

    /// What the algorithm takes at once: the salt is padded to it.
    const fn chunk_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    const fn tree(self) -> crate::verity::Algorithm {
        match self {
            Self::Sha256 => crate::verity::Algorithm::Sha256,
            Self::Sha512 => crate::verity::Algorithm::Sha512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree().fmt(f)
    }
}

/// The parameters of a digest.
///
/// ```
/// use openfactory_attest::fsverity::FsVerity;
///
/// let digest = FsVerity::new().digest(&b"hello world"[..])?;
/// assert_eq!(
///     digest.to_string(),
///     "sha256:1e2eaa4202d750a41174ee454970b92c1bc2f925b1e35076d8c7d5f56362ba64",
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsVerity {
    algorithm: Algorithm,
    block_size: NonZeroUsize,
    salt: Vec<u8>,
}

impl FsVerity {
    /// The longest salt, in bytes.
    pub const MAX_SALT: usize = 32;

    /// The largest block, in bytes. The kernel takes no more than a page.
    pub const MAX_BLOCK_SIZE: usize = 1024 * 1024;

    /// SHA-256, blocks of 4,096 bytes, no salt.
    #[must_use]
    pub fn new() -> Self {
        Self { algorithm: Algorithm::Sha256, block_size: BLOCK_SIZE, salt: Vec::new() }
    }

    /// With these parameters.
    ///
    /// # Errors
    /// [`FsVerityError`] if a block would not hold two digests, or is no power of two or too large, or the salt is
    /// longer than 32 bytes.
    pub fn with(algorithm: Algorithm, block_size: usize, salt: &[u8]) -> Result<Self, FsVerityError> {
        let refused = FsVerityError::BlockSize { bytes: block_size, least: algorithm.digest_len() * 2 };
        if !block_size.is_power_of_two()
            || block_size < algorithm.digest_len() * 2
            || block_size > Self::MAX_BLOCK_SIZE
        {
            return Err(refused);
        }
        if salt.len() > Self::MAX_SALT {
            return Err(FsVerityError::Salt { len: salt.len() });
        }
        Ok(Self { algorithm, block_size: NonZeroUsize::new(block_size).ok_or(refused)?, salt: salt.to_vec() })
    }

    /// The digest of all that the reader gives. Memory is bounded: some mebibytes.
    ///
    /// # Errors
    /// The reader's own.
    pub fn digest(&self, mut reader: impl Read) -> io::Result<FsVerityDigest> {
        let mut prefix = self.salt.clone();
        prefix.resize(prefix.len().next_multiple_of(self.algorithm.chunk_len()), 0);
        let mut tree = Growing {
            hasher: Hasher::with_affixes(self.algorithm.tree(), &prefix, &[]),
            digest_len: self.algorithm.digest_len(),
            block_size: self.block_size,
            levels: Vec::new(),
        };
        let mut size = 0;
        let mut buffer = vec![0; READ_SIZE.next_multiple_of(self.block_size.get())];
        loop {
            let filled = fill(&mut reader, &mut buffer)?;
            size += filled as u64;
            let blocks = filled.next_multiple_of(self.block_size.get());
            if let Some(padding) = buffer.get_mut(filled..blocks) {
                padding.fill(0);
            }
            tree.push_data(buffer.get(..blocks).unwrap_or_default());
            if filled < buffer.len() {
                break;
            }
        }
        Ok(self.describe(size, &tree.root()))
    }

    /// The digest of the descriptor, 256 bytes, little-endian.
    fn describe(&self, size: u64, root: &[u8]) -> FsVerityDigest {
        let mut descriptor = vec![1, self.algorithm.number()];
        descriptor.extend([self.block_size.ilog2() as u8, self.salt.len() as u8]);
        descriptor.extend(0_u32.to_le_bytes());
        descriptor.extend(size.to_le_bytes());
        descriptor.extend(root);
        descriptor.resize(16 + 64, 0);
        descriptor.extend(&self.salt);
        descriptor.resize(256, 0);
        let mut bytes = Vec::new();
        Hasher::with_affixes(self.algorithm.tree(), &[], &[]).hash(&descriptor, &mut bytes);
        FsVerityDigest { algorithm: self.algorithm, bytes }
    }
}

impl Default for FsVerity {
    fn default() -> Self {
        Self::new()
    }
}

const BLOCK_SIZE: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(size) => size,
    None => NonZeroUsize::MIN,
};

/// How much is read at once.
const READ_SIZE: usize = 1024 * 1024;

/// Fills the buffer as far as the reader has something.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A tree of which one block per level is held.
struct Growing {
    hasher: Hasher,
    digest_len: usize,
    block_size: NonZeroUsize,
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    block: Vec<u8>,
    digests: u64,
}

impl Growing {
    fn push_data(&mut self, blocks: &[u8]) {
        let mut digests = Vec::new();
        self.hasher.hash_blocks(blocks, self.block_size, &mut digests);
        digests.chunks_exact(self.digest_len).for_each(|digest| self.push(0, digest));
    }

    fn push(&mut self, level: usize, digest: &[u8]) {
        if self.levels.len() == level {
            self.levels.push(Level::default());
        }
        let Some(growing) = self.levels.get_mut(level) else { return };
        growing.block.extend(digest);
        growing.digests += 1;
        if growing.block.len() + self.digest_len > self.block_size.get() {
            self.close(level);
        }
    }

    fn close(&mut self, level: usize) {
        let Some(growing) = self.levels.get_mut(level) else { return };
        growing.block.resize(self.block_size.get(), 0);
        let mut digest = Vec::new();
        self.hasher.hash(&growing.block, &mut digest);
        growing.block.clear();
        self.push(level + 1, &digest);
    }

    /// The only digest of the top level; zeros for an empty file.
    fn root(mut self) -> Vec<u8> {
        let mut level = 0;
        while let Some(growing) = self.levels.get(level) {
            if growing.digests == 1 {
                return growing.block.clone();
            }
            if !growing.block.is_empty() {
                self.close(level);
            }
            level += 1;
        }
        vec![0; self.digest_len]
    }
}

/// An fs-verity digest. As text `sha256:` or `sha512:` and lower-case hex. `==` takes the same time wherever the first
/// difference is.
#[derive(Clone)]
pub struct FsVerityDigest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl FsVerityDigest {
    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it was made with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl PartialEq for FsVerityDigest {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for FsVerityDigest {}

impl fmt::Display for FsVerityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, hex::encode(&self.bytes))
    }
}

impl fmt::Debug for FsVerityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FsVerityDigest({self})")
    }
}

/// Why something is no parameter of an fs-verity digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FsVerityError {
    /// No power of two, too small for two digests, or too large.
    #[error("a block of {bytes} bytes is not possible: powers of two from {least} to 1048576 are")]
    BlockSize {
        /// The size that was asked for.
        bytes: usize,
        /// Twice the length of a digest.
        least: usize,
    },
    /// More than 32 bytes of salt.
    #[error("a salt has at most 32 bytes, this has {len}")]
    Salt {
        /// Bytes in the salt.
        len: usize,
    },
}
