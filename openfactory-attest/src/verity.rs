//! dm-verity: the hash tree over an image, bit for bit what `veritysetup` writes, and what is wrong with one.
//!
//! Hash types 1 and 0; SHA-256, SHA-512 and, to check old images, SHA-1; on a device (a file) of its own or behind the
//! data, with or without superblock. The superblock is a convenience, nothing in it is authenticated: what can be
//! believed is a [`Tree`], the root hash together with *every* parameter, from a signed document. With the feature `pkcs7`,
//! `signature` signs root hashes so that the kernel checks them itself.
//!
//! Source: the kernel's `Documentation/admin-guide/device-mapper/verity.rst`, and cryptsetup's on-disk
//! specification of the superblock.

mod builder;
pub mod fec;
mod format;
pub(crate) mod hasher;
mod params;
mod partition;
mod root_hash;
mod shape;
#[cfg(feature = "pkcs7")]
pub mod signature;
mod stripe;
mod superblock;
mod table;
mod tree;
mod verify;
mod writer;

pub use format::{FormatError, format, root_hash};
pub use params::{Algorithm, BlockSize, HashType, Params, ParamsError, Salt, Uuid};
pub use partition::PartitionUuids;
pub use root_hash::{RootHash, RootHashError};
pub use superblock::{Superblock, SuperblockError};
pub use table::{OnFailure, Table, TableError};
pub use tree::{Tree, TreeError};
pub use verify::{Device, Fault, Finding, Place, VerifyError, VerifyReport, verify};
pub use writer::ImageWriter;
