//! Where the simulator takes its random identifiers, tokens and secrets from.

use std::fmt;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// A source of random bytes.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness, by way of the thread's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A new `sys_id`: 32 lower-case hex characters.
pub(crate) fn sys_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// Puts `items` into any order.
pub(crate) fn shuffle<T>(entropy: &dyn Entropy, items: &mut [T]) {
    let mut seed = [0_u8; 32];
    entropy.fill(&mut seed);
    items.shuffle(&mut StdRng::from_seed(seed));
}

/// A token or generated secret: 43 characters of unpadded URL-safe base64 over 32 random bytes.
pub(crate) fn token(entropy: &dyn Entropy) -> String {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
