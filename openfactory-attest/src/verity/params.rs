//! What a hash tree is made with: block sizes, salt, UUID.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// A data or hash block size: a power of two from 512 to 524,288 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockSize(u32);

impl BlockSize {
    /// 4,096 bytes: the default everywhere, and the largest that a kernel with 4 KiB pages can activate.
    pub const DEFAULT: Self = Self(4096);
    /// 512 bytes.
    pub const MIN: Self = Self(512);
    /// 524,288 bytes.
    pub const MAX: Self = Self(524_288);

    /// A block size in bytes.
    ///
    /// # Errors
    /// [`ParamsError::BlockSize`] if it is not a power of two in range.
    pub const fn new(bytes: u32) -> Result<Self, ParamsError> {
        if bytes.is_power_of_two() && bytes >= Self::MIN.0 && bytes <= Self::MAX.0 {
            Ok(Self(bytes))
        } else {
            Err(ParamsError::BlockSize { bytes })
        }
    }

    /// In bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(super) const fn bytes(self) -> usize {
        self.0 as usize
    }

    pub(super) const fn non_zero(self) -> NonZeroUsize {
        match NonZeroUsize::new(self.bytes()) {
            Some(bytes) => bytes,
            // No value of this type is zero.
            None => NonZeroUsize::MIN,
        }
    }
}

impl Default for BlockSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What is hashed before each block: 0 to 256 bytes. As text lower-case hex, `-` for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Salt(Vec<u8>);

impl Salt {
    /// The longest salt, in bytes.
    pub const MAX_LEN: usize = 256;

    /// These bytes as salt.
    ///
    /// # Errors
    /// [`ParamsError::SaltLength`] if there are more than 256.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ParamsError> {
        let bytes = bytes.into();
        if bytes.len() > Self::MAX_LEN {
            return Err(ParamsError::SaltLength { len: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// No salt.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        f.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for Salt {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        if text == "-" {
            return Ok(Self::none());
        }
        if text.is_empty() {
            return Err(ParamsError::SaltText);
        }
        if text.len() > Self::MAX_LEN * 2 {
            return Err(ParamsError::SaltLength { len: text.len().div_ceil(2) });
        }
        hex::decode(text).map(Self).map_err(|_not_hex| ParamsError::SaltText)
    }
}

/// The UUID in a superblock. It names the hash device and has no part in any hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// These bytes, in the order of their text.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A version 4 UUID of 16 random bytes: six bits of them are replaced (RFC 9562, section 5.4).
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(*uuid::Builder::from_random_bytes(bytes).as_uuid().as_bytes())
    }

    /// The bytes, in the order of their text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(uuid::Uuid::from_bytes(self.0).as_hyphenated(), f)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        // Only the hyphenated form, as in the superblock's tools: 36 characters.
        let uuid = uuid::Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
        uuid.map(|uuid| Self(uuid.into_bytes())).ok_or(ParamsError::Uuid)
    }
}

/// The parameters of a hash tree of type 1 with SHA-256.
///
/// ```
/// use openfactory_attest::verity::{BlockSize, Params, Salt, Uuid};
///
/// let uuid: Uuid = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?;
/// let params = Params::new(uuid).with_salt("dadada".parse()?).with_hash_block_size(BlockSize::new(1024)?);
/// assert_eq!(params.data_block_size().get(), 4096);
/// assert_eq!(params.salt().to_string(), "dadada");
/// # Ok::<(), openfactory_attest::verity::ParamsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    data_block_size: BlockSize,
    hash_block_size: BlockSize,
    salt: Salt,
    uuid: Uuid,
}

impl Params {
    /// Blocks of 4,096 bytes and no salt.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self {
            data_block_size: BlockSize::DEFAULT,
            hash_block_size: BlockSize::DEFAULT,
            salt: Salt::none(),
            uuid,
        }
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

    /// What is hashed before each block.
    #[must_use]
    pub const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The hash device's name.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }
}

/// Why something is not a parameter of a hash tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// Not a power of two from 512 to 524,288.
    #[error("block size {bytes} is not a power of two from 512 to 524288")]
    BlockSize {
        /// The size that was asked for.
        bytes: u32,
    },
    /// More than 256 bytes of salt.
    #[error("a salt has at most 256 bytes, this has {len}")]
    SaltLength {
        /// Bytes in the salt.
        len: usize,
    },
    /// Neither hex nor `-`.
    #[error("a salt is pairs of hex digits, or `-` for none")]
    SaltText,
    /// Not a hyphenated UUID.
    #[error("a uuid has the form 01234567-89ab-cdef-0123-456789abcdef")]
    Uuid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_are_powers_of_two_in_range() {
        let good: Vec<u32> = (0..=1 << 20).filter(|&bytes| BlockSize::new(bytes).is_ok()).collect();
        assert_eq!(good, [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131_072, 262_144, 524_288]);
    }

    #[test]
    fn salt_as_text() {
        for text in ["-", "00", "dadada"] {
            assert_eq!(text.parse::<Salt>().unwrap().to_string(), text);
        }
        assert_eq!("-".parse(), Ok(Salt::none()));
        for (text, error) in [
            ("", ParamsError::SaltText),
            ("0", ParamsError::SaltText),
            ("xy", ParamsError::SaltText),
            (&"00".repeat(257), ParamsError::SaltLength { len: 257 }),
        ] {
            assert_eq!(text.parse::<Salt>(), Err(error));
        }
        assert!("ff".repeat(256).parse::<Salt>().is_ok());
    }

    #[test]
    fn uuid_as_text() {
        let text = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";
        assert_eq!(text.parse::<Uuid>().unwrap().to_string(), text);
        for bad in ["", "a60c98d2ae9b4865bfcbb4e3ace11033", "{a60c98d2-ae9b-4865-bfcb-b4e3ace11033}"] {
            assert_eq!(bad.parse::<Uuid>(), Err(ParamsError::Uuid));
        }
        assert_eq!(Uuid::from_random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
