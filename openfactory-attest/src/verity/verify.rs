//! Checks data against a root hash and names every block that is wrong.
//!
//! The tree is walked from the root down, each block is compared with a digest that was itself proved, and is
//! used from memory once it was: nothing is read twice, so nothing can change in between. What hangs from a bad
//! hash block is not compared with anything; it is reported as unproven.

use std::io;

use super::tree::Tree;
use crate::read_at::ReadAt;
use crate::work::Work;

mod check;
mod report;
mod walk;

pub use report::{Fault, Finding, Place, VerifyReport};

/// Compares data and hash tree with the root hash and all parameters in `tree`.
///
/// Whether the data is longer than the tree covers is not looked at, as the kernel would not either; the
/// superblock is not read.
///
/// ```
/// use openfactory_attest::verity::{self, Params};
/// use openfactory_attest::Work;
///
/// let (mut image, mut hash_device) = (vec![7; 1024 * 1024], std::io::Cursor::new(Vec::new()));
/// let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?);
/// let work = Work::on_all_cores();
/// let tree = verity::format(&image, None, &mut hash_device, &params, &work)?;
/// let hash_device = hash_device.into_inner();
///
/// assert!(verity::verify(&image, &hash_device, &tree, &work)?.is_intact());
///
/// image[5 * 4096 + 1] ^= 1;
/// let report = verity::verify(&image, &hash_device, &tree, &work)?;
/// assert_eq!(report.findings()[0].to_string(), "data block 5 does not match its hash");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`VerifyError`]: it could not be checked. That it was checked and is bad stands in the report.
pub fn verify(
    data: &dyn ReadAt,
    hash: &dyn ReadAt,
    tree: &Tree,
    work: &Work<'_>,
) -> Result<VerifyReport, VerifyError> {
    walk::verify(data, hash, tree, work)
}

/// Which of the two devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The one with the data.
    Data,
    /// The one with the tree.
    Hash,
}

/// Why it could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A device could not be read.
    #[error("cannot read the {} device at byte {offset}", match device { Device::Data => "data", Device::Hash => "hash" })]
    Read {
        /// Which one.
        device: Device,
        /// Where the piece that could not be read begins.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}
