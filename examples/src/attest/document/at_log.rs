//! Proof from an audit log for what a key signed that was revoked later.

use std::path::PathBuf;

use clap::Args;
use openfactory_attest::TrustStore;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::ledger::{FindHeldError, ReadUsesError, find_held};

use crate::attest::audit::{trusted_log, verifier_key};
use crate::attest::{CliError, cli};

/// Which log may vouch for what a revoked key signed.
#[derive(Debug, Args)]
pub(super) struct AtLog {
    /// Accept what a revoked key signed if the audit log in this directory is proved to have held it before
    #[arg(long, value_name = "DIR")]
    at_log: Option<PathBuf>,
    /// That log's verifier key, or a file with it, or a PEM public key file; if not given, the key of kind audit-log in
    /// the trust store that is called as the log's origin
    #[arg(long, value_name = "VKEY", requires = "at_log")]
    log_vkey: Option<String>,
}

/// What came of the search.
pub(super) enum Searched {
    /// The trust store, with all proofs that were found.
    Trust(TrustStore),
    /// The log is not as it was written; why was told.
    BadLog,
}

impl AtLog {
    /// Searches the log, if one was given, for these payloads.
    pub(super) fn prove(&self, trust: TrustStore, signed: &[Sha256Digest]) -> Result<Searched, CliError> {
        let Some(directory) = &self.at_log else { return Ok(Searched::Trust(trust)) };
        let key = match &self.log_vkey {
            Some(key) => verifier_key(key, directory)?,
            None => trusted_log(&trust, directory)?,
        };
        match find_held(directory, &key, signed) {
            Ok(held) => Ok(Searched::Trust(trust.holding(held))),
            Err(error @ FindHeldError::Read(ReadUsesError::Bad { .. })) => {
                cli::tell(&error);
                Ok(Searched::BadLog)
            }
            Err(error) => Err(CliError::file("search the log in", directory, error)),
        }
    }
}
