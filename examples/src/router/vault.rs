//! The revocation of a compromised key: in the vault, in the trust file, in the audit log; then it is told.
//!
//! Each part can be done again and comes to the same: the vault keeps the first revocation, a successor that was made
//! for the key is found, a revocation list that holds the key is left as it is. What the key touched is read from the
//! audit log afterwards, when nothing more can be signed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::compromise::Place;
use openfactory_attest::ledger::{ReadUsesError, read_uses};
use openfactory_attest::trust::TrustedKey;
use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey};
use openfactory_attest::vault::{FileVault, KeyState, Vault, VaultError, VaultKey};
use openfactory_queue::Outcome;
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::event::key::{AssessedBuild, BlastRadius, Revocation, RevocationOrdered};
use openfactory_sn::lifecycle::state::commit::CommitOutcome;
use openfactory_sn::lifecycle::state::signed;
use openfactory_sn::lifecycle::workflow::compromise::{is_revoked_key, revoked_by_vault};
use thiserror::Error;

use super::core::Core;
use super::edges::Edge;
use super::step::state;
use crate::told::told;
use crate::trust_file::{TrustFile, TrustFileError};
use crate::write_once::write_atomically;

/// When a vault that could not be used is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Why a key is not revoked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum RevokeError {
    /// The vault could not be used, or has no such key.
    #[error("the vault did not revoke the key")]
    Vault(#[from] VaultError),
    /// The vault knows the key as another one.
    #[error("the vault has this key as the {kind} key {name:?}")]
    Another {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The trust file could not be read.
    #[error(transparent)]
    Trust(#[from] TrustFileError),
    /// The revocation list could not be signed, or is not taken.
    #[error("no revocation list can be published")]
    List(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The trust file could not be written.
    #[error("the trust file {path} could not be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The vault, and what is published from it.
#[derive(Debug)]
pub(super) struct Keeper {
    vault: FileVault,
    /// The name of the root key, which signs revocation lists.
    root: String,
    trust: TrustFile,
}

impl Keeper {
    pub(super) fn new(vault: FileVault, root: String, trust: TrustFile) -> Self {
        Self { vault, root, trust }
    }

    /// Revokes the key, makes its successor, and publishes both in the trust file. `log_size` is the size of the audit
    /// log now.
    fn revoke(
        &self,
        ordered: &RevocationOrdered,
        log_size: u64,
        now: SystemTime,
    ) -> Result<Revocation, RevokeError> {
        let incident = Some(ordered.incident.as_str());
        let held = self.vault.keys()?.into_iter().find(|held| *held.key_id() == ordered.key.key_id);
        if let Some(held) = held
            && (held.kind != ordered.key.kind || held.name != ordered.key.name)
        {
            return Err(RevokeError::Another { kind: held.kind.as_str(), name: held.name });
        }
        let key = self.vault.revoke(&ordered.key.key_id, Reason::KeyCompromise, incident)?;
        let revoked_at = match key.state {
            KeyState::Revoked { when, .. } => when,
            _ => now,
        };
        let made = self.vault.keys()?.into_iter().find(|made| made.replaces == Some(ordered.key.key_id));
        let successor = match made {
            Some(made) => made,
            None => self.vault.rotate(&key.name, incident)?,
        };
        let (list_sequence, log_size) = self.publish(ordered, &successor, log_size, now)?;
        Ok(Revocation::new(revoked_at, log_size, *successor.key_id(), list_sequence))
    }

    /// The number of the list that holds the key, and where it closes the window.
    fn publish(
        &self,
        ordered: &RevocationOrdered,
        successor: &VaultKey,
        log_size: u64,
        now: SystemTime,
    ) -> Result<(u64, u64), RevokeError> {
        let key = &ordered.key;
        let mut trust = (*self.trust.current()?).clone();
        if let Some(list) = trust.revocations()
            && let Some(held) = list.get(&key.key_id)
        {
            let closed = held.windows.iter().find(|window| window.log == key.window.log);
            return Ok((list.sequence, closed.and_then(|window| window.to).unwrap_or(log_size)));
        }
        let revoked = RevokedKey::new(key.key_id, Reason::KeyCompromise)
            .with_incident(ordered.incident.as_str())
            .with_revoked_at(now)
            .with_window(key.window.clone().until(log_size))
            .with_successor(*successor.key_id());
        let list = match trust.revocations() {
            Some(list) => list.next(now),
            None => RevocationList::new(1, now),
        };
        let list = list.with(revoked);
        let sequence = list.sequence;
        let root = self.vault.signer(&self.root)?;
        let envelope = list.sign(root.as_ref()).map_err(|error| RevokeError::List(error.into()))?;
        let successor = TrustedKey::new(&key.name, successor.kind, successor.public_key.clone());
        trust.add(successor).map_err(|error| RevokeError::List(error.into()))?;
        trust.take_revocations(&envelope).map_err(|error| RevokeError::List(error.into()))?;
        let path = self.trust.path();
        write_atomically(path, &trust.to_json(), 0o644)
            .map_err(|source| RevokeError::Write { path: path.to_owned(), source })?;
        Ok((sequence, log_size))
    }
}

/// Has the key revoked, finds out what it touched, and commits what follows, once.
///
/// # Errors
/// What becomes of the message when vault, trust file, log or store can't be used now.
pub(super) async fn revoke(core: &Core, event: &Event, ordered: &RevocationOrdered) -> Result<(), Outcome> {
    if core.state.is_applied(&is_revoked_key(event)).await.map_err(|error| state(&error))? {
        core.outbox.notify_one();
        return Ok(());
    }
    let Some(keeper) = core.keeper.clone() else {
        let reason = "the router has no vault: set [vault] directory, then redrive this".to_owned();
        return Err(Outcome::Poison { reason });
    };
    let (log_size, now, order) = (core.audit.size(), core.clock.now(), ordered.clone());
    let revocation = tokio::task::spawn_blocking(move || keeper.revoke(&order, log_size, now)).await;
    let revocation = revocation.map_err(|error| again(&error))?.map_err(|error| again(&error))?;
    core.pass(Edge::OrderPerformed).await;
    let radius = radius(core, ordered, &revocation).await?;
    core.audit.revoked(ordered, &revocation).await?;
    let Some(commit) = revoked_by_vault(event, revocation, radius, core.clock.now()) else { return Ok(()) };
    match core.state.commit(&commit).await.map_err(|error| state(&error))? {
        CommitOutcome::Applied | CommitOutcome::AlreadyApplied => {}
        CommitOutcome::Conflict => {
            return Err(Outcome::NotYet { after: AGAIN, reason: "the key changed meanwhile".to_owned() });
        }
    }
    core.pass(Edge::OutcomeCommitted).await;
    core.outbox.notify_one();
    Ok(())
}

/// What the key touched: builds and devices from the state store, their places from the audit log.
async fn radius(
    core: &Core,
    ordered: &RevocationOrdered,
    revocation: &Revocation,
) -> Result<BlastRadius, Outcome> {
    let key = ordered.key.key_id;
    let builds = signed::by_key(core.state.as_ref(), &key).await.map_err(|error| state(&error))?;
    let directory: Arc<Path> = Arc::clone(&core.audit_directory);
    let log = core.audit.verifier_key();
    let uses = tokio::task::spawn_blocking(move || read_uses(&directory, Some(&log))).await;
    let uses = uses.map_err(|error| again(&error))?.map_err(|error: ReadUsesError| again(&error))?;
    let mut first = HashMap::new();
    for (index, used) in uses.uses {
        if used.key_id == key {
            first.entry(used.payload).or_insert(index);
        }
    }
    let window = ordered.key.window.clone().until(revocation.log_size);
    let assessed = builds.into_iter().map(|(build, signed)| {
        let place = Place::of(first.get(&signed.document_digest).copied(), &window);
        (build, AssessedBuild::new(signed.document_digest, place, signed.devices))
    });
    Ok(assessed.collect())
}

fn again(error: &(dyn std::error::Error + 'static)) -> Outcome {
    Outcome::NotYet { after: AGAIN, reason: told(error) }
}
