//! `attest ima`: measurement lists, replayed and held against a TPM's PCR and signed manifests.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use openfactory_attest::ima::{
    Allowed, AsciiList, Attested, BinaryList, Check, Event, FindingKind, ImaError, ImaReport, Replay,
};
use openfactory_attest::tpm::{Bank, MAX_PCR_TEXT, PCRS, PcrValues};
use serde_json::{Value, json};

use super::manifest::read_json;
use super::target::Target;
use super::{CliError, input, output};
use crate::cli::Verdict;

/// `attest ima ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ImaCommand {
    /// Replay a measurement list: does it lead to PCR 10, and is each file in it one that was built?
    ///
    /// Takes the binary list and the one in text, with every template. The list counts as far as it leads to the given value
    /// of PCR 10; the entries after that are shown as the tail, and count for nothing. That a TPM held the value only a
    /// quote proves. A list without --pcrs is only replayed.
    #[command(after_help = "Examples:
  attest ima replay binary_runtime_measurements
  attest ima replay binary_runtime_measurements --pcrs pcrs.txt --manifest manifest.json
  attest ima replay trimmed --from state.json --pcrs pcrs.txt --keep next.json

PCRs are told as tpm2_pcrread prints them.

Exit status: 0 confirmed and nothing found in what is confirmed, 1 not, 2 could not check.")]
    Replay(Box<ReplayArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The kernel's binary_runtime_measurements or ascii_runtime_measurements
    log: PathBuf,
    /// What the PCRs held, as tpm2_pcrread prints it; each bank that has PCR 10 has to agree
    #[arg(long, value_name = "FILE")]
    pcrs: Option<PathBuf>,
    /// A manifest with the files that were built; across an update the old one and the new one
    #[arg(long, value_name = "FILE")]
    manifest: Vec<PathBuf>,
    /// Where the manifests' tree is mounted on the device
    #[arg(long, value_name = "PATH", default_value = "/", requires = "manifest")]
    mounted: String,
    /// The list begins after the entries that led to this state, which --keep wrote
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Write the state after the last confirmed entry to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// The algorithm of the template digests in a binary list
    #[arg(long, value_name = "BANK", default_value = "sha1")]
    digests: Bank,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl ImaCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Replay(replay) = self;
        replay.run()
    }
}

impl ReplayArgs {
    fn run(self) -> Result<Verdict, CliError> {
        let given = self.manifest.iter().chain(&self.pcrs).chain(&self.from).map(PathBuf::as_path);
        let given = given.chain([self.log.as_path()]);
        let keep = self.keep.as_deref().map(|file| Target::new(file, given)).transpose()?;
        let pcrs = self.pcrs.as_deref().map(read_pcrs).transpose()?;
        let mut check = Check::new();
        if let Some(pcrs) = &pcrs {
            check = check.expecting(pcrs);
        }
        if let Some(path) = &self.from {
            check = check.from(state(path)?);
        }
        let mut allowed = Allowed::new();
        for path in &self.manifest {
            allowed = allowed.with(&read_json(path)?, self.mounted.as_bytes());
        }
        if !self.manifest.is_empty() {
            check = check.allowing(&allowed);
        }
        let report = run(&check, &self.log, self.digests)?;
        if let Some(target) = keep {
            if pcrs.is_some() && !matches!(report.attested, Attested::Prefix { .. }) {
                return Err(CliError::new(format!("nothing to keep: {}", report.attested)));
            }
            let state = serde_json::to_vec(&report.replay)
                .map_err(|error| CliError::because("cannot write the state", error))?;
            target.write(&state)?;
        }
        if self.json {
            output::write_json(&as_json(&report))?;
        } else {
            output::text(&text(&report, !self.manifest.is_empty()))?;
        }
        Ok(if report.good() { Verdict::Good } else { Verdict::Bad })
    }
}

/// Values of PCRs, as `tpm2_pcrread` prints them.
pub(super) fn read_pcrs(path: &Path) -> Result<PcrValues, CliError> {
    let bytes = input::read(path, MAX_PCR_TEXT)?;
    PcrValues::parse(&bytes)
        .map_err(|error| CliError::because(format!("{} has no values of PCRs", path.display()), error))
}

/// Reads a list in either form to its end.
pub(super) fn run(check: &Check<'_>, path: &Path, digests: Bank) -> Result<ImaReport, CliError> {
    check.run(open(path, digests)?).map_err(|error| CliError::file("read the list in", path, error))
}

/// The entries of a list in either form.
pub(super) fn open(
    path: &Path,
    digests: Bank,
) -> Result<Box<dyn Iterator<Item = Result<Event, ImaError>>>, CliError> {
    let cannot_read = |error| CliError::file("read", path, error);
    let mut file = BufReader::new(File::open(path).map_err(cannot_read)?);
    // A binary list begins with a PCR as a number, one in text with a digit or a space.
    let binary = file.fill_buf().map_err(cannot_read)?.first().is_none_or(|first| *first < PCRS);
    Ok(if binary {
        Box::new(BinaryList::with_digests(file, digests))
    } else {
        Box::new(AsciiList::new(file))
    })
}

fn state(path: &Path) -> Result<Replay, CliError> {
    serde_json::from_slice(&input::read_small(path)?)
        .map_err(|error| CliError::because(format!("{} is no state of PCR 10", path.display()), error))
}

fn text(report: &ImaReport, compared: bool) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let tail =
            if finding.attested || report.attested == Attested::NotAsked { "" } else { " (not confirmed)" };
        text.push_str(&format!("{finding}{tail}\n"));
    }
    if report.more_findings > 0 {
        text.push_str(&format!("and {} more\n", report.more_findings));
    }
    for value in report.replay.values() {
        text.push_str(&format!("PCR 10, {:<7} {value}\n", value.bank().name().to_owned() + ":"));
    }
    text.push_str(&format!("{} entries", report.entries));
    if compared {
        text.push_str(&format!(", {} files as the signed manifest has them", report.known));
    }
    text.push_str(&format!("\n{}\n", report.attested));
    text
}

pub(super) fn as_json(report: &ImaReport) -> Value {
    let (confirmed, tail) = match report.attested {
        Attested::Prefix { entries, tail } => (Some(entries), Some(tail)),
        _ => (None, None),
    };
    let findings = report.findings.iter().map(|finding| {
        json!({
            "entry": finding.entry,
            "name": finding.name.escape_ascii().to_string(),
            "kind": kind(&finding.kind),
            "confirmed": finding.attested,
            "text": finding.to_string(),
        })
    });
    json!({
        "good": report.good(),
        "entries": report.entries,
        "verdict": report.attested.to_string(),
        "confirmed": confirmed,
        "tail": tail,
        "known": report.known,
        "buffers": report.buffers,
        "findings": findings.collect::<Vec<_>>(),
        "more_findings": report.more_findings,
        "replay": report.replay,
    })
}

const fn kind(kind: &FindingKind) -> &'static str {
    match kind {
        FindingKind::NoBootAggregate => "no-boot-aggregate",
        FindingKind::Digest => "digest",
        FindingKind::OtherPcr { .. } => "other-pcr",
        FindingKind::Violation => "violation",
        FindingKind::Changed => "changed",
        FindingKind::Unknown => "unknown",
        FindingKind::NotComparable => "not-comparable",
        _ => "other",
    }
}
