//! Proves what was built, and whether it is still that. No network, no async runtime.

pub mod digest;
pub mod verity;

mod work;

pub use digest::Sha256Digest;
pub use work::Work;
