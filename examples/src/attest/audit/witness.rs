//! `attest audit witness`, `cosign` and `witness-key`: who sees a log grow, and says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::audit::publish::{PublishError, add_cosignatures};
use openfactory_attest::audit::tiles::{ReadTilesError, Tiles};
use openfactory_attest::audit::witness::{Request, WitnessError};
use openfactory_attest::audit::{Policy, VerifierKey, Witness, WitnessKey};
use openfactory_attest::{PublicKey, Signer as _};

use super::{named_key, published_origin};
use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::{self, Verdict};

/// What a witness is asked to cosign, and who it is.
#[derive(Debug, Args)]
pub(crate) struct WitnessCommand {
    /// The directory where the log is published, or a file with a request (c2sp.org/tlog-witness, add-checkpoint)
    published: PathBuf,
    /// The log's verifier key (name+hash+base64), or a file with it, or a PEM public key file
    #[arg(long, value_name = "VKEY")]
    log_key: String,
    /// What the witness remembers of logs; made if it isn't there
    #[arg(long, value_name = "DIRECTORY")]
    state: PathBuf,
    /// The witness's private key; it signs nothing else
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The witness's name
    #[arg(long)]
    name: String,
    /// Write the cosignature to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn witness(command: &WitnessCommand) -> Result<Verdict, CliError> {
    let WitnessCommand { published, log_key, state, key, name, output } = command;
    let target = output.as_deref().map(|file| Target::new(file, [&**published, key, state])).transpose()?;
    let key = input::private_key(key)?;
    let failed = |error| CliError::file("use what is published in", published, error);
    let source = if published.is_dir() {
        Asked::Tiles(Tiles::open(published).map_err(failed)?)
    } else {
        let request = Request::parse(&input::read_small(published)?);
        Asked::Request(request.map_err(|error| CliError::file("use the request", published, error))?)
    };
    let log = named_key(log_key, || source.origin())?;
    if log.public_key() == key.public_key() {
        return Err(CliError::new("a log is no witness of itself: this is the log's own key".to_owned()));
    }
    let witness = Witness::open(state, name, Arc::new(key), vec![log.clone()])
        .map_err(|error| CliError::because("cannot be a witness", error))?;
    let line = match source.ask(&witness, &log) {
        Ok(line) => line,
        Err(Unanswered::Tiles(ReadTilesError::NotCovered { index, size })) => {
            cli::tell(&WitnessError::Backwards { old: index, size });
            return Ok(Verdict::Bad);
        }
        Err(Unanswered::Tiles(error)) => return Err(failed(error)),
        Err(Unanswered::Witness(
            error @ (WitnessError::Backwards { .. }
            | WitnessError::Checkpoint(_)
            | WitnessError::Conflict { .. }
            | WitnessError::Inconsistent { .. }),
        )) => {
            cli::tell(&error);
            return Ok(Verdict::Bad);
        }
        Err(Unanswered::Witness(error)) => return Err(CliError::because("nothing was cosigned", error)),
    };
    match target {
        Some(target) => target.write(line.as_bytes())?,
        None => output::write(line.as_bytes())?,
    }
    Ok(Verdict::Good)
}

enum Asked {
    Tiles(Tiles),
    Request(Request),
}

enum Unanswered {
    Tiles(ReadTilesError),
    Witness(WitnessError),
}

impl Asked {
    fn origin(&self) -> Result<String, CliError> {
        Ok(match self {
            Self::Tiles(tiles) => published_origin(tiles.checkpoint()),
            Self::Request(request) => published_origin(request.checkpoint()),
        })
    }

    fn ask(&self, witness: &Witness, log: &VerifierKey) -> Result<String, Unanswered> {
        let request = match self {
            Self::Request(request) => request,
            Self::Tiles(tiles) => {
                let latest = witness.latest(log.name()).map_err(Unanswered::Witness)?;
                &tiles.request(latest.map_or(0, |head| head.size)).map_err(Unanswered::Tiles)?
            }
        };
        witness.add_checkpoint(request, SystemTime::now()).map_err(Unanswered::Witness)
    }
}

/// Adds cosignatures to what is published.
pub(super) fn cosign(published: &Path, cosignatures: &[PathBuf], policy: &Path) -> Result<Verdict, CliError> {
    let policy = self::policy(policy)?;
    let witnesses: Vec<&WitnessKey> = policy.witnesses().collect();
    let mut lines = String::new();
    for file in cosignatures {
        lines.push_str(&String::from_utf8_lossy(&input::read_small(file)?));
    }
    match add_cosignatures(published, &lines, &witnesses) {
        Ok(()) => Ok(Verdict::Good),
        Err(error @ PublishError::Cosignatures(_)) => {
            cli::tell(&error);
            Ok(Verdict::Bad)
        }
        Err(error) => Err(CliError::file("add cosignatures in", published, error)),
    }
}

/// A policy in a file.
pub(super) fn policy(path: &Path) -> Result<Policy, CliError> {
    Policy::parse(&input::read_small(path)?)
        .map_err(|error| CliError::because(format!("{} is no policy", path.display()), error))
}

/// Prints a witness's verifier key.
pub(super) fn print_key(key: &Path, name: &str) -> Result<Verdict, CliError> {
    let text = input::read_small(key)?;
    let public = PublicKey::from_pem(&String::from_utf8_lossy(&text))
        .map_err(|error| CliError::because(format!("{} is no public key", key.display()), error))?;
    let key = WitnessKey::new(name, public)
        .map_err(|error| CliError::because("this can't be a witness's key", error))?;
    output::text(&format!("{key}\n"))?;
    Ok(Verdict::Good)
}
