//! `servicenow-sim`: a ServiceNow to test against, as a process.

mod args;
mod credentials;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use openfactory_simulator::faults::{FaultList, FaultListError};
use openfactory_simulator::outbound::{Manner, MannerError};
use openfactory_simulator::seed::{Seed, SeedError};
use openfactory_simulator::switches::{SwitchError, Switches};
use openfactory_simulator::{Builder, Simulator, StartError, Webhook, WebhookError};
use serde_json::json;

use crate::cli::{self, Verdict};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, LogConfig, LogFormat, TelemetryError};
use args::Args;
use credentials::{Credentials, CredentialsError};

/// What this and every other log line of the simulator is filtered by, unless `RUST_LOG` says otherwise.
const LOG_FILTER: &str = "warn,openfactory_simulator=info";

/// The largest seed or fault file, in bytes.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// Why the simulator does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// A file named on the command line can't be read.
    #[error("can't read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A seed file holds no seed.
    #[error("{} is no seed file", path.display())]
    Seed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: SeedError,
    },
    /// A fault file holds no faults.
    #[error("{} is no file of faults", path.display())]
    Faults {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: FaultListError,
    },
    /// A file holds no switches.
    #[error("{} is no file of switches", path.display())]
    Switches {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: SwitchError,
    },
    /// A file does not say how the webhook is called.
    #[error("{} does not say how the webhook is called", path.display())]
    Manner {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: MannerError,
    },
    /// A file holds no credentials.
    #[error("{} is no file of credentials", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CredentialsError,
    },
    /// The webhook can't be used.
    #[error("--webhook can't be used")]
    Webhook(#[source] WebhookError),
    /// It did not start.
    #[error("the simulator did not start")]
    Start(#[source] StartError),
    /// Logs can't be written.
    #[error("logging can't be set up")]
    Telemetry(#[source] TelemetryError),
    /// The system refused what every process needs.
    #[error("can't {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Parses this process's arguments, serves until it is told to stop, and gives the exit status.
#[must_use]
pub fn main() -> ExitCode {
    cli::finish(run(Args::parse()))
}

fn run(args: Args) -> Result<Verdict, SimError> {
    let log = LogConfig { format: LogFormat::Auto, filter: LOG_FILTER.to_owned() };
    telemetry::init(&log).map_err(SimError::Telemetry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| SimError::System { what: "start the runtime", source })?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<Verdict, SimError> {
    let stop =
        Shutdown::on_signal().map_err(|source| SimError::System { what: "listen for signals", source })?;
    // Without a directory for it the CA lives as long as the process.
    let temporary = tempfile::Builder::new()
        .prefix("servicenow-sim-")
        .tempdir()
        .map_err(|source| SimError::System { what: "make a temporary directory", source })?;
    let tls_dir = args.tls_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let ca_cert = (!args.http).then(|| tls_dir.join("ca.pem"));
    let builder = builder(args, &tls_dir)?;
    let simulator = builder.start().await.map_err(SimError::Start)?;
    announce(&simulator, ca_cert.as_deref())
        .map_err(|source| SimError::System { what: "write to stdout", source })?;
    stop.triggered().await;
    simulator.shutdown().await;
    Ok(Verdict::Good)
}

fn builder(args: Args, tls_dir: &Path) -> Result<Builder, SimError> {
    let mut builder = Simulator::builder().listen(args.listen).profile(args.profile);
    builder = builder.demo_data(!args.without_demo_data);
    if let Some(path) = args.switches {
        let switches = Switches::from_json(args.profile, &read(&path)?);
        builder = builder.switches(switches.map_err(|source| SimError::Switches { path, source })?);
    }
    builder = if args.http { builder.plain_http() } else { builder.tls_dir(tls_dir) };
    if let Some(file) = args.state {
        builder = builder.state(file);
    }
    for path in args.seed {
        let seed = Seed::from_json(&read(&path)?).map_err(|source| SimError::Seed { path, source })?;
        builder = builder.seed(seed);
    }
    builder = args.user.into_iter().fold(builder, Builder::user);
    builder = args.client.into_iter().fold(builder, Builder::client);
    for path in args.credentials {
        let text = read(&path)?;
        let added = Credentials::parse(&text).and_then(|found| found.add_to(builder, &path));
        builder = added.map_err(|source| SimError::Credentials { path, source })?;
    }
    if let (Some(url), Some(secret)) = (args.webhook, args.webhook_secret) {
        let mut webhook = Webhook::new(url, &secret).map_err(SimError::Webhook)?;
        if let Some(path) = args.webhook_ca {
            webhook = webhook.trusting(String::from_utf8_lossy(&read(&path)?));
        }
        if let Some(path) = args.webhook_manner {
            let manner = Manner::from_json(&read(&path)?);
            webhook = webhook.manner(manner.map_err(|source| SimError::Manner { path, source })?);
        }
        builder = builder.webhook(webhook);
    }
    if let Some(path) = args.faults {
        let list = FaultList::from_json(&read(&path)?).map_err(|source| SimError::Faults { path, source })?;
        builder = builder.faults(list.faults);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<Vec<u8>, SimError> {
    let read = || {
        if fs::metadata(path)?.len() > FILE_LIMIT {
            let reason = format!("it is larger than {FILE_LIMIT} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        fs::read(path)
    };
    read().map_err(|source| SimError::File { path: path.to_owned(), source })
}

/// The one line on stdout by which a script finds the simulator.
fn announce(simulator: &Simulator, ca_cert: Option<&Path>) -> io::Result<()> {
    let users: Vec<_> = simulator
        .users()
        .iter()
        .map(|user| json!({ "user_name": user.name(), "password": user.password() }))
        .collect();
    let clients: Vec<_> = simulator
        .clients()
        .iter()
        .map(|client| {
            json!({ "client_id": client.id(), "client_secret": client.secret(), "user": client.user() })
        })
        .collect();
    let line = json!({
        "base_url": simulator.base_url(),
        "ca_cert": ca_cert,
        "users": users,
        "clients": clients,
    });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
