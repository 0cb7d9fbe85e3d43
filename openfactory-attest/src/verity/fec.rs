//! Forward error correction: parity that repairs damaged blocks, as `veritysetup` writes it and the kernel reads it.
//!
//! A Reed-Solomon code of 255 symbols, 2 to 24 of them parity, over data blocks and the hash device behind the superblock.
//! Neighbouring bytes are in different code words, so that a run of damaged blocks costs each code word little: a byte
//! and the one `rounds` blocks further on belong together. Parity proves nothing; what was repaired has to be checked
//! against the root hash.
//!
//! Source: the kernel's `Documentation/admin-guide/device-mapper/verity.rst`; cryptsetup's `veritysetup(8)`.

mod code;
mod encode;
mod field;
mod layout;
mod repair;

pub use encode::encode;
pub use layout::{FecArea, FecError, FecRoots};
pub use repair::{Patch, Repair, repair};
