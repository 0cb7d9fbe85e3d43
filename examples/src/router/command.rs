//! `event-router`: the command line.

pub mod queue;

use std::io;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use thiserror::Error;

use super::config::{DEFAULTS, RouterConfig};
use super::{StartError, start};
use crate::cli::Verdict;
use crate::config::{self, ConfigError, process_environment};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, TelemetryError};

/// Takes signed lifecycle events, keeps them durably, and has ServiceNow hear of each exactly what the
/// integration guide says.
///
/// Without --config the defaults hold; `event-router --print-config` writes them out, commented, as a file to
/// start from. `event-router queue` looks after one that runs. Stop it with Ctrl-C or SIGTERM; it may also be killed: what it has acknowledged is on disk.
#[derive(Debug, Parser)]
#[command(name = "event-router", version, about)]
pub struct Arguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Writes the commented default configuration to stdout and ends.
    #[arg(long)]
    pub print_config: bool,
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is asked of a router that runs.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Looks after the queue of a running router: numbers, dead letters, pauses.
    Queue(queue::QueueArguments),
}

/// Why the command failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The configuration can't be used.
    #[error("the router is not configured")]
    Config(#[from] ConfigError),
    /// Logging can't be set up.
    #[error("logging can't be set up")]
    Telemetry(#[from] TelemetryError),
    /// The router does not start.
    #[error("the router does not start")]
    Start(#[from] StartError),
    /// Nothing is known of the queue.
    #[error(transparent)]
    Queue(#[from] queue::QueueCommandError),
    /// The runtime, the signal handlers or the listener failed.
    #[error("the router failed")]
    Io(#[from] io::Error),
}

/// Runs until it is told to stop.
///
/// # Errors
/// [`CommandError`] says what stands in the way.
pub fn run(arguments: &Arguments) -> Result<Verdict, CommandError> {
    if arguments.print_config {
        io::Write::write_all(&mut io::stdout(), DEFAULTS.as_bytes())?;
        return Ok(Verdict::Good);
    }
    if let Some(Command::Queue(queue)) = &arguments.command {
        let reached = config::load(DEFAULTS, arguments.config.as_deref(), process_environment()?)?;
        return Ok(queue::run(queue, &reached)?);
    }
    let config: RouterConfig = config::load(DEFAULTS, arguments.config.as_deref(), process_environment()?)?;
    telemetry::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = Shutdown::on_signal()?;
        let running = start(&config, &stop).await?;
        tracing::info!(address = %running.address, "the event router serves");
        running.stopped().await?;
        Ok(Verdict::Good)
    })
}
