//! `attest maturity`: how much a build's evidence proves.

use std::path::PathBuf;

use clap::Args;
use openfactory_attest::bundle;
use openfactory_attest::chain::ChainVerdict;
use openfactory_attest::maturity::{self, Assessment, Level};
use serde_json::{Value, json};

use super::manifest::Threads;
use super::verify_bundle::status_json;
use super::{CliError, input, output};
use crate::cli::Verdict;
use crate::progress;

pub(crate) const HELP: &str = "Example:
  attest maturity press-7.evidence --trust trust.json

Exit status: 0 assessed, 1 the evidence is bad: a link of the bundle is broken, 2 could not be assessed.";

/// The evidence, and by whose word.
#[derive(Debug, Args)]
pub(crate) struct Maturity {
    /// An evidence bundle
    directory: PathBuf,
    /// Whose signatures count; the bundle's own trust store if not given
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Maturity {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let trust = self.trust.as_deref().map(input::trust).transpose()?;
        let bar = progress::Bytes::new("hashing");
        let tell = |done, total| bar.tell(done, total);
        let work = self.threads.work().telling(&tell);
        let directory = &self.directory;
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::file("check the bundle", directory, error)
        };
        let report =
            bundle::verify(directory, trust.as_ref(), &work).map_err(|error| failed(error.into()))?;
        let packages = maturity::packages(directory, &report).map_err(|error| failed(error.into()))?;
        drop(bar);
        let assessment = maturity::assess(&report, packages);
        if self.json {
            output::write_json(&as_json(&assessment))?;
        } else {
            output::text(&text(&assessment))?;
        }
        Ok(if report.verdict == ChainVerdict::Broken { Verdict::Bad } else { Verdict::Good })
    }
}

fn text(assessment: &Assessment) -> String {
    let mut text = String::new();
    for level in Level::ALL {
        text.push_str(&format!("{level} {}\n", level.name()));
        for criterion in assessment.of(level) {
            text.push_str(&format!("   {}: {}\n", criterion.what, criterion.status));
        }
    }
    if !assessment.broken.is_empty() {
        let broken: Vec<_> = assessment.broken.iter().map(ToString::to_string).collect();
        text.push_str(&format!("Level: none, the bundle is broken: {}\n", broken.join(", ")));
        return text;
    }
    let level =
        assessment.level().map_or_else(|| "none".to_owned(), |level| format!("{level} {}", level.name()));
    text.push_str(&format!("Level: {level}\n"));
    if let Some(next) = assessment.next() {
        let missing: Vec<&str> = assessment.missing().map(|criterion| criterion.what).collect();
        text.push_str(&format!("For {next}: {}\n", missing.join("; ")));
    }
    text
}

fn as_json(assessment: &Assessment) -> Value {
    let criteria = assessment.criteria.iter().map(|criterion| {
        let mut told = status_json(&criterion.what, &criterion.status);
        if let Some(told) = told.as_object_mut() {
            let what = told.remove("link");
            told.insert("criterion".to_owned(), what.unwrap_or_default());
            told.insert("level".to_owned(), criterion.level.to_string().into());
        }
        told
    });
    json!({
        "level": assessment.level().map(|level| level.to_string()),
        "name": assessment.level().map(Level::name),
        "next": assessment.next().map(|level| level.to_string()),
        "missing": assessment.missing().map(|criterion| criterion.what).collect::<Vec<_>>(),
        "broken": assessment.broken.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "criteria": criteria.collect::<Vec<_>>(),
    })
}
