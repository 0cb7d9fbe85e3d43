//! What a device remembers of its lockdown.

use std::time::SystemTime;

use openfactory_attest::canonical::{self, Limits};
use openfactory_attest::{Sha256Digest, Verified};
use serde::{Deserialize, Serialize};

use super::{LockdownState, SealAction, Transition, Trigger, step};
use crate::command::{Action, Command, Refusal};
use crate::violation::Row;

/// The most transitions that a record holds; the oldest go first.
pub const MAX_HISTORY: usize = 64;

/// The most ids of used commands that a record holds.
pub const MAX_USED: usize = 1024;

/// The largest record that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// A device's lockdown state, and how it came to it.
///
/// One value, stored as a whole, so that a command's use and what it changes are never apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockdownRecord {
    version: u32,
    state: LockdownState,
    #[serde(with = "crate::instant::exact")]
    since: SystemTime,
    #[serde(with = "crate::instant::optional", default)]
    expires: Option<SystemTime>,
    seal: Option<Sha256Digest>,
    transitions: u64,
    history: Vec<TransitionRecord>,
    used: Vec<Used>,
    /// Commands that were issued at or before this instant are not believed any more: what was used then is
    /// forgotten.
    #[serde(with = "crate::instant::exact")]
    forgotten_until: SystemTime,
}

/// A command that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Used {
    id: String,
    #[serde(with = "crate::instant::exact")]
    issued: SystemTime,
    #[serde(with = "crate::instant::exact")]
    expires: SystemTime,
}

/// One transition, for a record in ServiceNow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TransitionRecord {
    /// Which of the device's transitions it is, from 1.
    pub sequence: u64,
    /// The state before.
    pub from: LockdownState,
    /// The state after.
    pub to: LockdownState,
    /// When.
    #[serde(with = "crate::instant::exact")]
    pub at: SystemTime,
    /// The guide's row.
    pub row: Row,
    /// Why.
    pub cause: Cause,
    /// The seal that holds afterwards.
    pub seal: Option<Sha256Digest>,
}

/// Why a device's state changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Cause {
    /// A signed command.
    Command {
        /// Its id.
        id: String,
        /// The key that signed it, by the name that the device trusts it under.
        signer: String,
        /// Who ordered it.
        operator: String,
        /// Why.
        justification: String,
        /// Under which change request.
        change_request: String,
    },
    /// The command that opened the window expired.
    Expired,
    /// The migration failed; Zone 2 was restored.
    MigrationFailed,
}

/// A lock needs a new seal and was given none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lock seals zone 2 anew; there is no new seal")]
pub struct MissingSeal;

/// Why bytes are no lockdown record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRecordError {
    /// Not JSON, or not within the limits.
    #[error("the lockdown record is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// JSON of another shape.
    #[error("the lockdown record has another shape than expected: {reason}")]
    Shape {
        /// What is missing or of another type.
        reason: String,
    },
    /// Another version than 1.
    #[error("lockdown record version {found} is not supported, only 1 is")]
    Version {
        /// The version it says.
        found: u32,
    },
}

/// What a command or an expiry leads to, before it is made true.
#[derive(Clone, Debug)]
#[must_use = "nothing has changed until the next record is stored"]
pub struct Next {
    record: LockdownRecord,
    transition: Option<(Transition, Cause, Option<SystemTime>)>,
    at: SystemTime,
}

impl LockdownRecord {
    const VERSION: u32 = 1;

    /// A device that is being provisioned: Unlocked, without a seal, until its first signed lock.
    #[must_use]
    pub const fn born(now: SystemTime) -> Self {
        Self::new(LockdownState::Unlocked, now, SystemTime::UNIX_EPOCH)
    }

    /// A device whose record is lost: Locked, without a seal. Commands issued until now are not believed any more,
    /// since nobody knows which of them were used.
    #[must_use]
    pub const fn restored(now: SystemTime) -> Self {
        Self::new(LockdownState::Locked, now, now)
    }

    const fn new(state: LockdownState, since: SystemTime, forgotten_until: SystemTime) -> Self {
        Self {
            version: Self::VERSION,
            state,
            since,
            expires: None,
            seal: None,
            transitions: 0,
            history: Vec::new(),
            used: Vec::new(),
            forgotten_until,
        }
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`ParseRecordError`]; whoever gets it has no record and is [`restored`](Self::restored).
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseRecordError> {
        let limits = Limits { max_bytes: MAX_BYTES, ..Limits::SIGNED };
        let value = canonical::parse(bytes, &limits).map_err(ParseRecordError::Json)?;
        let shape = |reason: String| ParseRecordError::Shape { reason };
        let record: Self = serde_json::from_value(value).map_err(|error| shape(error.to_string()))?;
        if record.version != Self::VERSION {
            return Err(ParseRecordError::Version { found: record.version });
        }
        if record.history.len() > MAX_HISTORY || record.used.len() > MAX_USED {
            return Err(shape("more members than the record has room for".to_owned()));
        }
        Ok(record)
    }

    /// The record as canonical JSON (RFC 8785) and a newline.
    ///
    /// # Errors
    /// [`canonical::CanonicalError`] where an instant is beyond RFC 3339.
    pub fn to_json(&self) -> Result<Vec<u8>, canonical::CanonicalError> {
        let mut bytes = canonical::to_vec_signed(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> LockdownState {
        self.state
    }

    /// Since when.
    #[must_use]
    pub const fn since(&self) -> SystemTime {
        self.since
    }

    /// When the window ends; none while Locked, and for a device that is being provisioned.
    #[must_use]
    pub const fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// The digest of the seal that holds: the signed envelope's payload digest. None before the first lock, and
    /// where the record was lost.
    #[must_use]
    pub const fn seal(&self) -> Option<Sha256Digest> {
        self.seal
    }

    /// The latest transitions, oldest first, at most [`MAX_HISTORY`].
    #[must_use]
    pub fn history(&self) -> &[TransitionRecord] {
        &self.history
    }

    /// Whether a command with this id was used.
    #[must_use]
    pub fn is_used(&self, id: &str) -> bool {
        self.used.iter().any(|used| used.id == id)
    }

    /// Takes a command that [`command::verify`](crate::command::verify) admitted: marks it as used, and says what
    /// it changes.
    ///
    /// # Errors
    /// [`Refusal`] where it expired, was used before or has no place in this state. Nothing has changed then.
    pub fn command(&self, command: &Verified<Command>, now: SystemTime) -> Result<Next, Refusal> {
        let (signer, command) = (command.signer().name.clone(), command.get());
        self.admits(command, now)?;
        let mut record = self.clone();
        record.use_up(command, now)?;
        let transition = match command.action().trigger() {
            None => None,
            Some(trigger) => {
                let transition = step(self.state, trigger).map_err(Refusal::NotAllowed)?;
                let cause = Cause::Command {
                    id: command.id().to_owned(),
                    signer,
                    operator: command.operator().to_owned(),
                    justification: command.justification().to_owned(),
                    change_request: command.change_request().to_owned(),
                };
                let window = matches!(command.action(), Action::Unlock | Action::Migrate);
                Some((transition, cause, window.then(|| command.expires())))
            }
        };
        Ok(Next { record, transition, at: now })
    }

    /// What the passing of time changes: at the instant at which the window ends, the device is Locked again.
    #[must_use]
    pub fn tick(&self, now: SystemTime) -> Option<Next> {
        if self.expires.is_none_or(|expires| now < expires) {
            return None;
        }
        let transition = step(self.state, Trigger::Expired).ok()?;
        Some(Next { record: self.clone(), transition: Some((transition, Cause::Expired, None)), at: now })
    }

    /// What the failure of a migration changes, once Zone 2 is restored.
    ///
    /// # Errors
    /// [`super::NotAllowed`] if there is no migration.
    pub fn migration_failed(&self, now: SystemTime) -> Result<Next, super::NotAllowed> {
        let transition = step(self.state, Trigger::MigrationFailed)?;
        Ok(Next {
            record: self.clone(),
            transition: Some((transition, Cause::MigrationFailed, None)),
            at: now,
        })
    }

    /// Whether a command is still good and finds the state that it is for.
    pub(crate) fn admits(&self, command: &Command, now: SystemTime) -> Result<(), Refusal> {
        if now >= command.expires() {
            return Err(Refusal::Expired { expired: command.expires() });
        }
        if self.is_used(command.id()) {
            return Err(Refusal::Used { id: command.id().to_owned() });
        }
        if command.issued() <= self.forgotten_until {
            return Err(Refusal::Forgotten { issued: command.issued(), until: self.forgotten_until });
        }
        match command.action().trigger() {
            Some(trigger) => step(self.state, trigger).map(drop).map_err(Refusal::NotAllowed),
            None => Ok(()),
        }
    }

    /// Remembers a command's id. What has expired makes room, and is refused for that reason from then on.
    fn use_up(&mut self, command: &Command, now: SystemTime) -> Result<(), Refusal> {
        if self.used.len() >= MAX_USED {
            let (expired, kept) = self.used.drain(..).partition(|used: &Used| used.expires <= now);
            self.used = kept;
            for Used { issued, .. } in expired {
                self.forgotten_until = self.forgotten_until.max(issued);
            }
            if self.used.len() >= MAX_USED {
                return Err(Refusal::TooMany);
            }
            if command.issued() <= self.forgotten_until {
                return Err(Refusal::Forgotten { issued: command.issued(), until: self.forgotten_until });
            }
        }
        let (id, issued, expires) = (command.id().to_owned(), command.issued(), command.expires());
        self.used.push(Used { id, issued, expires });
        Ok(())
    }
}

impl Next {
    /// What changes; nothing where the command only orders a report.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.transition.as_ref().map(|(transition, ..)| *transition)
    }

    /// Whether [`into_record`](Self::into_record) needs a new seal.
    #[must_use]
    pub fn needs_seal(&self) -> bool {
        self.transition().is_some_and(|transition| transition.seal == SealAction::Renew)
    }

    /// The record to store. A new seal is stored before it, and counts only where the transition renews it.
    ///
    /// # Errors
    /// [`MissingSeal`] if the transition renews the seal and there is none.
    pub fn into_record(self, new_seal: Option<Sha256Digest>) -> Result<LockdownRecord, MissingSeal> {
        let Self { mut record, transition, at } = self;
        let Some((transition, cause, expires)) = transition else { return Ok(record) };
        if transition.seal == SealAction::Renew {
            record.seal = Some(new_seal.ok_or(MissingSeal)?);
        }
        record.state = transition.to;
        record.since = at;
        record.expires = expires;
        record.transitions += 1;
        let Transition { from, to, row, .. } = transition;
        let (sequence, seal) = (record.transitions, record.seal);
        if record.history.len() >= MAX_HISTORY {
            record.history.remove(0);
        }
        record.history.push(TransitionRecord { sequence, from, to, at, row, cause, seal });
        Ok(record)
    }
}
