//! `agent command sign`: an operator signs a command to a device or a fleet.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use openfactory_attest::report::Nonce;
use openfactory_sn::lifecycle::id::{CommandId, DeviceId, FleetId, IdError};
use openfactory_zone2::command::{Action, Authority, Command, CommandError, SignCommandError, Target};
use thiserror::Error;

use crate::private_key::{self, PrivateKeyError};
use crate::write_once::write_atomically;

/// What is to be signed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the device is to do.
    #[arg(value_enum)]
    action: What,
    /// The operator's key, PKCS#8 PEM, of the kind operator.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The device.
    #[arg(long, value_name = "ID", required_unless_present = "fleet", conflicts_with = "fleet")]
    device: Option<String>,
    /// All devices of a fleet; each takes the command once.
    #[arg(long, value_name = "ID")]
    fleet: Option<String>,
    /// Who orders it: an e-mail address.
    #[arg(long, value_name = "EMAIL")]
    operator: String,
    /// Why. It stands in the emergency change request.
    #[arg(long, value_name = "TEXT")]
    justification: String,
    /// Under which change request.
    #[arg(long, value_name = "NUMBER")]
    change_request: String,
    /// The command counts for so many seconds; a window that it opens closes then.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    expires_in: u64,
    /// The command's id; a random one by default. A device takes each id once.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Where the signed command goes.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

/// What an operator can order.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Open the overlay until the command expires.
    Unlock,
    /// Close the overlay and seal it as it is.
    Lock,
}

/// Why there is no signed command.
#[derive(Debug, Error)]
pub(super) enum IssueError {
    /// The key can't be used.
    #[error("the operator's key can't be used")]
    Key(#[from] PrivateKeyError),
    /// An id is none.
    #[error("an id can't be used")]
    Id(#[from] IdError),
    /// A part of the command can't be used.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] SignCommandError),
    /// There is no id for it.
    #[error("there are no random numbers for the command's id")]
    Random(#[source] getrandom::Error),
    /// It can't be written.
    #[error("{path} can't be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Signs and writes the command; gives its id.
pub(super) fn issue(arguments: &Arguments, now: SystemTime) -> Result<CommandId, IssueError> {
    let key = private_key::read(&arguments.key)?;
    let id = match &arguments.id {
        Some(id) => CommandId::new(id.as_str())?,
        None => {
            let mut bytes = [0; Nonce::LEN];
            getrandom::fill(&mut bytes).map_err(IssueError::Random)?;
            CommandId::new(format!("command-{:.32}", Nonce::from_bytes(bytes).to_string()))?
        }
    };
    let target = match (&arguments.device, &arguments.fleet) {
        (Some(device), _) => Target::Device(DeviceId::new(device.as_str())?.to_string()),
        (None, fleet) => Target::Fleet(FleetId::new(fleet.clone().unwrap_or_default())?.to_string()),
    };
    let action = match arguments.action {
        What::Unlock => Action::Unlock,
        What::Lock => Action::Lock,
    };
    let authority = Authority::new(&arguments.operator, &arguments.justification, &arguments.change_request);
    let expires = now + Duration::from_secs(arguments.expires_in);
    let command = Command::new(id.as_str(), action, target, authority, now, expires)?;
    let envelope = command.sign(&key)?;
    write_atomically(&arguments.out, &envelope.to_json(), 0o644)
        .map_err(|source| IssueError::Write { path: arguments.out.clone(), source })?;
    Ok(id)
}
