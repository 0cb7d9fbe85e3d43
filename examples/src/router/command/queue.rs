//! `event-router queue`: an operator looks after the queue of a running router.
//!
//! The queue's file belongs to the router's process alone, so the router is asked, over its own listener.

mod tell;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use openfactory_sn::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cli::Verdict;
use crate::private_file::{self, PrivateFileError};
use crate::queue_client::{QueueClient, QueueClientError};
use crate::queue_wire::{Hold, Move, Page, Scope, Which};
use crate::router::config::OperatorConfig;
use crate::serve::ListenConfig;

/// What of the router's configuration says how it is reached: the rest may be missing on an operator's machine.
#[derive(Debug, Deserialize)]
pub(super) struct Reached {
    listen: ListenConfig,
    operator: OperatorConfig,
}

/// How the router is reached, and how it is told.
#[derive(Debug, Args)]
pub struct QueueArguments {
    /// The router's URL; without it, the listener of the configuration on this machine.
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// The CA that signed the router's certificate, PEM; without it the configuration's local CA, or those that the
    /// machine trusts.
    #[arg(long, value_name = "FILE", global = true)]
    ca_file: Option<PathBuf>,
    /// The file with the operator's token; without it, the configuration's.
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// Prints one JSON object on stdout instead of lines for a person.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// The queue in numbers, and what is paused.
    Stats,
    /// Lists dead letters: what could not be delivered and waits for a decision.
    DeadLetters {
        #[command(flatten)]
        which: WhichArguments,
        /// Only those behind this place: the last one of the page before.
        #[arg(long, value_name = "PLACE")]
        after: Option<u64>,
        /// At most so many, 1 to 1,000.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: usize,
    },
    /// Shows one message that waits or is a dead letter: its way, and what is in it.
    ///
    /// Exit status: 0 shown; 1 there is none of that id.
    Show {
        /// The message's id, as `dead-letters` lists it.
        id: String,
    },
    /// Sends dead letters again; in their key they come before all that waits.
    ///
    /// Exit status: 0 done; 1 some of the ids are no dead letters (any more).
    Redrive {
        #[command(flatten)]
        move_: MoveArguments,
        /// Not more than so many a second.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
    },
    /// Gives dead letters up for good: they will never be delivered.
    ///
    /// Exit status: 0 done; 1 some of the ids are no dead letters (any more).
    Discard {
        #[command(flatten)]
        move_: MoveArguments,
    },
    /// Holds deliveries back: all of them, or those of one key or destination. It lasts over restarts.
    Pause {
        #[command(flatten)]
        scope: ScopeArguments,
        /// It ends by itself after so long: 90s, 30m, 2h.
        #[arg(long = "for", value_name = "TIME", value_parser = whole_seconds)]
        for_s: Option<u64>,
        #[command(flatten)]
        who: WhoArguments,
    },
    /// Ends a pause.
    ///
    /// Exit status: 0 ended; 1 there was none.
    Resume {
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        who: WhoArguments,
    },
}

#[derive(Debug, Args)]
struct WhichArguments {
    /// Only those of this key: what concerns one device, build or change request.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only those of this event type.
    #[arg(long, value_name = "TYPE")]
    kind: Option<String>,
    /// Only those that died of this.
    #[arg(long, value_name = "CAUSE", value_parser = ["rejected", "expired", "parked"])]
    cause: Option<String>,
}

#[derive(Debug, Args)]
struct MoveArguments {
    /// The messages' ids.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All dead letters, or with --key, --kind, --cause all that match.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: WhichArguments,
    /// At most so many, the oldest first; 1 to 1,000.
    #[arg(long, value_name = "N", default_value = "1000")]
    limit: usize,
    /// Only says which, changes nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    who: WhoArguments,
}

#[derive(Debug, Args)]
struct ScopeArguments {
    /// Of this key only.
    #[arg(long, value_name = "KEY", conflicts_with = "destination")]
    key: Option<String>,
    /// Of this destination only, such as servicenow.
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
}

#[derive(Debug, Args)]
struct WhoArguments {
    /// Why: it stands in the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who asks: it stands in the audit log. Without it, the name that you are logged in by.
    #[arg(long, value_name = "NAME", env = "USER")]
    actor: String,
}

/// Why nothing is known of the queue.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QueueCommandError {
    /// There is no token to show.
    #[error("no operator's token: set [operator] token_file in the configuration, or give --token-file")]
    NoToken,
    /// The token can't be read.
    #[error("the operator's token can't be read")]
    Token(#[from] PrivateFileError),
    /// Where the router listens is not known.
    #[error("the configuration lets the system choose the port: give --url")]
    NoAddress,
    /// The runtime could not be started, or stdout not written.
    #[error("the terminal or the system failed")]
    Io(#[from] io::Error),
    /// The router did not do it.
    #[error(transparent)]
    Client(#[from] QueueClientError),
}

/// Does what was asked and tells it.
///
/// # Errors
/// [`QueueCommandError`]: nothing is known, or nothing was done.
pub(super) fn run(arguments: &QueueArguments, config: &Reached) -> Result<Verdict, QueueCommandError> {
    let client = client(arguments, config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(dispatch(&client, &arguments.command, arguments.json))
}

fn client(arguments: &QueueArguments, config: &Reached) -> Result<QueueClient, QueueCommandError> {
    let listen = &config.listen;
    let token = arguments.token_file.as_ref().or(config.operator.token_file.as_ref());
    let token = Secret::new(private_file::read(token.ok_or(QueueCommandError::NoToken)?)?.as_str());
    let url = match &arguments.url {
        Some(url) => url.clone(),
        None if listen.address.port() == 0 => return Err(QueueCommandError::NoAddress),
        None => {
            let tls = listen.certificate_file.is_some() || listen.local_tls_directory.is_some();
            format!("{}://localhost:{}", if tls { "https" } else { "http" }, listen.address.port())
        }
    };
    let local_ca = listen.local_tls_directory.as_deref().map(|directory: &Path| directory.join("ca.pem"));
    Ok(QueueClient::new(&url, arguments.ca_file.as_deref().or(local_ca.as_deref()), token)?)
}

async fn dispatch(
    client: &QueueClient,
    command: &QueueCommand,
    json: bool,
) -> Result<Verdict, QueueCommandError> {
    match command {
        QueueCommand::Stats => {
            let facts = client.facts().await?;
            print(json, &facts, || tell::facts(&facts))?;
            Ok(Verdict::Good)
        }
        QueueCommand::DeadLetters { which, after, limit } => {
            let Which { key, kind, cause } = which.wire();
            let letters =
                client.dead_letters(&Page { key, kind, cause, after: *after, limit: Some(*limit) }).await?;
            print(json, &letters, || tell::letters(&letters))?;
            Ok(Verdict::Good)
        }
        QueueCommand::Show { id } => match client.message(id).await? {
            Some(shown) => {
                print(json, &shown, || tell::message(&shown))?;
                Ok(Verdict::Good)
            }
            None => {
                print(json, &serde_json::Value::Null, || {
                    format!(
                        "no message {id} waits or is a dead letter: it was delivered, discarded, or never came\n"
                    )
                })?;
                Ok(Verdict::Bad)
            }
        },
        QueueCommand::Redrive { move_, rate } => {
            let moved = client.redrive(&move_.wire(*rate)).await?;
            let what = if move_.dry_run { "would be sent again" } else { "sent again" };
            print(json, &moved, || tell::moved(&moved, what))?;
            Ok(found_all(&moved.missing))
        }
        QueueCommand::Discard { move_ } => {
            let moved = client.discard(&move_.wire(None)).await?;
            let what = if move_.dry_run { "would be given up" } else { "given up" };
            print(json, &moved, || tell::moved(&moved, what))?;
            Ok(found_all(&moved.missing))
        }
        QueueCommand::Pause { scope, for_s, who } => {
            let held = client.pause(&who.wire(scope, *for_s)).await?;
            print(json, &held, || "paused\n".to_owned())?;
            Ok(Verdict::Good)
        }
        QueueCommand::Resume { scope, who } => {
            let held = client.resume(&who.wire(scope, None)).await?;
            let text = if held.changed { "resumed\n" } else { "there was no such pause\n" };
            print(json, &held, || text.to_owned())?;
            Ok(if held.changed { Verdict::Good } else { Verdict::Bad })
        }
    }
}

fn found_all(missing: &[String]) -> Verdict {
    if missing.is_empty() { Verdict::Good } else { Verdict::Bad }
}

fn print<T: Serialize>(json: bool, facts: &T, text: impl FnOnce() -> String) -> io::Result<()> {
    let text = if json { format!("{}\n", serde_json::to_string(facts)?) } else { text() };
    io::stdout().lock().write_all(text.as_bytes())
}

impl WhichArguments {
    fn wire(&self) -> Which {
        Which { key: self.key.clone(), kind: self.kind.clone(), cause: self.cause.clone() }
    }
}

impl MoveArguments {
    fn wire(&self, rate: Option<u32>) -> Move {
        Move {
            ids: self.ids.clone(),
            all: self.all.then(|| self.which.wire()),
            actor: self.who.actor.clone(),
            reason: self.who.reason.clone(),
            limit: Some(self.limit),
            rate,
            dry_run: self.dry_run,
        }
    }
}

impl WhoArguments {
    fn wire(&self, scope: &ScopeArguments, for_s: Option<u64>) -> Hold {
        let scope = match (&scope.key, &scope.destination) {
            (Some(key), _) => Scope::Key(key.clone()),
            (None, Some(destination)) => Scope::Destination(destination.clone()),
            (None, None) => Scope::Queue,
        };
        Hold { scope, for_s, actor: self.actor.clone(), reason: self.reason.clone() }
    }
}

/// `90s`, `30m`, `2h`: at least a second.
fn whole_seconds(text: &str) -> Result<u64, String> {
    let time: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    match u64::try_from(time.as_secs()) {
        Ok(seconds @ 1..) => Ok(seconds),
        _ => Err("give a time of at least a second, such as 30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::whole_seconds;

    #[test]
    fn times_of_pauses() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400)] {
            assert_eq!(whole_seconds(text), Ok(seconds), "{text}");
        }
        for text in ["", "0s", "-2h", "10ms", "soon", "90"] {
            assert!(whole_seconds(text).is_err(), "{text}");
        }
    }
}
