//! `attest trust`: whose signatures count, and whose no longer do.

use std::path::PathBuf;

use clap::Subcommand;
use openfactory_attest::KeyKind;
use openfactory_attest::key::KeyId;

use super::CliError;
use crate::cli::Verdict;

mod file;
mod keys;
mod revoke;
mod show;

/// `attest trust ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Make a trust store that trusts one root key
    #[command(after_help = "Example:
  attest key generate --kind root-signing --out root.key
  attest trust init trust.json --root root.key.pub

Root keys sign revocation lists. Keep them offline; two are better than one, for a root key can't revoke itself.")]
    Init {
        /// The trust store to make; nothing that is there is overwritten
        file: PathBuf,
        /// The root key's public half, in PEM
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        /// What people call it
        #[arg(long, default_value = "root")]
        name: String,
    },
    /// Trust one more key, for one kind of use
    #[command(after_help = "Example:
  attest trust add trust.json --key platform.key.pub --kind build-platform-signing --name platform
  attest trust add trust.json --key log.key.pub --kind audit-log --name example.com/audit/router-1

An audit log's key is called as its log's origin.")]
    Add {
        /// The trust store
        file: PathBuf,
        /// The public key, in PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// What it may sign
        #[arg(long)]
        kind: KeyKind,
        /// What people call it
        #[arg(long)]
        name: String,
    },
    /// Revoke a key: sign the next revocation list and take it into the trust store
    ///
    /// What the key signed is refused from then on. With --log and --from, what that log held before that index is
    /// still accepted with proof; for several logs revoke again, once for each. A revocation is never taken back.
    #[command(after_help = "Example:
  attest trust revoke trust.json --key-id 3f5a... --reason key-compromise --incident INC0010001 \\
      --log example.com/audit/router-1 --from 4711 --root-key root.key -o revocations.json")]
    Revoke(Box<revoke::Revoke>),
    /// Take a revocation list that somebody else signed with a root key
    ///
    /// Refused is what no trusted root key signed, what is older than the list that was taken before, and what does
    /// not hold all that it held.
    #[command(
        after_help = "Exit status: 0 taken, or the one that is there already, 1 refused, 2 could not check."
    )]
    Take {
        /// The trust store
        file: PathBuf,
        /// The signed list
        list: PathBuf,
    },
    /// Print who is trusted for what, and who was revoked
    Show {
        /// The trust store
        file: PathBuf,
        /// One key only
        #[arg(long, value_name = "ID")]
        key_id: Option<KeyId>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl TrustCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Init { file, root, name } => keys::init(&file, &root, &name),
            Self::Add { file, key, kind, name } => keys::add(&file, &key, kind, &name),
            Self::Revoke(revoke) => revoke.run(),
            Self::Take { file, list } => revoke::take(&file, &list),
            Self::Show { file, key_id, json } => show::show(&file, key_id.as_ref(), json),
        }
    }
}
