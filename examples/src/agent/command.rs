//! `agent` on the command line.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use openfactory_sn::lifecycle::event::command::CommandOutcome;
use openfactory_sn::lifecycle::timestamp;
use openfactory_zone2::command::MAX_ENVELOPE_BYTES;
use openfactory_zone2::lockdown::store::LockdownStore;
use serde_json::json;
use thiserror::Error;

use super::config::{AgentConfig, DEFAULTS};
use super::issue::{self, IssueError};
use super::provision::{ProvisionError, Provisioned, provision};
use super::read::{ReadError, read};
use super::{AgentError, AgentOutcome, Delivered, Progress, obey, once, run};
use crate::cli::{Verdict, finish};
use crate::config::{ConfigError, load, process_environment};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, TelemetryError};
use crate::told::told;

/// Checks whether a device still is what was built, reports it, signed, and obeys signed commands.
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
    /// Looks at the device at an interval, and asks the router for commands meanwhile, until Ctrl-C or SIGTERM.
    ///
    /// Each look answers a challenge of the router; while that can't be reached, what is found is kept for later. May be
    /// killed at any moment: what was found or changed and not told yet is on disk.
    Run {
        /// The configuration. What can be said is in the file examples/config/agent.toml, which holds the defaults.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
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
    /// Writes the first values into the empty overlay, after proving the image and checking each value.
    ///
    /// The device is born Unlocked; `agent lock` ends the provisioning. Exit status: 0 done; 1 the image is another, or
    /// a value breaks the policy: nothing was written; 2 could not check.
    Provision {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The image; it must be the one that the signed document names.
        #[arg(long, value_name = "FILE")]
        image: PathBuf,
        /// The signed verification document, instead of the configuration's.
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
        /// The directory whose content the overlay gets.
        #[arg(long, value_name = "DIR")]
        values: PathBuf,
    },
    /// Tells the lockdown state, since when, and the last transitions.
    ///
    /// Exit status: 0 locked; 1 open, or locked because there is no record; 2 could not be read.
    Status {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Prints one JSON object on stdout instead of lines for a person.
        #[arg(long)]
        json: bool,
    },
    /// Opens the overlay, by a signed command only.
    ///
    /// Exit status: 0 done; 1 the command is refused, with the reason; 2 could not be done or not be told.
    Unlock(ByCommand),
    /// Closes the overlay and seals it as it is, by a signed command only.
    ///
    /// Exit status: 0 done; 1 the command is refused, with the reason; 2 could not be done or not be told.
    Lock(ByCommand),
    /// Commands to devices.
    #[command(subcommand, name = "command")]
    Order(Commands),
}

#[derive(Debug, clap::Args)]
struct ByCommand {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The signed command; `agent command sign` makes one.
    #[arg(long, value_name = "FILE")]
    command: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Commands {
    /// Signs a command with an operator's key.
    Sign(issue::Arguments),
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
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the command could not be carried out: {0}")]
    Failed(String),
    #[error("the command is for {found}, this is agent {wanted}")]
    OtherAction { found: String, wanted: &'static str },
    #[error("the result can't be printed")]
    Print(#[from] std::io::Error),
    #[error("the report is not delivered: {}", undelivered(.0))]
    Undelivered(Box<Delivered>),
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let now = SystemTime::now();
    let Cli { print_config, command } = Cli::parse();
    finish(match command {
        Some(Command::Run { config }) => run_until_stopped(&config),
        Some(Command::Once { config, json }) => one_pass(&config, json, now),
        Some(Command::Provision { config, image, document, values }) => {
            provisioned(&config, &image, document, &values, now)
        }
        Some(Command::Status { config, json }) => status(&config, json, now),
        Some(Command::Unlock(by)) => by_command(&by, "unlock", now),
        Some(Command::Lock(by)) => by_command(&by, "lock", now),
        Some(Command::Order(Commands::Sign(arguments))) => sign(&arguments, now),
        None if print_config => print_defaults(),
        None => Cli::command().error(ErrorKind::MissingSubcommand, "say what to do").exit(),
    })
}

fn print_defaults() -> Result<Verdict, CommandError> {
    std::io::stdout().write_all(DEFAULTS.as_bytes())?;
    Ok(Verdict::Good)
}

fn configured(path: &Path) -> Result<AgentConfig, CommandError> {
    let config: AgentConfig = load(DEFAULTS, Some(path), process_environment()?)?;
    telemetry::init(&config.log)?;
    Ok(config)
}

fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Runtime::new().map_err(CommandError::Runtime)
}

fn run_until_stopped(config: &Path) -> Result<Verdict, CommandError> {
    let config = configured(config)?;
    runtime()?.block_on(async {
        let stop = Shutdown::on_signal().map_err(CommandError::Runtime)?;
        run(&config, &stop).await?;
        Ok(Verdict::Good)
    })
}

fn one_pass(config: &Path, json: bool, now: SystemTime) -> Result<Verdict, CommandError> {
    let config = configured(config)?;
    let (bar, progress) = progress();
    let outcome = runtime()?.block_on(once(&config, now, progress));
    bar.finish_and_clear();
    let outcome = outcome?;
    print(&outcome, json)?;
    if !outcome.is_delivered() {
        return Err(CommandError::Undelivered(Box::new(outcome.delivery)));
    }
    Ok(if outcome.is_good() { Verdict::Good } else { Verdict::Bad })
}

fn provisioned(
    config: &Path,
    image: &Path,
    document: Option<PathBuf>,
    values: &Path,
    now: SystemTime,
) -> Result<Verdict, CommandError> {
    let mut config = configured(config)?;
    if let Some(document) = document {
        config.baseline.document = document;
    }
    let mut stdout = std::io::stdout().lock();
    match provision(&config, image, values, now)? {
        Provisioned::Done(entries) => {
            writeln!(
                stdout,
                "{entries} entries written; the device is unlocked until a signed lock seals it"
            )?;
            Ok(Verdict::Good)
        }
        Provisioned::OtherImage { expected, found } => {
            writeln!(stdout, "the image has SHA-256 {found}, the signed document names {expected}")?;
            Ok(Verdict::Bad)
        }
        Provisioned::BadValues(results) => {
            for finding in &results.findings {
                writeln!(stdout, "{}: {} ({})", finding.subject, finding.detail, finding.rule)?;
            }
            for unseen in &results.not_checked {
                writeln!(stdout, "{}: could not be checked: {}", unseen.subject, unseen.reason)?;
            }
            Ok(Verdict::Bad)
        }
    }
}

fn status(config: &Path, json: bool, now: SystemTime) -> Result<Verdict, CommandError> {
    let config = configured(config)?;
    let loaded = LockdownStore::new(&config.state.directory).load(now);
    let record = &loaded.record;
    let since = timestamp::format(record.since());
    let expires = record.expires().map(timestamp::format);
    let lost = loaded.lost.as_ref().map(|lost| told(lost));
    let mut stdout = std::io::stdout().lock();
    if json {
        let object = json!({
            "device": config.device.id, "lockdown": record.state(), "since": since, "expires": expires,
            "seal": record.seal(), "lost": lost, "transitions": record.history(),
        });
        writeln!(stdout, "{object}")?;
    } else {
        let until = expires.map(|expires| format!(", until {expires}")).unwrap_or_default();
        writeln!(stdout, "{} is {} since {since}{until}", config.device.id, record.state())?;
        for transition in record.history() {
            let at = timestamp::format(transition.at);
            writeln!(stdout, "{at}  {} → {}  {:?}", transition.from, transition.to, transition.cause)?;
        }
        if let Some(lost) = &lost {
            writeln!(stdout, "locked because {lost}")?;
        }
    }
    let locked = record.state() == openfactory_zone2::LockdownState::Locked && lost.is_none();
    Ok(if locked { Verdict::Good } else { Verdict::Bad })
}

fn by_command(by: &ByCommand, wanted: &'static str, now: SystemTime) -> Result<Verdict, CommandError> {
    let config = configured(&by.config)?;
    let bytes = read(&by.command, MAX_ENVELOPE_BYTES as u64)?;
    if let Some(found) = claimed_action(&bytes)
        && found != wanted
    {
        return Err(CommandError::OtherAction { found, wanted });
    }
    let (obeyed, delivery) = runtime()?.block_on(obey(&config, &bytes, now))?;
    let mut stdout = std::io::stdout().lock();
    let verdict = match obeyed.outcome {
        CommandOutcome::Done { detail } => {
            writeln!(stdout, "{detail}")?;
            Verdict::Good
        }
        CommandOutcome::Refused { code, reason } => {
            writeln!(stdout, "refused ({code}): {reason}")?;
            Verdict::Bad
        }
        CommandOutcome::Failed { reason } => return Err(CommandError::Failed(reason)),
        outcome => return Err(CommandError::Failed(format!("{outcome:?}"))),
    };
    if delivery.waiting > 0 {
        return Err(CommandError::Undelivered(Box::new(delivery)));
    }
    Ok(verdict)
}

/// What a command claims to order: only so that `agent lock` does not unlock by a mistaken file.
fn claimed_action(bytes: &[u8]) -> Option<String> {
    let envelope = openfactory_attest::envelope::Envelope::parse(bytes).ok()?;
    let command: serde_json::Value = serde_json::from_slice(envelope.payload_unverified()).ok()?;
    command.get("action")?.as_str().map(str::to_owned)
}

fn sign(arguments: &issue::Arguments, now: SystemTime) -> Result<Verdict, CommandError> {
    let id = issue::issue(arguments, now)?;
    writeln!(std::io::stdout().lock(), "{id}")?;
    Ok(Verdict::Good)
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
    let AgentOutcome { report, overlay, event, delivery, .. } = outcome;
    let mut stdout = std::io::stdout().lock();
    if json {
        let object = json!({
            "device": report.device,
            "build_id": report.build_id,
            "event": event.as_str(),
            "compliant": outcome.is_good(),
            "fresh": report.nonce.is_some(),
            "checked_entries": report.checked_entries,
            "findings": report.findings,
            "verity": report.verity,
            "services": report.services,
            "not_checked": report.not_checked,
            "overlay": overlay,
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
    for (service, fault) in report.services.iter().flat_map(|services| services.faults()) {
        writeln!(stdout, "{}: {} ({})", service.name, fault.as_str(), service.state)?;
    }
    for finding in overlay.iter().flat_map(|overlay| &overlay.findings) {
        writeln!(stdout, "{}: {} ({})", finding.subject, finding.detail, finding.rule)?;
    }
    for unseen in &report.not_checked {
        writeln!(stdout, "NOT CHECKED {unseen}")?;
    }
    let word = if outcome.is_good() { "as built" } else { "NOT as built" };
    writeln!(
        stdout,
        "{} runs build {}: {word}, {} differences in {} entries; report {event}",
        report.device,
        report.build_id,
        report.findings.len(),
        report.checked_entries
    )
}

fn undelivered(delivery: &Delivered) -> String {
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
