//! `attest`: build evidence, made and checked offline. No network.

mod audit;
pub(crate) mod bundle;
mod compromise;
mod document;
mod error;
mod fsverity;
mod ima;
mod input;
mod intent;
mod key;
mod manifest;
mod maturity;
mod output;
mod pki;
mod recipe;
mod sbom;
mod signing_log;
pub(crate) mod source;
mod target;
mod tests;
mod trust;
mod verify_bundle;
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
    /// Audit logs: every entry re-hashed, tree and checkpoint checked, single entries proved
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Evidence bundles: all that proves one build, in one directory
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Compromised keys: which artifacts, builds and devices they touch
    #[command(subcommand)]
    Compromise(compromise::CompromiseCommand),
    /// Verification documents: every hash of a build under one signature, the chain link by link
    #[command(subcommand)]
    Document(document::DocumentCommand),
    /// fs-verity: digests of files as the kernel measures them
    #[command(subcommand, name = "fsverity")]
    FsVerity(fsverity::FsVerityCommand),
    /// IMA's measurement lists: what a device ran and read, confirmed by its TPM
    #[command(subcommand)]
    Ima(ima::ImaCommand),
    /// Build intents: what was asked for, signed before it is built
    #[command(subcommand)]
    Intent(intent::IntentCommand),
    /// Signing keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// What every file of a directory or a squashfs image is, and whether it still is
    #[command(subcommand)]
    Manifest(manifest::ManifestCommand),
    /// How much a build's evidence proves: its level of the integrity maturity model, and what the next one takes
    ///
    /// Levels 1 (package audit) and 2 (image signing) follow from a build's evidence; those above from what devices report.
    #[command(after_help = maturity::HELP)]
    Maturity(maturity::Maturity),
    /// Revocations as X.509 certificate revocation lists and OCSP responses: made, shown, held against the trust store
    #[command(subcommand)]
    Pki(pki::PkiCommand),
    /// Build recipes and their hash
    #[command(subcommand)]
    Recipe(recipe::RecipeCommand),
    /// Package inventories of images
    #[command(subcommand)]
    Sbom(sbom::SbomCommand),
    /// Test reports: read, put together, judged by category
    #[command(subcommand)]
    Tests(tests::TestsCommand),
    /// Trust stores: whose signatures count, and whose no longer do
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// Check an evidence bundle offline: every file, every link, every signature
    ///
    /// Without --trust the bundle's own trust store says whose signatures count: that shows that the bundle is whole and
    /// agrees with itself. Whose keys they are has to be known from elsewhere; their ids are printed.
    #[command(after_help = verify_bundle::HELP)]
    VerifyBundle(verify_bundle::VerifyBundle),
    /// dm-verity: hash trees over images, their root hash, and every bad block
    #[command(subcommand)]
    Verity(verity::VerityCommand),
}

impl Area {
    fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Audit(command) => command.run(),
            Self::Bundle(command) => command.run(),
            Self::Compromise(command) => command.run(),
            Self::Document(command) => command.run(),
            Self::FsVerity(command) => command.run(),
            Self::Ima(command) => command.run(),
            Self::Intent(command) => command.run(),
            Self::Key(command) => command.run(),
            Self::Manifest(command) => command.run(),
            Self::Maturity(maturity) => maturity.run(),
            Self::Pki(command) => command.run(),
            Self::Recipe(command) => command.run(),
            Self::Sbom(command) => command.run(),
            Self::Tests(command) => command.run(),
            Self::Trust(command) => command.run(),
            Self::VerifyBundle(verify) => verify.run(),
            Self::Verity(command) => command.run(),
        }
    }
}

/// Parses this process's arguments, does what they say and gives the exit status.
#[must_use]
pub fn main() -> ExitCode {
    cli::finish(Cli::parse().area.run())
}
