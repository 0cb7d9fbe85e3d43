//! `attest trust`: whose signatures count, and whose no longer do.

use std::path::PathBuf;

use clap::Subcommand;
use openfactory_attest::KeyKind;
use openfactory_attest::key::KeyId;

use super::CliError;
use crate::cli::Verdict;

pub(super) mod file;
mod keys;
mod register;
mod revoke;
mod show;

/// `attest trust ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Make a trust store that trusts one root key
    #[command(after_help = "Example:
  attest key generate --kind root-signing --out root.key
  attest trust init trust.json --root root.key.pub

Root keys sign revocation lists and key registries. Keep them offline; two are better than one, for a root key can't revoke
itself. With --threshold that many have to sign each registry.")]
    Init {
        /// The trust store to make; nothing that is there is overwritten
        file: PathBuf,
        /// The root key's public half, in PEM
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        /// What people call it
        #[arg(long, default_value = "root")]
        name: String,
        /// How many root keys have to sign a key registry
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
        threshold: Option<u8>,
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
    /// Register a key or a secret: sign the next key registry and take it into the trust store
    ///
    /// The registry says of every key what it is for, who has it and how long it lives, and is itself good until --expires.
    /// Keys that it lists count by its word alone. Registering the same key again changes its life and its holders.
    #[command(after_help = "Examples:
  attest trust register trust.json --key platform.key.pub --kind build-platform-signing --name platform \\
      --holder service:builder-1 --until 2027-06-01 --expires 2026-12-31 --root-key root.key -o registry.json
  attest trust register trust.json --id luks-2026 --kind luks-passphrase --name disks --holder device:press-1 \\
      --holder device:press-2 --expires 2026-12-31 --root-key root.key
  attest trust register trust.json --key new.key.pub --kind build-platform-signing --name platform \\
      --replaces 3f5a... --incident INC0010001 --expires 2026-12-31 --root-key root.key")]
    Register(Box<register::Register>),
    /// Sign the next key registry with the same keys, good until --expires
    Renew {
        /// The trust store
        file: PathBuf,
        #[command(flatten)]
        signing: register::Signing,
    },
    /// Print what a compromise of a registered key touches: its severity, the keys under it and who holds them
    Scope {
        /// The trust store
        file: PathBuf,
        /// The key's id in the registry
        id: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take a revocation list or a key registry that somebody else signed with root keys
    ///
    /// Refused is what not enough trusted root keys signed, what is older than the one that was taken before, and what does
    /// not hold all that it held.
    #[command(
        after_help = "Exit status: 0 taken, or the one that is there already, 1 refused, 2 could not check."
    )]
    Take {
        /// The trust store
        file: PathBuf,
        /// The signed list or registry
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
            Self::Init { file, root, name, threshold } => keys::init(&file, &root, &name, threshold),
            Self::Add { file, key, kind, name } => keys::add(&file, &key, kind, &name),
            Self::Register(register) => register.run(),
            Self::Renew { file, signing } => signing.renew(&file),
            Self::Revoke(revoke) => revoke.run(),
            Self::Scope { file, id, json } => register::scope(&file, &id, json),
            Self::Take { file, list } => revoke::take(&file, &list),
            Self::Show { file, key_id, json } => show::show(&file, key_id.as_ref(), json),
        }
    }
}
