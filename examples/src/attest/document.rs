//! `attest document`: every hash of a build under one signature, and the chain checked link by link.

use clap::Subcommand;

use super::CliError;
use crate::cli::Verdict;

mod at_log;
mod require;
mod sign;
mod verify;

/// `attest document ...`
#[derive(Debug, Subcommand)]
pub(crate) enum DocumentCommand {
    /// Measure a build and sign its verification document
    ///
    /// The image's dm-verity tree and its per-file manifest are computed here. Without --hash-file salt and UUID are
    /// derived from the image, so that the same image always has the same root hash; the document holds both, and
    /// `attest verity format` makes the hash device from them.
    #[command(after_help = "Example:
  attest document sign --image rootfs.squashfs --recipe recipe.json --build-log build.log \\
      --intent intent.json --key platform.key -o verification.json")]
    Sign(Box<sign::Sign>),
    /// Check a verification document, and all artifacts that are at hand, link by link
    ///
    /// What is not given is not checked, and said so; what must not be left out is named with --require. What a revoked
    /// key signed is refused, unless --at-log shows that the audit log held it before the key was in other hands.
    #[command(after_help = "Example:
  attest document verify verification.json --trust platform.key.pub --image rootfs.squashfs \\
      --recipe recipe.json --intent intent.json --build-log build.log --require all

Exit status: 0 no link is broken, 1 a link is broken (each is told), 2 could not check, or a required link was not
checked.")]
    Verify(Box<verify::Verify>),
}

impl DocumentCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Sign(sign) => sign.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}
