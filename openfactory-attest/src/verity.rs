//! dm-verity: the hash tree over an image, bit for bit what `veritysetup` writes, and what is wrong with one.
//!
//! Hash type 1 with SHA-256. The tree is on a device (a file) of its own and begins with a superblock. The
//! superblock is a convenience, nothing in it is authenticated: what can be believed is a [`Tree`], the root hash
//! together with *every* parameter, from a signed document.
//!
//! Source: the kernel's `Documentation/admin-guide/device-mapper/verity.rst`, and cryptsetup's on-disk
//! specification of the superblock.

mod format;
mod params;
mod stripe;
mod superblock;
mod table;
mod tree;
mod verify;

pub use format::{FormatError, format, root_hash};
pub use params::{BlockSize, Params, ParamsError, Salt, Uuid};
pub use superblock::{Superblock, SuperblockError};
pub use table::{Table, TableError};
pub use tree::{RootHash, Tree, TreeError};
pub use verify::{Device, Fault, Finding, Place, VerifyError, VerifyReport, verify};
