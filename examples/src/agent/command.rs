//! `agent` on the command line.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use thiserror::Error;

use super::config::{AgentConfig, DEFAULTS};
use super::{AgentError, AgentOutcome, Progress, once};
use crate::cli::{Verdict, finish};
use crate::config::{ConfigError, load, process_environment};
use crate::telemetry::{self, TelemetryError};

/// Checks whether a device still is what was built, and reports it, signed.
#[derive(Debug, Parser)]
#[command(name = "agent", version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Writes the commented default configuration to stdout and ends.
    #[arg(long)]
    print_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One pass: check the tree, sign a report, deliver it.
    ///
    /// The tree is compared with the manifest that the signed verification document names. The report is put into
    /// the agent's own queue first and then delivered to the event router; what can't be delivered within the
    /// deadline stays in the queue for the next pass.
    ///
    /// Exit status: 0 as built, and delivered; 1 it differs, and that is delivered; 2 not checked, or not delivered.
    Once {
        /// The configuration. What can be said, and the defaults, is what `agent --print-config` writes.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Prints one JSON object on stdout instead of lines for a person.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Error)]
enum CommandError {
    #[error("the agent is not configured")]
    Config(#[from] ConfigError),
    #[error("the agent can't log")]
    Telemetry(#[from] TelemetryError),
    #[error("the agent's runtime does not start")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("the result can't be printed")]
    Print(#[source] std::io::Error),
    #[error("the report is not delivered: {}", undelivered(.0))]
    Undelivered(Box<AgentOutcome>),
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let Cli { print_config, command } = Cli::parse();
    match command {
        Some(Command::Once { config, json }) => finish(run(&config, json)),
        None if print_config => finish(print_defaults()),
        None => Cli::command().error(ErrorKind::MissingSubcommand, "say what to do").exit(),
    }
}

fn print_defaults() -> Result<Verdict, CommandError> {
    std::io::stdout().write_all(DEFAULTS.as_bytes()).map_err(CommandError::Print)?;
    Ok(Verdict::Good)
}

fn run(path: &std::path::Path, json: bool) -> Result<Verdict, CommandError> {
    let config: AgentConfig = load(DEFAULTS, Some(path), process_environment()?)?;
    telemetry::init(&config.log)?;
    let runtime = tokio::runtime::Runtime::new().map_err(CommandError::Runtime)?;
    let (bar, progress) = progress();
    let outcome = runtime.block_on(once(&config, SystemTime::now(), progress));
    bar.finish_and_clear();
    let outcome = outcome?;
    print(&outcome, json).map_err(CommandError::Print)?;
    if !outcome.is_delivered() {
        return Err(CommandError::Undelivered(Box::new(outcome)));
    }
    Ok(if outcome.report.compliant() { Verdict::Good } else { Verdict::Bad })
}

/// A bar on a terminal's stderr, and what moves it.
fn progress() -> (ProgressBar, Progress) {
    let terminal = std::io::stderr().is_terminal();
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template("checking {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
    {
        bar.set_style(style);
    }
    let moved = bar.clone();
    let progress: Progress = Arc::new(move |done, total| {
        moved.set_length(total);
        moved.set_position(done);
    });
    (bar, progress)
}

fn print(outcome: &AgentOutcome, json: bool) -> std::io::Result<()> {
    let AgentOutcome { report, event, delivery, .. } = outcome;
    let mut stdout = std::io::stdout().lock();
    if json {
        let object = json!({
            "device": report.device,
            "build_id": report.build_id,
            "event": event.as_str(),
            "compliant": report.compliant(),
            "checked_entries": report.checked_entries,
            "findings": report.findings,
            "delivered": outcome.is_delivered(),
            "waiting": delivery.waiting,
            "refused": delivery.refused,
            "last_failure": delivery.last_failure,
        });
        return writeln!(stdout, "{object}");
    }
    for finding in &report.findings {
        let of = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        let (expected, found) = (of(&finding.expected), of(&finding.found));
        writeln!(stdout, "{}: {} (expected {expected}, found {found})", finding.path, finding.kind.name())?;
    }
    let word = if report.compliant() { "as built" } else { "NOT as built" };
    writeln!(
        stdout,
        "{} runs build {}: {word}, {} differences in {} entries; report {event}",
        report.device,
        report.build_id,
        report.findings.len(),
        report.checked_entries
    )
}

fn undelivered(outcome: &AgentOutcome) -> String {
    let delivery = &outcome.delivery;
    let mut text = Vec::new();
    if delivery.waiting > 0 {
        text.push(format!("{} kept in the queue for the next pass", delivery.waiting));
    }
    if delivery.refused > 0 {
        text.push(format!("{} refused for good by the event router", delivery.refused));
    }
    text.extend(delivery.last_failure.iter().map(|failure| format!("last failure: {failure}")));
    text.join("; ")
}
