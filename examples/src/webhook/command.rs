//! `webhook` on the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;

use super::config::{DEFAULTS, WebhookConfig};
use super::{WebhookError, start};
use crate::cli::{Verdict, finish};
use crate::config::{ConfigError, load, process_environment};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, TelemetryError};

/// Receives ServiceNow's webhook calls and hands them on to the event router.
///
/// POST /api/webhooks/servicenow takes calls signed as in Standard Webhooks. A call is stored in this receiver's own
/// queue before it is answered with 202, and forwarded as a signed event, whenever the router can be reached. Also
/// served: /healthz, /readyz and /metrics. Ctrl-C or SIGTERM stops it gracefully; what is stored stays.
#[derive(Debug, Parser)]
#[command(name = "webhook", version)]
pub struct Cli {
    /// The configuration. What can be said, and the defaults, is what --print-config writes;
    /// OPENFACTORY_SECTION__KEY in the environment goes before both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Writes the commented default configuration to stdout and ends.
    #[arg(long)]
    print_config: bool,
}

#[derive(Debug, Error)]
enum CommandError {
    #[error("the webhook receiver is not configured")]
    Config(#[from] ConfigError),
    #[error("the webhook receiver can't log")]
    Telemetry(#[from] TelemetryError),
    #[error("the webhook receiver's runtime does not start")]
    Runtime(#[source] std::io::Error),
    #[error("the configuration can't be printed")]
    Print(#[source] std::io::Error),
    #[error("the webhook receiver does not run")]
    Webhook(#[from] WebhookError),
    #[error("the webhook receiver was cut short")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let Cli { config, print_config } = Cli::parse();
    finish(if print_config { print() } else { run(config.as_deref()) })
}

fn print() -> Result<Verdict, CommandError> {
    std::io::stdout().write_all(DEFAULTS.as_bytes()).map_err(CommandError::Print)?;
    Ok(Verdict::Good)
}

fn run(path: Option<&Path>) -> Result<Verdict, CommandError> {
    let config: WebhookConfig = load(DEFAULTS, path, process_environment()?)?;
    telemetry::init(&config.log)?;
    let runtime = tokio::runtime::Runtime::new().map_err(CommandError::Runtime)?;
    runtime.block_on(async {
        let stop = Shutdown::on_signal().map_err(CommandError::Runtime)?;
        start(&config, &stop).await?.join.await.map_err(CommandError::Interrupted)??;
        Ok(Verdict::Good)
    })
}
