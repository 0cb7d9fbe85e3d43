//! The audit log beside a signature: what was signed, when, by whom, under a key that signs nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::audit::{self, Entry, Log};
use openfactory_attest::key::KeyId;
use openfactory_attest::ledger::KeyUse;
use openfactory_attest::{Ed25519Key, Envelope, Signer as _};

use super::{CliError, input};

/// Which log to record the signature in.
#[derive(Debug, Args)]
pub(crate) struct AuditLog {
    /// Record what is signed in the audit log in this directory
    #[arg(long, value_name = "DIR", requires = "log_key")]
    audit: Option<PathBuf>,
    /// The log's private key; never the one that signs
    #[arg(long, value_name = "FILE", requires = "audit")]
    log_key: Option<PathBuf>,
    /// The origin of a log that is made; HOST/attest if not given. A log that is there keeps its own
    #[arg(long, value_name = "NAME", requires = "audit")]
    log_origin: Option<String>,
}

/// A log that is open.
pub(crate) struct OpenLog(Log);

impl AuditLog {
    /// The log's directory and its key.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.audit, &self.log_key].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Opens the log, if one was given.
    pub(crate) fn open(&self, signing: &Ed25519Key) -> Result<Option<OpenLog>, CliError> {
        let (Some(directory), Some(key)) = (&self.audit, &self.log_key) else { return Ok(None) };
        let key = input::private_key(key)?;
        if key.key_id() == signing.key_id() {
            let why = "the log's key is the signing key: a key that backdates a document could prove it too";
            return Err(CliError::new(why));
        }
        let cannot_open = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::file("open the audit log in", directory, error)
        };
        let there = audit::verify::origin(directory).map_err(|error| cannot_open(error.into()))?;
        let origin = match (there, &self.log_origin) {
            (Some(origin), _) => origin,
            (None, Some(origin)) => origin.clone(),
            (None, None) => format!("{}/attest", host_name().map_err(|error| cannot_open(error.into()))?),
        };
        let log = Log::open(directory, &origin, Arc::new(key)).map_err(|error| cannot_open(error.into()))?;
        Ok(Some(OpenLog(log)))
    }
}

impl OpenLog {
    /// Records that something was signed, durably, under a new checkpoint: who, what and why, and, for the signing ledger, each
    /// use of the key.
    pub(crate) fn record(&self, entry: &Entry, uses: &[&Envelope], key_id: &KeyId) -> Result<(), CliError> {
        let Self(log) = self;
        let cannot_record = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::because("what was signed is not recorded in the audit log, and is not written", error)
        };
        let (who, when) = (entry.who.clone(), entry.when);
        let uses = uses.iter().map(|signed| KeyUse::of_envelope(signed, *key_id, &who, when).to_entry());
        let entries: Vec<_> = std::iter::once(entry.clone()).chain(uses).collect();
        log.append(&entries).map_err(|error| cannot_record(error.into()))?;
        log.checkpoint().map_err(|error| cannot_record(error.into()))?;
        Ok(())
    }

    /// Whether the log holds that one of the keys which the envelope names signed it.
    pub(crate) fn holds(&self, envelope: &Envelope) -> bool {
        let Self(log) = self;
        let mut uses = envelope
            .key_ids_unverified()
            .map(|key_id| KeyUse::of_envelope(envelope, key_id, "", SystemTime::UNIX_EPOCH).entry_id());
        uses.any(|id| log.find(&id).is_some())
    }
}

/// This host's name, as the kernel has it.
pub(crate) fn host_name() -> std::io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned())
}
