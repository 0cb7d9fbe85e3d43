//! The device-mapper table line that activates a tree in the kernel.
//!
//! Source: the kernel's `Documentation/admin-guide/device-mapper/verity.rst`.

use std::fmt;

use super::fec::FecArea;
use super::tree::Tree;

/// What the kernel does when a block does not match, or can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// Log it and hand the data out all the same.
    Ignore,
    /// Panic.
    Panic,
    /// Restart the machine.
    Restart,
}

/// A device-mapper table line of the `verity` target, for `dmsetup create NAME --readonly --table LINE`.
///
/// Without options the kernel answers a read of a bad block with an I/O error.
///
/// ```
/// use openfactory_attest::verity::{OnFailure, Params, Table, Tree};
///
/// let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?);
/// let root = "ef29c902d87350f1da4bfa536e16cebc162a909bf89abe448b81ec500d4fb9bf".parse()?;
/// let tree = Tree::new(params, 2048, root)?;
/// let table = Table::new(&tree, "/dev/vda", "/dev/vdb")?;
/// assert_eq!(
///     table.to_string(),
///     format!("0 16384 verity 1 /dev/vda /dev/vdb 4096 4096 2048 1 sha256 {root} -"),
/// );
/// assert_eq!(
///     table.on_corruption(OnFailure::Restart).check_at_most_once().to_string(),
///     format!(
///         "0 16384 verity 1 /dev/vda /dev/vdb 4096 4096 2048 1 sha256 {root} - \
///          2 restart_on_corruption check_at_most_once"
///     ),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    tree: Tree,
    data_device: String,
    hash_device: String,
    on_corruption: Option<OnFailure>,
    on_error: Option<OnFailure>,
    ignore_zero_blocks: bool,
    check_at_most_once: bool,
    parity: Option<Parity>,
    signature_key: Option<String>,
}

/// Where the kernel finds parity, in blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parity {
    device: String,
    roots: u8,
    covered_blocks: u64,
    start: u64,
}

impl Table {
    /// The line for these two devices: paths, or `major:minor`.
    ///
    /// # Errors
    /// [`TableError::Device`] if a device's name has characters that would break the line.
    pub fn new(tree: &Tree, data_device: &str, hash_device: &str) -> Result<Self, TableError> {
        Ok(Self {
            tree: tree.clone(),
            data_device: word(data_device)?,
            hash_device: word(hash_device)?,
            on_corruption: None,
            on_error: None,
            ignore_zero_blocks: false,
            check_at_most_once: false,
            parity: None,
            signature_key: None,
        })
    }

    /// What the kernel does when a block does not match: `ignore_corruption`, `panic_on_corruption` or
    /// `restart_on_corruption`.
    #[must_use]
    pub fn on_corruption(self, action: OnFailure) -> Self {
        Self { on_corruption: Some(action), ..self }
    }

    /// What the kernel does when a device can't be read: `panic_on_error` or `restart_on_error` (Linux 6.11).
    ///
    /// # Errors
    /// [`TableError::IgnoreError`] for [`OnFailure::Ignore`]: there would be nothing to hand out.
    pub fn on_error(self, action: OnFailure) -> Result<Self, TableError> {
        match action {
            OnFailure::Ignore => Err(TableError::IgnoreError),
            action => Ok(Self { on_error: Some(action), ..self }),
        }
    }

    /// Blocks whose hash is that of zeros are not read: zeros are handed out.
    #[must_use]
    pub fn ignore_zero_blocks(self) -> Self {
        Self { ignore_zero_blocks: true, ..self }
    }

    /// Each data block is checked the first time it is read only, which does not find what is changed later.
    #[must_use]
    pub fn check_at_most_once(self) -> Self {
        Self { check_at_most_once: true, ..self }
    }

    /// The kernel repairs damaged blocks by the parity on this device: `use_fec_from_device`. `covered_blocks` are what
    /// [`FecArea::covered_blocks`] says.
    ///
    /// # Errors
    /// [`TableError::Device`] if the device's name has characters that would break the line.
    pub fn repaired_by(self, device: &str, area: &FecArea, covered_blocks: u64) -> Result<Self, TableError> {
        let start = area.offset() / u64::from(self.tree.params().data_block_size().get());
        let parity = Parity { device: word(device)?, roots: area.roots().get(), covered_blocks, start };
        Ok(Self { parity: Some(parity), ..self })
    }

    /// The kernel demands that the root hash is signed: this key in the caller's keyring, of type `user`, holds the
    /// PKCS#7 signature.
    ///
    /// # Errors
    /// [`TableError::Device`] if the description has characters that would break the line.
    pub fn signed_by(self, key_description: &str) -> Result<Self, TableError> {
        Ok(Self { signature_key: Some(word(key_description)?), ..self })
    }

    fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |option: &str| options.push(option.to_owned());
        match self.on_corruption {
            Some(OnFailure::Ignore) => add("ignore_corruption"),
            Some(OnFailure::Panic) => add("panic_on_corruption"),
            Some(OnFailure::Restart) => add("restart_on_corruption"),
            None => {}
        }
        match self.on_error {
            Some(OnFailure::Panic) => add("panic_on_error"),
            Some(OnFailure::Restart) => add("restart_on_error"),
            Some(OnFailure::Ignore) | None => {}
        }
        if self.ignore_zero_blocks {
            add("ignore_zero_blocks");
        }
        if self.check_at_most_once {
            add("check_at_most_once");
        }
        if let Some(Parity { device, roots, covered_blocks, start }) = &self.parity {
            add("use_fec_from_device");
            add(device);
            for (name, value) in
                [("fec_roots", u64::from(*roots)), ("fec_blocks", *covered_blocks), ("fec_start", *start)]
            {
                add(name);
                add(&value.to_string());
            }
        }
        if let Some(key) = &self.signature_key {
            add("root_hash_sig_key_desc");
            add(key);
        }
        options
    }
}

/// A word of a table line.
fn word(text: &str) -> Result<String, TableError> {
    let unfit = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.is_empty() || text.contains(unfit) {
        return Err(TableError::Device { device: text.to_owned() });
    }
    Ok(text.to_owned())
}

/// Device-mapper counts in sectors of 512 bytes.
const SECTOR: u64 = 512;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tree, params) = (&self.tree, self.tree.params());
        write!(
            f,
            "0 {sectors} verity {hash_type} {data_device} {hash_device} {data_size} {hash_size} {blocks} {start} \
             {algorithm} {root} {salt}",
            sectors = tree.data_size() / SECTOR,
            hash_type = params.hash_type(),
            data_device = self.data_device,
            hash_device = self.hash_device,
            data_size = params.data_block_size().get(),
            hash_size = params.hash_block_size().get(),
            blocks = tree.data_blocks(),
            start = tree.hash_start_block(),
            algorithm = params.algorithm(),
            root = tree.root_hash(),
            salt = params.salt(),
        )?;
        let options = self.options();
        if options.is_empty() {
            return Ok(());
        }
        write!(f, " {} {}", options.len(), options.join(" "))
    }
}

/// Why there is no table line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A name that is empty or has white space, control characters or a backslash: device-mapper would split or
    /// unquote it.
    #[error("{device:?} can't stand in a device-mapper table")]
    Device {
        /// The name.
        device: String,
    },
    /// What could not be read can't be ignored.
    #[error("read errors can't be ignored")]
    IgnoreError,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verity::fec::FecRoots;
    use crate::verity::{Algorithm, HashType, Params, Uuid};

    fn tree(params: Params) -> Tree {
        let root = "00".repeat(params.algorithm().digest_len()).parse().unwrap();
        Tree::new(params, 8, root).unwrap()
    }

    fn params() -> Params {
        Params::new(Uuid::from_bytes([0; 16]))
    }

    #[test]
    fn names_that_would_break_the_line_are_refused() {
        let tree = tree(params());
        for device in ["", "a b", "a\tb", "a\nb", "a\\b"] {
            let error = TableError::Device { device: device.to_owned() };
            assert_eq!(Table::new(&tree, device, "x"), Err(error.clone()));
            assert_eq!(Table::new(&tree, "x", device), Err(error.clone()));
            assert_eq!(Table::new(&tree, "x", "y").unwrap().signed_by(device), Err(error.clone()));
            let table = Table::new(&tree, "x", "y").unwrap();
            assert_eq!(table.repaired_by(device, &FecArea::default(), 9), Err(error));
        }
    }

    #[test]
    fn every_parameter_and_every_option() {
        let params = params()
            .with_hash_type(HashType::ChromeOs)
            .with_algorithm(Algorithm::Sha1)
            .with_salt("dada".parse().unwrap())
            .with_hash_offset(8 * 4096)
            .without_superblock();
        let table = Table::new(&tree(params), "253:0", "253:0").unwrap();
        let line = format!("0 64 verity 0 253:0 253:0 4096 4096 8 8 sha1 {} dada", "0".repeat(40));
        assert_eq!(table.to_string(), line);
        let all = table.clone().on_corruption(OnFailure::Panic).on_error(OnFailure::Restart).unwrap();
        let all = all.ignore_zero_blocks().check_at_most_once().signed_by("verity:root").unwrap();
        let area = FecArea::at(FecRoots::new(4).unwrap(), 3 * 4096);
        let all = all.repaired_by("/dev/c", &area, 9).unwrap();
        let options = "14 panic_on_corruption restart_on_error ignore_zero_blocks check_at_most_once \
                       use_fec_from_device /dev/c fec_roots 4 fec_blocks 9 fec_start 3 root_hash_sig_key_desc verity:root";
        assert_eq!(all.to_string(), format!("{line} {options}"));
        let ignoring = table.clone().on_corruption(OnFailure::Ignore).to_string();
        assert_eq!(ignoring, format!("{line} 1 ignore_corruption"));
        assert_eq!(table.on_error(OnFailure::Ignore), Err(TableError::IgnoreError));
    }
}
