//! What a hash tree is made with: hash type and algorithm, block sizes, salt, and where the tree is.

mod algorithm;
mod block_size;
mod error;
mod salt;
mod uuid;

pub use algorithm::{Algorithm, HashType};
pub use block_size::BlockSize;
pub use error::ParamsError;
pub use salt::Salt;
pub use uuid::Uuid;

use super::superblock::Superblock;

/// The parameters of a hash tree.
///
/// ```
/// use openfactory_attest::verity::{Algorithm, BlockSize, Params, Salt, Uuid};
///
/// let uuid: Uuid = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?;
/// let params = Params::new(uuid).with_salt("dadada".parse()?).with_hash_block_size(BlockSize::new(1024)?);
/// assert_eq!(params.algorithm(), Algorithm::Sha256);
/// assert_eq!(params.data_block_size().get(), 4096);
/// assert_eq!(params.salt().to_string(), "dadada");
/// // The superblock takes the first hash block.
/// assert_eq!(params.hash_start_block()?, 1);
/// # Ok::<(), openfactory_attest::verity::ParamsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    hash_type: HashType,
    algorithm: Algorithm,
    data_block_size: BlockSize,
    hash_block_size: BlockSize,
    salt: Salt,
    uuid: Uuid,
    hash_offset: u64,
    has_superblock: bool,
}

impl Params {
    /// Hash type 1 with SHA-256, blocks of 4,096 bytes, no salt, on a hash device of its own with a superblock.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self {
            hash_type: HashType::Normal,
            algorithm: Algorithm::Sha256,
            data_block_size: BlockSize::DEFAULT,
            hash_block_size: BlockSize::DEFAULT,
            salt: Salt::none(),
            uuid,
            hash_offset: 0,
            has_superblock: true,
        }
    }

    /// With another hash type.
    #[must_use]
    pub const fn with_hash_type(mut self, hash_type: HashType) -> Self {
        self.hash_type = hash_type;
        self
    }

    /// With another hash algorithm.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// With another data block size.
    #[must_use]
    pub const fn with_data_block_size(mut self, size: BlockSize) -> Self {
        self.data_block_size = size;
        self
    }

    /// With another hash block size.
    #[must_use]
    pub const fn with_hash_block_size(mut self, size: BlockSize) -> Self {
        self.hash_block_size = size;
        self
    }

    /// With a salt.
    #[must_use]
    pub fn with_salt(mut self, salt: Salt) -> Self {
        self.salt = salt;
        self
    }

    /// With a hash area that begins at this byte of the hash device, which may be the data device behind its data.
    #[must_use]
    pub const fn with_hash_offset(mut self, bytes: u64) -> Self {
        self.hash_offset = bytes;
        self
    }

    /// Without a superblock: the tree alone. The UUID then stands nowhere.
    #[must_use]
    pub const fn without_superblock(mut self) -> Self {
        self.has_superblock = false;
        self
    }

    /// Where the salt is hashed, and how digests are packed.
    #[must_use]
    pub const fn hash_type(&self) -> HashType {
        self.hash_type
    }

    /// The hash algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Size of a data block.
    #[must_use]
    pub const fn data_block_size(&self) -> BlockSize {
        self.data_block_size
    }

    /// Size of a hash block.
    #[must_use]
    pub const fn hash_block_size(&self) -> BlockSize {
        self.hash_block_size
    }

    /// What is hashed with each block.
    #[must_use]
    pub const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The hash device's name.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The byte of the hash device at which the hash area, superblock first, begins.
    #[must_use]
    pub const fn hash_offset(&self) -> u64 {
        self.hash_offset
    }

    /// Whether the hash area begins with a superblock.
    #[must_use]
    pub const fn has_superblock(&self) -> bool {
        self.has_superblock
    }

    /// The block of the hash device, in hash blocks, at which the tree itself begins: the first whole one behind the
    /// superblock.
    ///
    /// # Errors
    /// [`ParamsError::HashOffset`] if the hash area can't begin where it should: a superblock is at a multiple of 512
    /// bytes, a tree without one at a multiple of the hash block size.
    pub const fn hash_start_block(&self) -> Result<u64, ParamsError> {
        let block = self.hash_block_size.get() as u64;
        let (step, taken) =
            if self.has_superblock { (Superblock::LEN as u64, Superblock::LEN as u64) } else { (block, 0) };
        let bad = ParamsError::HashOffset { bytes: self.hash_offset, step };
        if !self.hash_offset.is_multiple_of(step) {
            return Err(bad);
        }
        match self.hash_offset.checked_add(taken) {
            Some(end) if end <= i64::MAX as u64 => Ok(end.div_ceil(block)),
            _ => Err(bad),
        }
    }

    /// How many digests one hash block holds: a power of two.
    pub(super) const fn digests_per_block(&self) -> usize {
        let fit = self.hash_block_size.bytes() / self.algorithm.digest_len();
        // The smallest block holds eight of the longest digests.
        1 << fit.ilog2()
    }

    /// Bytes from one digest to the next within a hash block.
    pub(super) const fn slot_len(&self) -> usize {
        let digest = self.algorithm.digest_len();
        match self.hash_type {
            HashType::Normal => digest.next_power_of_two(),
            HashType::ChromeOs => digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_tree_begins() {
        let params = |block: u32, offset: u64| {
            Params::new(Uuid::from_bytes([0; 16]))
                .with_hash_block_size(BlockSize::new(block).unwrap())
                .with_hash_offset(offset)
        };
        assert_eq!(params(512, 0).hash_start_block(), Ok(1));
        assert_eq!(params(4096, 0).hash_start_block(), Ok(1));
        assert_eq!(params(4096, 3584).hash_start_block(), Ok(1));
        assert_eq!(params(4096, 4096).hash_start_block(), Ok(2));
        assert_eq!(params(4096, 8192).without_superblock().hash_start_block(), Ok(2));
        for (params, step) in [
            (params(4096, 100), 512),
            (params(4096, 512).without_superblock(), 4096),
            (params(512, u64::MAX - 511), 512),
        ] {
            let bytes = params.hash_offset();
            assert_eq!(params.hash_start_block(), Err(ParamsError::HashOffset { bytes, step }));
        }
    }

    #[test]
    fn how_digests_are_packed() {
        let params = |algorithm, hash_type, block: u32| {
            let params = Params::new(Uuid::from_bytes([0; 16]))
                .with_algorithm(algorithm)
                .with_hash_type(hash_type)
                .with_hash_block_size(BlockSize::new(block).unwrap());
            (params.digests_per_block(), params.slot_len())
        };
        assert_eq!(params(Algorithm::Sha256, HashType::Normal, 4096), (128, 32));
        assert_eq!(params(Algorithm::Sha512, HashType::Normal, 512), (8, 64));
        // 51 would fit.
        assert_eq!(params(Algorithm::Sha1, HashType::Normal, 1024), (32, 32));
        assert_eq!(params(Algorithm::Sha1, HashType::ChromeOs, 1024), (32, 20));
    }
}
