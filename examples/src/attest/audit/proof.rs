//! `attest audit prove`, `verify-proof` and those of consistency: what can be shown without the log.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use openfactory_attest::audit::policy::PolicyError;
use openfactory_attest::audit::proof::{ProofError, ProveError};
use openfactory_attest::audit::snapshot::ReadLogError;
use openfactory_attest::audit::tiles::{ReadTilesError, Tiles};
use openfactory_attest::audit::witness::Request;
use openfactory_attest::audit::{self, Checkpoint, Policy, Proof};

use super::{instant, named_key, published_origin, witness};
use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::{self, Verdict};

pub(super) const VERIFY_HELP: &str = "Examples:
  attest audit verify-proof entry-7.tlog-proof --entry entry-7.json --key log.vkey
  attest audit verify-proof entry-7.tlog-proof --entry entry-7.json --policy policy

Exit status: 0 proved, 1 not, 2 could not check.";

/// A proof, and what it is to be held against.
#[derive(Debug, Args)]
pub(crate) struct VerifyProof {
    /// The proof
    proof: PathBuf,
    /// The entry: the bytes that are in the log
    #[arg(long, value_name = "FILE")]
    entry: PathBuf,
    /// The log's verifier key (name+hash+base64), or a file with it, or a PEM public key file
    #[arg(long, value_name = "VKEY", required_unless_present = "policy")]
    key: Option<String>,
    /// Which witnesses have to have cosigned, and of which logs, where no key is given (c2sp.org/tlog-policy)
    #[arg(long, value_name = "POLICY")]
    policy: Option<PathBuf>,
}

/// Where a log is: in its own directory, or where it is published.
fn is_published(directory: &Path) -> bool {
    !directory.join("journal").exists() && directory.join("checkpoint").exists()
}

pub(super) fn prove(
    directory: &Path,
    index: u64,
    output: Option<&Path>,
    entry_output: Option<&Path>,
) -> Result<Verdict, CliError> {
    let target = output.map(|file| Target::new(file, [directory])).transpose()?;
    let entry_target = entry_output.map(|file| Target::new(file, [directory])).transpose()?;
    let cannot = |error| CliError::because(format!("cannot prove entry {index}"), error);
    let proved = if is_published(directory) {
        let of_tiles = |tiles: Tiles| Ok((tiles.prove(index)?, tiles.entry(index)?));
        match Tiles::open(directory).and_then(of_tiles) {
            Err(error @ (ReadTilesError::Changed { .. } | ReadTilesError::Tile { .. })) => {
                return Ok(told_bad(&error));
            }
            proved => proved.map_err(|error| cannot(Box::<dyn Error + Send + Sync>::from(error)))?,
        }
    } else {
        match audit::prove(directory, index) {
            Err(
                error @ (ProveError::Changed { .. }
                | ProveError::Log(ReadLogError::Corrupt { .. } | ReadLogError::Rewritten)),
            ) => return Ok(told_bad(&error)),
            proved => proved.map_err(|error| cannot(error.into()))?,
        }
    };
    let (proof, entry) = proved;
    if let Some(target) = entry_target {
        target.write(&entry)?;
    }
    write(target, &proof.to_string())
}

pub(super) fn verify(command: &VerifyProof) -> Result<Verdict, CliError> {
    let VerifyProof { proof: file, entry, key, policy } = command;
    let proof = Proof::parse(&input::read_small(file)?)
        .map_err(|error| CliError::because(format!("{} is no proof", file.display()), error))?;
    let entry = input::read_small(entry)?;
    let policy = policy.as_deref().map(witness::policy).transpose()?;
    let policy = match (policy, key) {
        (policy, Some(key)) => {
            let key = named_key(key, || Ok(published_origin(proof.checkpoint())))?;
            policy.unwrap_or_else(|| Policy::at_least(0, [])).of_log(key)
        }
        (Some(policy), None) => policy,
        (None, None) => return Err(CliError::new("give the log's key, or a policy with it")),
    };
    let proven = match proof.verify(&entry, &policy) {
        Err(ProofError::Policy(error @ PolicyError::NoLog)) => {
            return Err(CliError::because("the proof can't be checked", error));
        }
        Err(error) => return Ok(told_bad(&error)),
        Ok(proven) => proven,
    };
    let head = proven.checkpoint.head;
    let mut text = format!(
        "Entry {} is in {}, under its checkpoint of {} entries\nRoot: {}\n",
        proof.index(),
        proven.checkpoint.origin,
        head.size,
        head.root
    );
    for cosignature in proven.cosignatures {
        text.push_str(&format!("Cosigned by {} at {}\n", cosignature.witness, instant(cosignature.time)));
    }
    output::text(&text)?;
    Ok(Verdict::Good)
}

pub(super) fn prove_consistency(
    directory: &Path,
    older: &str,
    output: Option<&Path>,
) -> Result<Verdict, CliError> {
    let target = output.map(|file| Target::new(file, [directory])).transpose()?;
    let old = match older.parse() {
        Ok(size) => size,
        Err(_) => {
            let head = Checkpoint::unverified(&input::read_small(Path::new(older))?);
            head.ok_or_else(|| CliError::new(format!("{older} is neither a checkpoint nor a number")))?.size
        }
    };
    let cannot = |error| CliError::because(format!("cannot prove what follows entry {old}"), error);
    let proof = if is_published(directory) {
        match Tiles::open(directory).and_then(|tiles| tiles.request(old)) {
            Ok(proof) => Some(proof),
            Err(ReadTilesError::NotCovered { .. }) => None,
            Err(error @ ReadTilesError::Tile { .. }) => return Ok(told_bad(&error)),
            Err(error) => return Err(cannot(Box::<dyn Error + Send + Sync>::from(error))),
        }
    } else {
        match Request::of_log(directory, old) {
            Ok(proof) => proof,
            Err(error @ (ReadLogError::Corrupt { .. } | ReadLogError::Rewritten)) => {
                return Ok(told_bad(&error));
            }
            Err(error) => return Err(cannot(error.into())),
        }
    };
    match proof {
        Some(proof) => write(target, &proof.to_string()),
        None => {
            Ok(told_bad(&CliError::new(format!("the log has less than {old} entries under its checkpoint"))))
        }
    }
}

pub(super) fn verify_consistency(older: &Path, proof: &Path, key: &str) -> Result<Verdict, CliError> {
    let request = Request::parse(&input::read_small(proof)?).map_err(|error| {
        CliError::because(format!("{} is no proof of consistency", proof.display()), error)
    })?;
    let key = named_key(key, || Ok(published_origin(request.checkpoint())))?;
    let older = match Checkpoint::open(&input::read_small(older)?, &key) {
        Ok(older) => older,
        Err(error) => return Ok(told_bad(&CliError::because("the older checkpoint is not believed", error))),
    };
    match request.verify(older.head, &key) {
        Ok(newer) => {
            let (old, new) = (older.head.size, newer.head);
            let told = format!(
                "The first {old} entries are the beginning of {} in {}\nRoot: {}\n",
                new.size,
                key.name(),
                new.root
            );
            output::text(&told)?;
            Ok(Verdict::Good)
        }
        Err(error) => Ok(told_bad(&error)),
    }
}

fn told_bad(error: &dyn Error) -> Verdict {
    cli::tell(error);
    Verdict::Bad
}

fn write(target: Option<Target<'_>>, text: &str) -> Result<Verdict, CliError> {
    match target {
        Some(target) => target.write(text.as_bytes())?,
        None => output::write(text.as_bytes())?,
    }
    Ok(Verdict::Good)
}
