//! `attest bundle`: puts all evidence of a build into one directory.

use std::path::PathBuf;

use clap::Subcommand;
use openfactory_attest::chain::ChainVerdict;

use super::audit::{trusted_log, verifier_key};
use super::manifest::Threads;
use super::verify_bundle::{text, verdict};
use super::{CliError, input, output};
use crate::cli::{self, Verdict};

mod build;
mod make;

pub(crate) use make::{NotMade, Sources, make};

/// `attest bundle ...`
#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Make the evidence bundle of a build
    ///
    /// The build's directory holds verification.json, intent.json and recipe.json, and what these name: image, build log,
    /// request, test report, inventories. Those are found by their digests, whatever they are called. Hash device and
    /// manifest are made anew; that the log held intent and document is proved by its newest checkpoint. What would not
    /// verify is not written.
    #[command(after_help = "Example:
  attest bundle create --build press-7 --trust trust.json --audit /var/lib/openfactory/audit -o press-7.evidence
  attest verify-bundle press-7.evidence

Exit status: 0 made, 1 the evidence is bad and nothing was made, 2 could not be made.")]
    Create(Create),
}

/// What goes into the bundle.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The build's directory
    #[arg(long, value_name = "DIR")]
    build: PathBuf,
    /// Whose signatures count; BUILD/trust.json if not given
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// The audit log that holds intent and document; BUILD/audit if not given
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// That log's verifier key, or a file with it, or a PEM public key file; if not given, the key of kind audit-log in
    /// the trust store that is called as the log's origin
    #[arg(long, value_name = "VKEY")]
    log_vkey: Option<String>,
    /// The bundle's directory, which must not be there yet
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    threads: Threads,
}

impl BundleCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Create(create) = self;
        create.run()
    }
}

impl Create {
    fn run(self) -> Result<Verdict, CliError> {
        let trust = input::trust(&self.trust.unwrap_or_else(|| self.build.join("trust.json")))?;
        let audit = self.audit.unwrap_or_else(|| self.build.join("audit"));
        let log = match &self.log_vkey {
            Some(key) => verifier_key(key, &audit)?,
            None => trusted_log(&trust, &audit)?,
        };
        let sources = Sources { build: &self.build, trust: &trust, audit: &audit, log: &log };
        let report = match make(&sources, &self.output, &self.threads.work()) {
            Ok(report) => report,
            Err(NotMade::Failed(error)) => return Err(error),
            Err(NotMade::Bad(error)) => {
                cli::tell(&error);
                return Ok(Verdict::Bad);
            }
        };
        output::text(&text(&report))?;
        match report.verdict {
            ChainVerdict::Incomplete => verdict(&report)
                .map_err(|error| CliError::because(format!("{} was not made", self.output.display()), error)),
            _ => verdict(&report),
        }
    }
}
