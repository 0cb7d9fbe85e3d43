//! Sizes of blocks.

use std::num::NonZeroUsize;

use super::ParamsError;

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

    pub(in crate::verity) const fn bytes(self) -> usize {
        self.0 as usize
    }

    pub(in crate::verity) const fn non_zero(self) -> NonZeroUsize {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_are_powers_of_two_in_range() {
        let good: Vec<u32> = (0..=1 << 20).filter(|&bytes| BlockSize::new(bytes).is_ok()).collect();
        assert_eq!(good, [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131_072, 262_144, 524_288]);
    }
}
