//! Proves what was built, and whether it is still that. No network, no async runtime.

pub mod audit;
pub mod canonical;
pub mod chain;
pub mod digest;
pub mod document;
pub mod drift;
pub mod intent;
pub mod manifest;
pub mod verity;

pub mod envelope;
mod instant;
pub mod key;
mod read_at;
pub mod recipe;
pub mod report;
#[cfg(feature = "squashfs")]
pub mod squashfs;
pub mod statement;
pub mod trust;
mod work;

pub use digest::Sha256Digest;
pub use envelope::{Envelope, Verified};
pub use key::{Ed25519Key, KeyId, KeyKind, PublicKey, Signer};
pub use manifest::Manifest;
pub use read_at::ReadAt;
pub use recipe::BuildRecipe;
pub use trust::{TrustStore, TrustedKey};
pub use work::Work;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
