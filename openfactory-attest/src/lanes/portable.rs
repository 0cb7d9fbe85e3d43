//! One message after the other, by the `sha2` crate.

use std::fmt;

use sha2::Digest as _;

use crate::digest::Sha256Digest;

#[derive(Clone)]
pub(super) struct Portable {
    prefixed: sha2::Sha256,
    suffix: Vec<u8>,
}

impl Portable {
    pub(super) fn new(prefix: &[u8], suffix: &[u8]) -> Self {
        Self { prefixed: sha2::Sha256::new_with_prefix(prefix), suffix: suffix.to_vec() }
    }

    pub(super) fn hash(&self, block: &[u8]) -> Sha256Digest {
        let mut state = self.prefixed.clone();
        state.update(block);
        state.update(&self.suffix);
        Sha256Digest::from_bytes(state.finalize().into())
    }
}

impl fmt::Debug for Portable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portable").finish_non_exhaustive()
    }
}
