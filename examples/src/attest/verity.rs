//! `attest verity`: hash trees as `veritysetup` makes them, and what is wrong with one.

use std::fs::File;
use std::path::Path;

use clap::Subcommand;

use super::CliError;
use crate::cli::Verdict;

mod fec;
mod format;
mod key;
mod parameters;
mod repair;
mod sign;
mod table;
mod told;
mod verify;

/// `attest verity ...`
#[derive(Debug, Subcommand)]
pub(crate) enum VerityCommand {
    /// Write the hash tree of an image and print its root hash
    ///
    /// The bytes are those of `veritysetup format` with the same parameters. HASH appears complete or not at all, and a
    /// file of that name is replaced; only with --hash-offset HASH, which may be the image itself, is written into.
    Format(format::FormatArgs),
    /// Make a key that signs root hashes, and its certificate: for this one purpose
    Key(key::KeyArgs),
    /// Check an image against its hash tree and root hash, and name every bad block
    ///
    /// Parameters are read from HASH's superblock, which nothing authenticates. Those given as options must be the
    /// same: give all that a signed document holds. With --no-superblock the options alone count.
    Verify(verify::VerifyArgs),
    /// Give damaged blocks of image and hash tree their bytes back, by their parity
    Repair(repair::RepairArgs),
    /// Sign a root hash so that the kernel and systemd check it: IMAGE.roothash and IMAGE.roothash.p7s
    Sign(sign::SignArgs),
    /// Print the device-mapper table line that activates the image in the kernel
    Table(table::TableArgs),
}

impl VerityCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Format(format) => format.run(),
            Self::Key(key) => key.run(),
            Self::Verify(verify) => verify.run(),
            Self::Repair(repair) => repair.run(),
            Self::Sign(sign) => sign.run(),
            Self::Table(table) => table.run(),
        }
    }
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| CliError::file("read", path, error))
}
