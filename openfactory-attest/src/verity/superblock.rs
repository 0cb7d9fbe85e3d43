//! The superblock: 512 bytes at the start of a hash area that say how its tree was made.
//!
//! Little-endian: signature `verity\0\0` (0), version (8), hash type (12), UUID (16), algorithm (32), data block
//! size (64), hash block size (68), data blocks (72), salt size (80), padding, salt (88), padding to 512.
//!
//! Nothing authenticates it. The kernel never reads it.

use std::io;

use super::params::{Algorithm, BlockSize, HashType, Params, Salt, Uuid};
use super::shape;
use super::tree::Tree;
use crate::read_at::ReadAt;

const SIGNATURE: &[u8; 8] = b"verity\0\0";

/// What a superblock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    params: Params,
    data_blocks: u64,
}

impl Superblock {
    /// Bytes in a superblock.
    pub const LEN: usize = 512;

    /// The superblock of a tree.
    #[must_use]
    pub fn of(tree: &Tree) -> Self {
        Self { params: tree.params().clone(), data_blocks: tree.data_blocks() }
    }

    pub(super) const fn new(params: Params, data_blocks: u64) -> Self {
        Self { params, data_blocks }
    }

    /// Reads the superblock at the start of a hash device.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    pub fn read(hash_device: &dyn ReadAt) -> Result<Self, SuperblockError> {
        Self::read_at(hash_device, 0)
    }

    /// Reads the superblock of the hash area that begins at this byte of a hash device.
    ///
    /// # Errors
    /// [`SuperblockError::Read`] if the device can't be read, [`SuperblockError::Length`] if it is too short, and
    /// whatever [`parse`](Self::parse) finds wrong.
    pub fn read_at(hash_device: &dyn ReadAt, offset: u64) -> Result<Self, SuperblockError> {
        let size = hash_device.size().map_err(SuperblockError::Read)?.saturating_sub(offset);
        if size < Self::LEN as u64 {
            return Err(SuperblockError::Length { len: size });
        }
        let mut bytes = [0; Self::LEN];
        hash_device.read_exact_at(&mut bytes, offset).map_err(SuperblockError::Read)?;
        let found = Self::parse(&bytes)?;
        Ok(Self { params: found.params.with_hash_offset(offset), ..found })
    }

    /// Parses a superblock, padding included: what is not zero there is refused.
    ///
    /// # Errors
    /// One variant of [`SuperblockError`] for each field.
    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, SuperblockError> {
        let field = Fields(bytes);
        if field.array::<8>(0) != *SIGNATURE {
            return Err(SuperblockError::Signature);
        }
        let version = field.u32(8);
        if version != 1 {
            return Err(SuperblockError::Version { version });
        }
        let number = field.u32(12);
        let hash_type = HashType::from_number(number)
            .map_err(|_unknown| SuperblockError::HashType { hash_type: number })?;
        let named = |algorithm: &Algorithm| algorithm_field(*algorithm) == field.array(32);
        let algorithm = Algorithm::ALL.into_iter().find(named).ok_or(SuperblockError::Algorithm)?;
        let block_size = |offset| {
            let bytes = field.u32(offset);
            BlockSize::new(bytes).map_err(|_out_of_range| SuperblockError::BlockSize { bytes })
        };
        let (data_block_size, hash_block_size) = (block_size(64)?, block_size(68)?);
        let data_blocks = field.u64(72);
        if data_blocks == 0 || data_blocks > shape::max_data_blocks(data_block_size) {
            return Err(SuperblockError::DataBlocks { data_blocks });
        }
        let salt_size = field.u16(80);
        let salt_end = SALT_AT + usize::from(salt_size);
        if usize::from(salt_size) > Salt::MAX_LEN {
            return Err(SuperblockError::SaltSize { salt_size });
        }
        let (padding, rest) = (field.array::<6>(82), bytes.get(salt_end..).unwrap_or_default());
        if padding.iter().chain(rest).any(|&byte| byte != 0) {
            return Err(SuperblockError::Padding);
        }
        let salt = bytes.get(SALT_AT..salt_end).unwrap_or_default();
        let salt = Salt::new(salt).map_err(|_too_long| SuperblockError::SaltSize { salt_size })?;
        let params = Params::new(Uuid::from_bytes(field.array(16)))
            .with_hash_type(hash_type)
            .with_algorithm(algorithm)
            .with_data_block_size(data_block_size)
            .with_hash_block_size(hash_block_size)
            .with_salt(salt);
        Ok(Self { params, data_blocks })
    }

    /// The 512 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let salt = self.params.salt().as_bytes();
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend(SIGNATURE);
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(self.params.hash_type().number().to_le_bytes());
        bytes.extend(self.params.uuid().as_bytes());
        bytes.extend(algorithm_field(self.params.algorithm()));
        bytes.extend(self.params.data_block_size().get().to_le_bytes());
        bytes.extend(self.params.hash_block_size().get().to_le_bytes());
        bytes.extend(self.data_blocks.to_le_bytes());
        bytes.extend((salt.len() as u16).to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend(salt);
        bytes.resize(Self::LEN, 0);
        let mut block = [0; Self::LEN];
        block.copy_from_slice(&bytes);
        block
    }

    /// Hash type, algorithm, block sizes, salt and UUID, and where it was read.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// How many data blocks the tree covers.
    #[must_use]
    pub const fn data_blocks(&self) -> u64 {
        self.data_blocks
    }
}

const SALT_AT: usize = 88;

/// An algorithm's name with zeros behind it.
fn algorithm_field(algorithm: Algorithm) -> [u8; 32] {
    let mut field = [0; 32];
    field.iter_mut().zip(algorithm.name().bytes()).for_each(|(to, from)| *to = from);
    field
}

/// Little-endian fields at fixed offsets.
struct Fields<'a>(&'a [u8; Superblock::LEN]);

impl Fields<'_> {
    fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        self.0.get(offset..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
    }

    fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.array(offset))
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.array(offset))
    }

    fn u64(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.array(offset))
    }
}

/// Why there is no superblock that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuperblockError {
    /// The hash device could not be read.
    #[error("cannot read the superblock")]
    Read(#[source] io::Error),
    /// The hash device is shorter than a superblock.
    #[error("the hash device has {len} bytes, a superblock alone has 512")]
    Length {
        /// Its size in bytes.
        len: u64,
    },
    /// It does not begin with `verity` and two NULs: not a hash device at all, or one without superblock.
    #[error("no verity superblock")]
    Signature,
    /// Another version than 1.
    #[error("superblock version {version} is not supported, only 1 is")]
    Version {
        /// The version it says.
        version: u32,
    },
    /// Another hash type than 1 and 0.
    #[error("hash type {hash_type} is not supported, 1 and 0 are")]
    HashType {
        /// The type it says.
        hash_type: u32,
    },
    /// An algorithm that is not known here.
    #[error("the superblock names another hash algorithm than sha256, sha512 and sha1")]
    Algorithm,
    /// A block size that is not a power of two from 512 to 524,288.
    #[error("block size {bytes} in the superblock is not a power of two from 512 to 524288")]
    BlockSize {
        /// The size it says.
        bytes: u32,
    },
    /// No data blocks, or more bytes of them than a file can have.
    #[error("{data_blocks} data blocks in the superblock are not possible")]
    DataBlocks {
        /// The number it says.
        data_blocks: u64,
    },
    /// More than 256 bytes of salt.
    #[error("{salt_size} bytes of salt in the superblock, 256 is the most")]
    SaltSize {
        /// The size it says.
        salt_size: u16,
    },
    /// Something other than zeros after a field.
    #[error("the superblock's padding is not zero")]
    Padding,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn superblock() -> Superblock {
        let params = Params::new(Uuid::from_bytes([7; 16])).with_salt("dadada".parse().unwrap());
        Superblock::new(params, 2048)
    }

    #[test]
    fn layout() {
        let bytes = superblock().to_bytes();
        assert_eq!(bytes[..16], *b"verity\0\0\x01\0\0\0\x01\0\0\0");
        assert_eq!(bytes[32..38], *b"sha256");
        assert_eq!(bytes[64..82], [0, 16, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 3, 0]);
        assert_eq!(bytes[88..92], [0xda, 0xda, 0xda, 0]);
        assert_eq!(Superblock::parse(&bytes).unwrap(), superblock());
        let behind = [vec![1; 1024], bytes.to_vec()].concat();
        let read = Superblock::read_at(&behind, 1024).unwrap();
        assert_eq!((read.params().hash_offset(), read.to_bytes()), (1024, bytes));
    }

    #[test]
    fn each_field_is_checked() {
        let with = |offset: usize, new: &[u8]| {
            let mut bytes = superblock().to_bytes();
            bytes[offset..offset + new.len()].copy_from_slice(new);
            Superblock::parse(&bytes).unwrap_err()
        };
        assert!(matches!(with(0, b"V"), SuperblockError::Signature));
        assert!(matches!(with(8, &[2]), SuperblockError::Version { version: 2 }));
        assert!(matches!(with(12, &[2]), SuperblockError::HashType { hash_type: 2 }));
        assert!(matches!(with(32, b"sha384"), SuperblockError::Algorithm));
        assert!(matches!(with(63, &[1]), SuperblockError::Algorithm));
        assert!(matches!(with(65, &[3]), SuperblockError::BlockSize { bytes: 768 }));
        assert!(matches!(with(68, &[0; 4]), SuperblockError::BlockSize { bytes: 0 }));
        assert!(matches!(with(72, &[0; 8]), SuperblockError::DataBlocks { data_blocks: 0 }));
        assert!(matches!(with(72, &[0xff; 8]), SuperblockError::DataBlocks { data_blocks: u64::MAX }));
        assert!(matches!(with(80, &[1, 1]), SuperblockError::SaltSize { salt_size: 257 }));
        assert!(matches!(with(80, &[2]), SuperblockError::Padding));
        assert!(matches!(with(82, &[1]), SuperblockError::Padding));
        assert!(matches!(with(511, &[1]), SuperblockError::Padding));
    }

    #[test]
    fn too_short_a_device() {
        assert!(matches!(Superblock::read(&vec![0; 511]), Err(SuperblockError::Length { len: 511 })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_and_what_is_parsed_is_written_back_the_same(
            noise in prop::collection::vec((0_usize..512, any::<u8>()), 0..4),
        ) {
            let mut bytes = superblock().to_bytes();
            for (offset, byte) in noise {
                bytes[offset] = byte;
            }
            if let Ok(parsed) = Superblock::parse(&bytes) {
                prop_assert_eq!(parsed.to_bytes(), bytes);
            }
        }
    }
}
