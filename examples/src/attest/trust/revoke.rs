//! `attest trust revoke` and `attest trust take`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::key::KeyId;
use openfactory_attest::trust::registry;
use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey, Window};

use super::file::Changing;
use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::{self, Verdict};

/// What is revoked, why, and by whom.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The trust store
    file: PathBuf,
    /// The key
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
    /// key-compromise, superseded, cessation-of-operation or privilege-withdrawn
    #[arg(long)]
    reason: Reason,
    /// The incident that it belongs to
    #[arg(long, value_name = "NUMBER")]
    incident: Option<String>,
    /// Since when it may have been in other hands: a day, or a time in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    invalid_since: Option<SystemTime>,
    /// The origin of a log that can prove what the key signed before
    #[arg(long, value_name = "ORIGIN", requires = "from")]
    log: Option<String>,
    /// The first index of that log at which the key may have been in other hands
    #[arg(long, value_name = "INDEX", requires = "log")]
    from: Option<u64>,
    /// The first index after that
    #[arg(long, value_name = "INDEX", requires = "from")]
    to: Option<u64>,
    /// The key that takes its place
    #[arg(long, value_name = "ID")]
    superseded_by: Option<KeyId>,
    /// The root key's private half
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// Write the signed list here too, to be published
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Revoke {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let inputs = [self.file.as_path(), &self.root_key];
        let target = self.output.as_deref().map(|path| Target::new(path, inputs)).transpose()?;
        let root = input::private_key(&self.root_key)?;
        let mut changing = Changing::open(&self.file)?;
        let store = &mut changing.store;
        let id = self.key_id.to_string();
        let registered = store.registry().is_some_and(|registry| registry.get(&id).is_some());
        if !registered && store.get(&self.key_id).is_none() && store.revoked(&self.key_id).is_none() {
            return Err(CliError::new(format!("the trust store does not know the key {}", self.key_id)));
        }
        let now = SystemTime::now();
        let revoked = self.entry(store.revoked(&self.key_id), now);
        let list = match store.revocations() {
            Some(there) => there.next(now),
            None => RevocationList::new(1, now),
        };
        let envelope = list
            .with(revoked)
            .sign(&root)
            .map_err(|error| CliError::because("cannot sign the revocation list", error))?;
        store
            .take_revocations(&envelope)
            .map_err(|error| CliError::because("nobody would take this revocation list", error))?;
        changing.write()?;
        if let Some(target) = target {
            target.write(&envelope.to_json())?;
        }
        let sequence = changing.store.revocations().map_or(0, |list| list.sequence);
        output::text(&format!("revoked {} by list {sequence}\n", self.key_id))?;
        Ok(Verdict::Good)
    }

    /// What the next list says of the key: what the last one said, and what is new.
    fn entry(&self, before: Option<&RevokedKey>, now: SystemTime) -> RevokedKey {
        let new = || RevokedKey::new(self.key_id, self.reason).with_revoked_at(now);
        let mut revoked = before.cloned().unwrap_or_else(new);
        revoked.reason = self.reason;
        if let Some(incident) = &self.incident {
            revoked = revoked.with_incident(incident);
        }
        if let Some(time) = self.invalid_since {
            revoked = revoked.with_invalid_since(time);
        }
        if let Some(key_id) = self.superseded_by {
            revoked = revoked.with_successor(key_id);
        }
        let Some((log, from)) = self.log.as_ref().zip(self.from) else { return revoked };
        let window = Window::from(log, from);
        revoked.with_window(match self.to {
            Some(to) => window.until(to),
            None => window,
        })
    }
}

pub(super) fn take(file: &Path, list: &Path) -> Result<Verdict, CliError> {
    let envelope = input::envelope(list)?;
    let mut changing = Changing::open(file)?;
    let store = &mut changing.store;
    let is_registry = envelope.payload_type_unverified() == registry::PAYLOAD_TYPE;
    let taken = if is_registry {
        store.take_registry(&envelope).map_err(|error| cli::tell(&error))
    } else {
        store.take_revocations(&envelope).map_err(|error| cli::tell(&error))
    };
    match taken {
        Ok(true) => changing.write()?,
        Ok(false) => {}
        Err(()) => return Ok(Verdict::Bad),
    }
    let store = &changing.store;
    let told = match store.registry() {
        Some(registry) if is_registry => {
            format!("registry {}, {} keys\n", registry.sequence, registry.keys.len())
        }
        _ => {
            let list = store.revocations();
            let (sequence, keys) = list.map_or((0, 0), |list| (list.sequence, list.revoked.len()));
            format!("list {sequence}, {keys} keys revoked\n")
        }
    };
    output::text(&told)?;
    Ok(Verdict::Good)
}
