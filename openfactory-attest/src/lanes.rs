//! Many SHA-256s of equal length at once.
//!
//! A processor with SHA instructions waits for each step of a hash before the next can begin; with several
//! independent messages interleaved it does not have to wait. What hash trees are made of is just that: blocks of
//! equal length, each with the same salt. The engine is chosen at run time, all engines give the same digests.
//!
//! Source: FIPS 180-4; Intel's "SHA Extensions" (2013) for the instructions.

use std::num::NonZeroUsize;

use crate::digest::Sha256Digest;

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod interleaved;
#[cfg(target_arch = "x86_64")]
mod message;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod together;
#[cfg(target_arch = "x86_64")]
mod wide;

#[cfg(target_arch = "x86_64")]
use interleaved::Interleaved;
use portable::Portable;
#[cfg(target_arch = "x86_64")]
use wide::Wide;

/// What hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// SHA instructions of x86-64, several messages interleaved.
    ShaNi,
    /// AVX-512 of x86-64, sixteen messages at a time: for processors that have no SHA instructions. Where there are both, it
    /// was measured to be 5 to 20 % slower than those.
    Avx512,
    /// The `sha2` crate, one message after the other. There is always this one.
    Portable,
}

impl Engine {
    /// All engines, the fastest first.
    pub const ALL: [Self; 3] = [Self::ShaNi, Self::Avx512, Self::Portable];

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::Avx512::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::ShaNi => sha_ni::ShaNi::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::ShaNi => false,
            Self::Portable => true,
        }
    }
}

/// Hashes blocks, each with the same bytes before it and after it.
///
/// ```
/// use openfactory_attest::Sha256Digest;
/// use openfactory_attest::lanes::Lanes;
///
/// let mut digests = Vec::new();
/// Lanes::new(b"salt", b"").hash_blocks(b"block 1|block 2|", 8.try_into()?, &mut digests);
/// assert_eq!(digests, [Sha256Digest::of(b"saltblock 1|"), Sha256Digest::of(b"saltblock 2|")]);
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lanes(Inner);

#[derive(Clone, Debug)]
enum Inner {
    #[cfg(target_arch = "x86_64")]
    Wide(Wide),
    #[cfg(target_arch = "x86_64")]
    Interleaved(Interleaved),
    Portable(Portable),
}

impl Lanes {
    /// With `prefix` before each block and `suffix` after it, on the fastest engine that there is.
    #[must_use]
    pub fn new(prefix: &[u8], suffix: &[u8]) -> Self {
        let fastest = Engine::ALL.into_iter().find_map(|engine| Self::on(engine, prefix, suffix));
        fastest.unwrap_or_else(|| Self(Inner::Portable(Portable::new(prefix, suffix))))
    }

    /// The same on a chosen engine; `None` if this processor can't run it.
    #[must_use]
    pub fn on(engine: Engine, prefix: &[u8], suffix: &[u8]) -> Option<Self> {
        match engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Avx512 => {
                let instructions = avx512::Avx512::detect()?;
                Some(Self(Inner::Wide(Wide::new(instructions, prefix, suffix))))
            }
            #[cfg(target_arch = "x86_64")]
            Engine::ShaNi => {
                let instructions = sha_ni::ShaNi::detect()?;
                Some(Self(Inner::Interleaved(Interleaved::new(instructions, prefix, suffix))))
            }
            #[cfg(not(target_arch = "x86_64"))]
            Engine::Avx512 | Engine::ShaNi => None,
            Engine::Portable => Some(Self(Inner::Portable(Portable::new(prefix, suffix)))),
        }
    }

    /// The engine that hashes.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Inner::Wide(_) => Engine::Avx512,
            #[cfg(target_arch = "x86_64")]
            Inner::Interleaved(_) => Engine::ShaNi,
            Inner::Portable(_) => Engine::Portable,
        }
    }

    /// Cuts `blocks` into blocks of that size and appends the digest of each to `digests`, in order.
    ///
    /// A last block that is shorter is hashed as it is.
    pub fn hash_blocks(&self, blocks: &[u8], block_size: NonZeroUsize, digests: &mut Vec<Sha256Digest>) {
        digests.reserve(blocks.len().div_ceil(block_size.get()));
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Inner::Wide(engine) => engine.hash_blocks(blocks, block_size, digests),
            #[cfg(target_arch = "x86_64")]
            Inner::Interleaved(engine) => engine.hash_blocks(blocks, block_size, digests),
            Inner::Portable(engine) => {
                digests.extend(blocks.chunks(block_size.get()).map(|block| engine.hash(block)));
            }
        }
    }

    /// The digest of a single block.
    #[must_use]
    pub fn hash(&self, block: &[u8]) -> Sha256Digest {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Inner::Wide(engine) => engine.hash(block),
            #[cfg(target_arch = "x86_64")]
            Inner::Interleaved(engine) => engine.hash(block),
            Inner::Portable(engine) => engine.hash(block),
        }
    }
}
