//! The device-mapper table line that activates a tree in the kernel.

use std::fmt;

use super::tree::Tree;

/// A device-mapper table line of the `verity` target, for `dmsetup create NAME --readonly --table LINE`.
///
/// ```
/// use openfactory_attest::verity::{Params, Table, Tree};
///
/// let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?);
/// let root = "ef29c902d87350f1da4bfa536e16cebc162a909bf89abe448b81ec500d4fb9bf".parse()?;
/// let tree = Tree::new(params, 2048, root)?;
/// assert_eq!(
///     Table::new(&tree, "/dev/vda", "/dev/vdb")?.to_string(),
///     format!("0 16384 verity 1 /dev/vda /dev/vdb 4096 4096 2048 1 sha256 {root} -"),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    tree: Tree,
    data_device: String,
    hash_device: String,
}

impl Table {
    /// The line for these two devices: paths, or `major:minor`.
    ///
    /// # Errors
    /// [`TableError`] if a device's name has characters that would break the line.
    pub fn new(tree: &Tree, data_device: &str, hash_device: &str) -> Result<Self, TableError> {
        for device in [data_device, hash_device] {
            let unfit = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
            if device.is_empty() || device.contains(unfit) {
                return Err(TableError::Device { device: device.to_owned() });
            }
        }
        Ok(Self {
            tree: tree.clone(),
            data_device: data_device.to_owned(),
            hash_device: hash_device.to_owned(),
        })
    }
}

/// Device-mapper counts in sectors of 512 bytes.
const SECTOR: u64 = 512;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tree, params) = (&self.tree, self.tree.params());
        write!(
            f,
            "0 {sectors} verity 1 {data_device} {hash_device} {data_size} {hash_size} {blocks} {start} sha256 {root} {salt}",
            sectors = tree.data_size() / SECTOR,
            data_device = self.data_device,
            hash_device = self.hash_device,
            data_size = params.data_block_size().get(),
            hash_size = params.hash_block_size().get(),
            blocks = tree.data_blocks(),
            start = tree.hash_start_block(),
            root = tree.root_hash(),
            salt = params.salt(),
        )
    }
}

/// Why there is no table line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A name that is empty or has white space, control characters or a backslash: device-mapper would split or
    /// unquote it.
    #[error("device name {device:?} can't stand in a device-mapper table")]
    Device {
        /// The name.
        device: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verity::{Params, Uuid};

    #[test]
    fn names_that_would_break_the_line_are_refused() {
        let root = "00".repeat(32).parse().unwrap();
        let tree = Tree::new(Params::new(Uuid::from_bytes([0; 16])), 1, root).unwrap();
        for device in ["", "a b", "a\tb", "a\nb", "a\\b"] {
            let error = TableError::Device { device: device.to_owned() };
            assert_eq!(Table::new(&tree, device, "x"), Err(error.clone()));
            assert_eq!(Table::new(&tree, "x", device), Err(error));
        }
    }
}
