//! `attest verify-bundle`: the auditor's one command.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::bundle::{self, BundleLink, BundleReport, WhoseTrust};
use openfactory_attest::chain::{ChainVerdict, LinkStatus};
use serde_json::{Value, json};

use super::manifest::Threads;
use super::tests::{tests_json, tests_line};
use super::{CliError, input, output};
use crate::cli::Verdict;
use crate::{progress, terminal};

pub(crate) const HELP: &str = "Examples:
  attest verify-bundle press-7.evidence
  attest verify-bundle press-7.evidence --trust trust.json --json

Exit status: 0 every link is proved, 1 a link is broken (each is told), 2 could not check, or something is missing that
a link takes.";

/// The bundle, and by whose word.
#[derive(Debug, Args)]
pub(crate) struct VerifyBundle {
    /// The bundle's directory
    directory: PathBuf,
    /// Whose signatures count; the bundle's own trust store if not given
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Whose signatures counted at this time, where keys are registered for a time; RFC 3339 or a day; now if not given
    #[arg(long, value_name = "TIME", requires = "trust", value_parser = input::time)]
    trust_at: Option<SystemTime>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl VerifyBundle {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let trust = self.trust.as_deref().map(|file| input::trust_at(file, self.trust_at)).transpose()?;
        let bar = progress::Bytes::new("hashing");
        let tell = |done, total| bar.tell(done, total);
        let work = self.threads.work().telling(&tell);
        let report = bundle::verify(&self.directory, trust.as_ref(), &work)
            .map_err(|error| CliError::file("check the bundle", &self.directory, error))?;
        drop(bar);
        if self.json {
            output::write_json(&as_json(&report))?;
        } else {
            output::text(&text(&report))?;
        }
        verdict(&report)
    }
}

/// What a report comes to as an exit status.
pub(super) fn verdict(report: &BundleReport) -> Result<Verdict, CliError> {
    match report.verdict {
        ChainVerdict::Broken => Ok(Verdict::Bad),
        ChainVerdict::Proved => Ok(Verdict::Good),
        ChainVerdict::Incomplete => {
            let links: Vec<String> = report.not_checked().map(|link| link.name.to_string()).collect();
            Err(CliError::new(format!("not all could be checked: {}", links.join(", "))))
        }
    }
}

/// A line for each link, and what they rest on.
pub(super) fn text(report: &BundleReport) -> String {
    let width = report.links.iter().map(|link| terminal::line(&link.name).chars().count()).max().unwrap_or(0);
    let mut text: String = report
        .links
        .iter()
        .map(|link| format!("{:<width$}  {}\n", terminal::line(&link.name), terminal::line(&link.status)))
        .collect();
    for key in &report.keys {
        text.push_str(&format!("Key:    {} {} {}\n", key.key_id(), key.kind, terminal::line(&key.name)));
    }
    text.push_str(match report.trust {
        WhoseTrust::Bundle => {
            "Trust:  the bundle's own trust store. Compare the ids of its keys with what you know from elsewhere,\n        \
             or give --trust\n"
        }
        _ => "Trust:  the trust store that was given\n",
    });
    if let Some(document) = &report.document {
        text.push_str(&tests_line(document.tests.as_ref()));
        text.push_str(&format!("Build:  {}\n", terminal::line(&document.build_id)));
    }
    text.push_str(&format!("Bundle: {}\n", report.verdict));
    text
}

fn as_json(report: &BundleReport) -> Value {
    let names = |links: &mut dyn Iterator<Item = &BundleLink>| -> Vec<String> {
        links.map(|link| link.name.to_string()).collect()
    };
    let keys =
        report.keys.iter().map(|key| json!({"key_id": key.key_id(), "kind": key.kind, "name": key.name}));
    json!({
        "verdict": report.verdict,
        "version": report.document.as_ref().map(|document| document.version),
        "build_id": report.document.as_ref().map(|document| &document.build_id),
        "tests": report.document.as_ref().map(|document| tests_json(document.tests.as_ref())),
        "trust": match report.trust { WhoseTrust::Bundle => "bundle", _ => "given" },
        "keys": keys.collect::<Vec<_>>(),
        "links": report.links.iter().map(link_json).collect::<Vec<_>>(),
        "broken": names(&mut report.broken()),
        "not_checked": names(&mut report.not_checked()),
    })
}

fn link_json(link: &BundleLink) -> Value {
    status_json(&link.name, &link.status)
}

/// A link and what became of it, as the JSON of every command has it.
pub(super) fn status_json(name: &dyn std::fmt::Display, status: &LinkStatus) -> Value {
    let (word, reason) = match status {
        LinkStatus::Proved => ("proved", None),
        LinkStatus::AcceptedByLog { .. } => ("accepted-by-log", None),
        LinkStatus::Broken { reason } => ("broken", Some(reason)),
        LinkStatus::NotChecked { reason } => ("not-checked", Some(reason)),
        _ => ("unknown", None),
    };
    let mut told = json!({"link": name.to_string(), "status": word, "reason": reason});
    if let (LinkStatus::AcceptedByLog { log, index }, Some(told)) = (status, told.as_object_mut()) {
        told.insert("log".to_owned(), log.as_str().into());
        told.insert("index".to_owned(), (*index).into());
    }
    told
}
