//! Digests of blocks, salted as the hash type wants it.

use std::fmt;
use std::num::NonZeroUsize;

use sha2::Digest;

use super::params::{Algorithm, HashType, Params};
use crate::digest::Sha256Digest;
use crate::lanes::Lanes;

/// Hashes blocks of one tree. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hasher(Inner);

#[derive(Clone)]
enum Inner {
    Sha1(Each<sha1::Sha1>),
    Sha256(Lanes),
    Sha512(Each<sha2::Sha512>),
}

impl Hasher {
    pub(super) fn new(params: &Params) -> Self {
        let salt = params.salt().as_bytes();
        let (prefix, suffix) = match params.hash_type() {
            HashType::Normal => (salt, &[][..]),
            HashType::ChromeOs => (&[][..], salt),
        };
        Self::with_affixes(params.algorithm(), prefix, suffix)
    }

    /// With bytes before and after each block.
    pub(crate) fn with_affixes(algorithm: Algorithm, prefix: &[u8], suffix: &[u8]) -> Self {
        Self(match algorithm {
            Algorithm::Sha1 => Inner::Sha1(Each::new(prefix, suffix)),
            Algorithm::Sha256 => Inner::Sha256(Lanes::new(prefix, suffix)),
            Algorithm::Sha512 => Inner::Sha512(Each::new(prefix, suffix)),
        })
    }

    /// Cuts `blocks` into blocks and appends the digest of each to `digests`, one right after the other.
    pub(crate) fn hash_blocks(&self, blocks: &[u8], size: NonZeroUsize, digests: &mut Vec<u8>) {
        match &self.0 {
            Inner::Sha1(each) => each.hash_blocks(blocks, size, digests),
            Inner::Sha512(each) => each.hash_blocks(blocks, size, digests),
            Inner::Sha256(lanes) => {
                let mut found = Vec::new();
                lanes.hash_blocks(blocks, size, &mut found);
                digests.reserve(found.len() * Sha256Digest::LEN);
                found.iter().for_each(|digest| digests.extend_from_slice(digest.as_bytes()));
            }
        }
    }

    /// Appends the digest of a single block.
    pub(crate) fn hash(&self, block: &[u8], digests: &mut Vec<u8>) {
        match &self.0 {
            Inner::Sha1(each) => digests.extend(each.hash(block)),
            Inner::Sha512(each) => digests.extend(each.hash(block)),
            Inner::Sha256(lanes) => digests.extend(lanes.hash(block).as_bytes()),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

/// One message after the other.
#[derive(Clone)]
struct Each<D> {
    prefixed: D,
    suffix: Vec<u8>,
}

impl<D: Digest + Clone> Each<D> {
    fn new(prefix: &[u8], suffix: &[u8]) -> Self {
        Self { prefixed: D::new_with_prefix(prefix), suffix: suffix.to_vec() }
    }

    fn hash(&self, block: &[u8]) -> impl IntoIterator<Item = u8> + use<D> {
        let mut state = self.prefixed.clone();
        state.update(block);
        state.update(&self.suffix);
        state.finalize()
    }

    fn hash_blocks(&self, blocks: &[u8], size: NonZeroUsize, digests: &mut Vec<u8>) {
        blocks.chunks(size.get()).for_each(|block| digests.extend(self.hash(block)));
    }
}
