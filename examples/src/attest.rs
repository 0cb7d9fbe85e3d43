//! `attest`: build evidence, made and checked offline. No network.

mod error;
mod manifest;
mod output;
mod verity;

pub use error::CliError;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::{self, Verdict};

/// Make and check build evidence, offline.
///
/// Exit status: 0 checked and good (or done), 1 checked and bad, 2 could not check.
/// Results go to stdout, diagnostics and progress to stderr.
#[derive(Debug, Parser)]
#[command(name = "attest", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    area: Area,
}

/// One variant for each area, alphabetically; what it does is in the module of that name.
#[derive(Debug, Subcommand)]
enum Area {
    /// What every file of a directory or a squashfs image is, and whether it still is
    #[command(subcommand)]
    Manifest(manifest::ManifestCommand),
    /// dm-verity: hash trees over images, their root hash, and every bad block
    #[command(subcommand)]
    Verity(verity::VerityCommand),
}

impl Area {
    fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Manifest(command) => command.run(),
            Self::Verity(command) => command.run(),
        }
    }
}

/// Parses this process's arguments, does what they say and gives the exit status.
#[must_use]
pub fn main() -> ExitCode {
    cli::finish(Cli::parse().area.run())
}
