//! `attest verity table`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use openfactory_attest::verity::{OnFailure, RootHash, Table};
use serde_json::json;

use super::fec::Parity;
use super::open;
use super::parameters::Parameters;
use crate::attest::{CliError, output};
use crate::cli::Verdict;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  dmsetup create rootfs --readonly --table \"$(attest verity table /dev/loop0 /dev/loop1 ROOT_HASH)\"

Nothing is checked here: the kernel checks each block when it is read.")]
pub(crate) struct TableArgs {
    /// The device with the image: the line has it as given
    data: PathBuf,
    /// The device with superblock and hash tree; its superblock is read
    hash: PathBuf,
    /// The root hash in hex, from a source that you trust
    root: RootHash,
    #[command(flatten)]
    parameters: Parameters,
    /// What the kernel does when a block does not match (by default: the read fails)
    #[arg(long, value_name = "ACTION")]
    on_corruption: Option<Corruption>,
    /// What the kernel does when a device can't be read (by default: the read fails)
    #[arg(long, value_name = "ACTION")]
    on_error: Option<ReadError>,
    /// Hand out zeros, unread, for blocks whose hash is that of zeros
    #[arg(long)]
    ignore_zero_blocks: bool,
    /// Check each data block only the first time it is read
    #[arg(long)]
    check_at_most_once: bool,
    /// The device with parity, by which the kernel repairs damaged blocks; the line has it as given
    #[arg(long, value_name = "DEVICE")]
    fec: Option<PathBuf>,
    #[command(flatten)]
    parity: Parity,
    /// The key in the kernel's keyring that holds the root hash's signature
    #[arg(long, value_name = "DESCRIPTION")]
    root_hash_signature_key: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Corruption {
    Ignore,
    Restart,
    Panic,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReadError {
    Restart,
    Panic,
}

impl TableArgs {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let (data, hash_file) = (open(&self.data)?, open(&self.hash)?);
        let (tree, disagreements) =
            self.parameters.for_tree((&self.data, &data), (&self.hash, &hash_file), self.root)?;
        if let Some(disagreement) = disagreements.first() {
            return Err(CliError::new(format!("{}: {disagreement}", self.hash.display())));
        }
        let no_table = |error| CliError::because("cannot make a table", error);
        let mut table = Table::new(&tree, name(&self.data)?, name(&self.hash)?).map_err(no_table)?;
        if let Some(action) = self.on_corruption {
            table = table.on_corruption(match action {
                Corruption::Ignore => OnFailure::Ignore,
                Corruption::Restart => OnFailure::Restart,
                Corruption::Panic => OnFailure::Panic,
            });
        }
        if let Some(action) = self.on_error {
            let action = match action {
                ReadError::Restart => OnFailure::Restart,
                ReadError::Panic => OnFailure::Panic,
            };
            table = table.on_error(action).map_err(no_table)?;
        }
        if self.ignore_zero_blocks {
            table = table.ignore_zero_blocks();
        }
        if self.check_at_most_once {
            table = table.check_at_most_once();
        }
        if let Some(fec) = &self.fec {
            let cannot_read = |error| CliError::file("read", fec, error);
            let area = self.parity.area(&open(fec)?, &hash_file).map_err(cannot_read)?;
            let blocks = area
                .covered_blocks(&tree, &hash_file)
                .map_err(|error| CliError::because("there is no such parity", error))?;
            table = table.repaired_by(name(fec)?, &area, blocks).map_err(no_table)?;
        }
        if let Some(key) = &self.root_hash_signature_key {
            table = table.signed_by(key).map_err(no_table)?;
        }
        if self.json {
            output::write_json(&json!({ "table": table.to_string() }))?;
        } else {
            output::text(&format!("{table}\n"))?;
        }
        Ok(Verdict::Good)
    }
}

fn name(path: &Path) -> Result<&str, CliError> {
    path.to_str().ok_or_else(|| CliError::new(format!("{} can't stand in a table", path.display())))
}
