//! `attest fsverity`: digests as the kernel's fs-verity has them.

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use openfactory_attest::fsverity::{Algorithm, FsVerity};

use super::{CliError, output};
use crate::cli::Verdict;

/// `attest fsverity ...`
#[derive(Debug, Subcommand)]
pub(crate) enum FsVerityCommand {
    /// Print the fs-verity digest of each file, in the lines of `fsverity digest`
    #[command(after_help = "Example:
  attest fsverity digest /usr/bin/* | sort > digests")]
    Digest(DigestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DigestArgs {
    /// Regular files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Hash algorithm
    #[arg(long, value_name = "NAME", default_value = "sha256")]
    hash_alg: Hash,
    /// Bytes in a block: a power of two that holds two digests, up to 1048576
    #[arg(long, value_name = "N", default_value = "4096")]
    block_size: usize,
    /// Up to 32 bytes that are hashed before each block
    #[arg(long, value_name = "HEX")]
    salt: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    Sha256,
    Sha512,
}

impl FsVerityCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Digest(digest) => digest.run(),
        }
    }
}

impl DigestArgs {
    fn run(self) -> Result<Verdict, CliError> {
        let salt = hex::decode(self.salt.as_deref().unwrap_or_default())
            .map_err(|_not_hex| CliError::new("a salt is pairs of hex digits"))?;
        let algorithm = match self.hash_alg {
            Hash::Sha256 => Algorithm::Sha256,
            Hash::Sha512 => Algorithm::Sha512,
        };
        let parameters = FsVerity::with(algorithm, self.block_size, &salt)
            .map_err(|error| CliError::because("there is no such digest", error))?;
        for path in &self.files {
            let cannot_read = |error| CliError::file("read", path, error);
            let file = File::open(path).map_err(cannot_read)?;
            let digest = parameters.digest(file).map_err(cannot_read)?;
            let mut line = format!("{digest} ").into_bytes();
            line.extend(path.as_os_str().as_bytes());
            line.push(b'\n');
            output::write(&line)?;
        }
        Ok(Verdict::Good)
    }
}
