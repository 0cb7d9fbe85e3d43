//! `attest audit`: the auditor's view of an audit log.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use openfactory_attest::audit::checkpoint::CheckpointError;
use openfactory_attest::audit::note::NoteError;
use openfactory_attest::audit::verify::{Finding, VerifyReport, Which};
use openfactory_attest::audit::{self, VerifierKey};
use openfactory_attest::{KeyKind, PublicKey, TrustStore};
use serde_json::json;

use super::{CliError, input, output};
use crate::cli::Verdict;

mod proof;
mod tiles;
mod witness;

/// `attest audit ...`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Re-hash every entry of a log, and check its tree and its checkpoint
    ///
    /// By itself a log can be made anew as a whole by whoever holds its key. Keep checkpoints where the log can't
    /// reach them and give an old one with --since: only that shows that nothing before it was changed.
    #[command(after_help = "Examples:
  attest audit verify /var/lib/openfactory/audit --key log.key.pub
  attest audit verify /var/lib/openfactory/audit --key 'example.com/log+4f2a...+AQ...' --since last-year.checkpoint

Exit status: 0 good, 1 bad (the first bad entry is named), 2 could not check.")]
    Verify {
        /// The log's directory
        directory: PathBuf,
        /// The log's verifier key (name+hash+base64), or a file with it, or a PEM public key file
        #[arg(long, value_name = "VKEY")]
        key: String,
        /// An older checkpoint, kept elsewhere
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Publish a log as files that others read and check (c2sp.org/tlog-tiles)
    ///
    /// Derived from the log's journal, up to its checkpoint: what is missing or new is written, and the checkpoint last. The
    /// log may be in use. Any web server can serve the directory, which holds nothing that is not to be published.
    #[command(
        after_help = "Exit status: 0 published, 1 the log is damaged or not the one that is published there, 2 could not."
    )]
    Publish {
        /// The log's directory
        log: PathBuf,
        /// Where to publish it; made if it isn't there
        directory: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check a published log: every tile and every entry against its checkpoint
    #[command(after_help = "Exit status: 0 good, 1 bad (each bad tile is named), 2 could not check.")]
    VerifyTiles {
        /// The directory where the log is published
        directory: PathBuf,
        /// The log's verifier key (name+hash+base64), or a file with it, or a PEM public key file
        #[arg(long, value_name = "VKEY")]
        key: String,
        /// An older checkpoint, kept elsewhere
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<PathBuf>,
        /// Which witnesses have to have cosigned (c2sp.org/tlog-policy)
        #[arg(long, value_name = "POLICY")]
        policy: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// As a witness, cosign the checkpoint of a published log, if all that was cosigned before is the beginning of it
    ///
    /// Prints the cosignature, a line (c2sp.org/tlog-cosignature). What was cosigned is remembered first, durably, so a log that
    /// is set back or made anew is never cosigned again.
    #[command(after_help = "Examples:
  attest key generate --kind audit-log --out witness.key --name w1.example.com
  attest audit witness /srv/log --log-key log.vkey --state ~/witness --key witness.key --name w1.example.com

Exit status: 0 cosigned, 1 refused, 2 could not.")]
    Witness(witness::WitnessCommand),
    /// Print the verifier key of a witness, as it stands in policies
    WitnessKey {
        /// The witness's public key, as PEM
        key: PathBuf,
        /// The witness's name
        #[arg(long)]
        name: String,
    },
    /// Add cosignatures of witnesses to the checkpoint of a published log
    #[command(
        after_help = "Exit status: 0 added, 1 they are not those of the policy's witnesses of this checkpoint, 2 could not."
    )]
    Cosign {
        /// The directory where the log is published
        published: PathBuf,
        /// Files with cosignatures, a line each
        #[arg(required = true)]
        cosignatures: Vec<PathBuf>,
        /// Which witnesses are known (c2sp.org/tlog-policy)
        #[arg(long, value_name = "POLICY")]
        policy: PathBuf,
    },
    /// Write the proof that an entry is in the log (c2sp.org/tlog-proof), under the log's checkpoint
    ///
    /// From a published log, the proof has the cosignatures of its witnesses.
    Prove {
        /// The log's directory, or one where it is published
        directory: PathBuf,
        /// The entry's index, from 0
        index: u64,
        /// Write to this file instead of stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Write the entry to this file: the bytes that are proved
        #[arg(long, value_name = "FILE")]
        entry: Option<PathBuf>,
    },
    /// Check the proof of an entry, offline: with nothing but the proof, the entry and the keys
    #[command(after_help = proof::VERIFY_HELP)]
    VerifyProof(proof::VerifyProof),
    /// Write the proof that a log goes on from an older checkpoint (c2sp.org/tlog-witness, add-checkpoint)
    ///
    /// It is also what a witness is asked.
    ProveConsistency {
        /// The log's directory, or one where it is published
        directory: PathBuf,
        /// The older checkpoint, or the number of entries under it
        older: String,
        /// Write to this file instead of stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check the proof that a log goes on from an older checkpoint, offline
    #[command(after_help = "Exit status: 0 good, 1 bad, 2 could not check.")]
    VerifyConsistency {
        /// The older checkpoint
        older: PathBuf,
        /// The proof, with the newer checkpoint in it
        proof: PathBuf,
        /// The log's verifier key (name+hash+base64), or a file with it, or a PEM public key file
        #[arg(long, value_name = "VKEY")]
        key: String,
    },
}

impl AuditCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Verify { directory, key, since, json } => verify(&directory, &key, since.as_deref(), json),
            Self::Publish { log, directory, json } => tiles::publish(&log, &directory, json),
            Self::VerifyTiles { directory, key, since, policy, json } => {
                tiles::verify(&directory, &key, since.as_deref(), policy.as_deref(), json)
            }
            Self::Witness(command) => witness::witness(&command),
            Self::WitnessKey { key, name } => witness::print_key(&key, &name),
            Self::Cosign { published, cosignatures, policy } => {
                witness::cosign(&published, &cosignatures, &policy)
            }
            Self::Prove { directory, index, output, entry } => {
                proof::prove(&directory, index, output.as_deref(), entry.as_deref())
            }
            Self::VerifyProof(command) => proof::verify(&command),
            Self::ProveConsistency { directory, older, output } => {
                proof::prove_consistency(&directory, &older, output.as_deref())
            }
            Self::VerifyConsistency { older, proof, key } => proof::verify_consistency(&older, &proof, &key),
        }
    }
}

fn verify(directory: &Path, key: &str, since: Option<&Path>, json: bool) -> Result<Verdict, CliError> {
    let key = verifier_key(key, directory)?;
    let since = since.map(input::read_small).transpose()?;
    let report = audit::verify(directory, &key, since.as_deref())
        .map_err(|error| CliError::file("check the log in", directory, error))?;
    if is_unsigned(&report, since.is_some()) {
        return Err(CliError::new(format!(
            "nothing in {} is signed by this key of {}: it is the key of another log, or the log was replaced",
            directory.display(),
            key.name()
        )));
    }
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if json {
        output::write_json(&json!({
            "good": report.is_good(),
            "origin": key.name(),
            "size": report.verified.size,
            "root": report.verified.root,
            "checkpoint_size": report.checkpoint.map(|head| head.size),
            "unfinished_bytes": report.unfinished,
            "since_checked": since.is_some() && !report.findings.iter().any(is_about_since),
            "findings": findings,
        }))?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            text.push_str(&format!("BAD: {finding}\n"));
        }
        text.push_str(&format!(
            "Entries verified: {}\nRoot: {}\n",
            report.verified.size, report.verified.root
        ));
        if let Some(head) = report.checkpoint {
            text.push_str(&format!("Under the checkpoint: {}\n", head.size));
        }
        if report.unfinished > 0 {
            text.push_str(&format!("Unfinished bytes at the end: {}\n", report.unfinished));
        }
        output::text(&text)?;
    }
    Ok(if report.is_good() { Verdict::Good } else { Verdict::Bad })
}

/// Whether the key has signed no checkpoint at all, and nothing else is wrong: with it, nothing can be checked. Where
/// it has signed an older checkpoint, the log was its own once, and that it is not now is a finding.
fn is_unsigned(report: &VerifyReport, with_since: bool) -> bool {
    let unsigned = |finding: &Finding| {
        matches!(finding, Finding::OtherLog { .. })
            || matches!(finding, Finding::Checkpoint { error, .. } if unsigned(error))
    };
    let of_since = |finding: &Finding| matches!(finding, Finding::Checkpoint { which: Which::Since, .. });
    let since_is_signed = with_since && !report.findings.iter().any(of_since);
    !report.is_good()
        && report.checkpoint.is_none()
        && !since_is_signed
        && report.findings.iter().all(unsigned)
}

/// Whether a checkpoint is one that this key has not signed.
fn unsigned(error: &CheckpointError) -> bool {
    matches!(error, CheckpointError::Note(NoteError::NotSigned { .. }))
}

fn is_about_since(finding: &Finding) -> bool {
    match finding {
        Finding::Checkpoint { which, .. }
        | Finding::Truncated { which, .. }
        | Finding::Rewritten { which, .. } => *which == Which::Since,
        // What stopped the reading may have stopped it before the older checkpoint's size.
        _ => true,
    }
}

/// A verifier key as text, or in a file; a bare public key gets its name from the log.
pub(crate) fn verifier_key(key: &str, directory: &Path) -> Result<VerifierKey, CliError> {
    named_key(key, || origin_of(directory))
}

/// A verifier key as text, or in a file; a bare public key gets this name.
fn named_key(key: &str, name: impl FnOnce() -> Result<String, CliError>) -> Result<VerifierKey, CliError> {
    let bad = |error| CliError::because("this is no verifier key and no file with one", error);
    let path = Path::new(key);
    if !path.is_file() {
        return key.parse().map_err(bad);
    }
    let bytes = input::read_small(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if !text.trim_start().starts_with("-----") {
        return text.parse().map_err(bad);
    }
    let public = PublicKey::from_pem(&text)
        .map_err(|error| CliError::because(format!("{key} is no public key"), error))?;
    VerifierKey::new(&name()?, public).map_err(bad)
}

/// A time as it is told.
fn instant(time: std::time::SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}

/// The name of the log of a checkpoint, as that says.
fn published_origin(checkpoint: &str) -> String {
    checkpoint.split('\n').next().unwrap_or_default().to_owned()
}

/// The name of the log in this directory.
fn origin_of(directory: &Path) -> Result<String, CliError> {
    let origin = audit::verify::origin(directory);
    origin
        .map_err(|error| CliError::file("read the log in", directory, error))?
        .ok_or_else(|| CliError::new(format!("there is no audit log in {}", directory.display())))
}

/// The key of this log, as the trust store has it.
pub(crate) fn trusted_log(trust: &TrustStore, directory: &Path) -> Result<VerifierKey, CliError> {
    let origin = origin_of(directory)?;
    let key = trust.iter().find(|key| key.kind == KeyKind::AuditLog && key.name == origin);
    let key = key.filter(|key| trust.revoked(key.key_id()).is_none()).ok_or_else(|| {
        CliError::new(format!("the trust store holds no key of the log {origin:?}; give it with --log-vkey"))
    })?;
    VerifierKey::new(&origin, key.public_key.clone())
        .map_err(|error| CliError::because("the log's key can't be used", error))
}
