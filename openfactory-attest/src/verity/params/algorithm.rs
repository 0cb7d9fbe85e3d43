//! Hash algorithms and hash types.

use std::fmt;
use std::str::FromStr;

use super::ParamsError;

/// What blocks are hashed with. As text the kernel's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-1, 20 bytes: only to check old images; collisions are known.
    Sha1,
    /// SHA-256, 32 bytes: the default everywhere.
    #[default]
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The longest digest, in bytes.
    pub(in crate::verity) const MAX_DIGEST_LEN: usize = 64;

    /// Bytes in a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The kernel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(ParamsError::Algorithm)
    }
}

/// Where the salt is hashed, and how digests are packed. As text, and on the disk, its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashType {
    /// 0, ChromeOS's first: the salt follows the block, digests are packed without gaps.
    ChromeOs,
    /// 1: the salt precedes the block, each digest has room for the next power of two of bytes.
    #[default]
    Normal,
}

impl HashType {
    /// Its number in superblocks and table lines.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::ChromeOs => 0,
            Self::Normal => 1,
        }
    }

    /// The hash type of this number.
    ///
    /// # Errors
    /// [`ParamsError::HashType`] if there is none.
    pub const fn from_number(number: u32) -> Result<Self, ParamsError> {
        match number {
            0 => Ok(Self::ChromeOs),
            1 => Ok(Self::Normal),
            number => Err(ParamsError::HashType { number }),
        }
    }
}

impl fmt::Display for HashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert!(algorithm.digest_len() <= Algorithm::MAX_DIGEST_LEN);
        }
        for bad in ["", "SHA256", "sha-256", "md5"] {
            assert_eq!(bad.parse::<Algorithm>(), Err(ParamsError::Algorithm));
        }
        for hash_type in [HashType::ChromeOs, HashType::Normal] {
            assert_eq!(HashType::from_number(hash_type.number()), Ok(hash_type));
        }
        assert_eq!(HashType::from_number(2), Err(ParamsError::HashType { number: 2 }));
    }
}
