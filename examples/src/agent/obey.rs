//! Signed commands: verified, carried out once, and told.
//!
//! A change of the lockdown is prepared as one file, `pending.json`: the record as it will be and the events that tell
//! of it, signed. Then the events go into the agent's queue, then the record counts, then the file goes. Wherever that
//! is cut short, [`finish`] brings it to its end from the same bytes: a transition that counts has been told.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use openfactory_attest::envelope::Envelope;
use openfactory_attest::report::Nonce;
use openfactory_attest::trust::TrustStore;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::command::{CommandHandled, CommandOutcome, MAX_TEXT};
use openfactory_sn::lifecycle::event::lockdown::LockdownChanged;
use openfactory_sn::lifecycle::id::{CommandId, EventId};
use openfactory_zone2::command::{Action, Recipient, Refusal, verify};
use openfactory_zone2::lockdown::{LockdownRecord, Next, SealAction, TransitionRecord};
use serde::{Deserialize, Serialize};

use super::outbox::Outgoing;
use super::{Agent, AgentError, check};
use crate::told::told;
use crate::write_once::write_atomically;

const PENDING: &str = "pending.json";

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obeyed {
    /// The command's id, if it has one that can be told.
    pub command: Option<CommandId>,
    /// What the device did.
    pub outcome: CommandOutcome,
}

/// A change that is on its way.
#[derive(Serialize, Deserialize)]
struct Pending {
    record: LockdownRecord,
    events: Vec<Outgoing>,
}

/// Does what a command says, if it counts; tells of it in any case, if it has an id.
///
/// # Errors
/// When it can't be made durable: nothing has changed then, or [`finish`] will bring it to its end.
pub(super) async fn obey(agent: &Agent, bytes: &[u8], now: SystemTime) -> Result<Obeyed, AgentError> {
    // A window that is over is closed against the old seal before anything else: no lock may seal what came after it.
    expire(agent, now).await?;
    let loaded = agent.lockdown.load(now);
    // Read for each command: an operator who is revoked while the agent runs commands nothing more.
    let trust = check::trust(&agent.config.baseline.trust)?;
    let command = match verify(bytes, &recipient(agent, &trust, &loaded.record), now) {
        Ok(command) => command,
        Err(refusal) => {
            if matches!(refusal, Refusal::Forgotten { .. }) && loaded.lost.is_some() {
                return without_record(agent, bytes, &trust, &loaded.record, refusal, now).await;
            }
            return refused(agent, claimed_id(bytes), refusal.reason(), told(&refusal), now).await;
        }
    };
    let Ok(id) = CommandId::new(command.get().id()) else {
        return refused(agent, None, "malformed", "the command's id can't be told".to_owned(), now).await;
    };
    let next = match loaded.record.command(&command, now) {
        Ok(next) => next,
        Err(refusal) => return refused(agent, Some(id), refusal.reason(), told(&refusal), now).await,
    };
    let action = command.get().action();
    let done = match action {
        Action::Attest { nonce } => attest(agent, nonce, now).await,
        Action::Unlock | Action::Lock if agent.overlay.is_none() => {
            let reason = "this agent is told of no overlay".to_owned();
            return refused(agent, Some(id), "no-overlay", reason, now).await;
        }
        Action::Unlock => Ok((None, "the overlay is open until the command expires".to_owned())),
        Action::Lock => seal(agent, id.as_str(), now),
        _ => {
            let reason = format!("this agent can't {}", action.name());
            return refused(agent, Some(id), "not-supported", reason, now).await;
        }
    };
    let (new_seal, outcome) = match done {
        Ok((new_seal, detail)) => (new_seal, CommandOutcome::Done { detail }),
        // It may be tried again, as long as it has not expired: it is not used up.
        Err(reason) => {
            let outcome = CommandOutcome::Failed { reason: cut(reason) };
            tell(agent, &id, "failed", &outcome, now).await?;
            return Ok(Obeyed { command: Some(id), outcome });
        }
    };
    let handled = EventBody::CommandHandled(Box::new(CommandHandled::new(
        agent.device.clone(),
        id.clone(),
        outcome.clone(),
    )));
    let handled = agent.sign(event_id("handled", &id, "")?, now, handled)?;
    change(agent, next, new_seal, vec![handled], now).await?;
    Ok(Obeyed { command: Some(id), outcome })
}

/// The device as whom a command is for, with this record of its lockdown.
fn recipient<'a>(agent: &'a Agent, trust: &'a TrustStore, lockdown: &'a LockdownRecord) -> Recipient<'a> {
    Recipient { device: agent.device.as_str(), fleet: &agent.config.device.fleet, trust, lockdown }
}

/// What a device without a lockdown record does: it reports when asked, which changes nothing and leaves no record, for
/// it may still have to be provisioned. Any other command is refused; but then the record begins, or no command would
/// ever count again.
async fn without_record(
    agent: &Agent,
    bytes: &[u8],
    trust: &TrustStore,
    restored: &LockdownRecord,
    refusal: Refusal,
    now: SystemTime,
) -> Result<Obeyed, AgentError> {
    let nothing_forgotten = LockdownRecord::restored(SystemTime::UNIX_EPOCH);
    if let Ok(command) = verify(bytes, &recipient(agent, trust, &nothing_forgotten), now)
        && let Action::Attest { nonce } = command.get().action()
        && let Ok(id) = CommandId::new(command.get().id())
    {
        let (how, outcome) = match attest(agent, nonce, now).await {
            Ok((_, detail)) => ("", CommandOutcome::Done { detail }),
            Err(reason) => ("failed", CommandOutcome::Failed { reason: cut(reason) }),
        };
        tell(agent, &id, how, &outcome, now).await?;
        return Ok(Obeyed { command: Some(id), outcome });
    }
    if agent.overlay.is_some() {
        agent.lockdown.save(restored).map_err(|source| AgentError::Lockdown(Box::new(source)))?;
    }
    refused(agent, claimed_id(bytes), refusal.reason(), told(&refusal), now).await
}

/// Closes a window that has expired, against the old seal.
///
/// # Errors
/// As [`obey`].
pub(super) async fn expire(agent: &Agent, now: SystemTime) -> Result<bool, AgentError> {
    let Some(next) = agent.lockdown.load(now).record.tick(now) else { return Ok(false) };
    change(agent, next, None, Vec::new(), now).await?;
    Ok(true)
}

/// When a window closes that is open now.
pub(super) fn window(agent: &Agent, now: SystemTime) -> Option<SystemTime> {
    agent.lockdown.load(now).record.expires()
}

/// Brings a change to its end that was cut short.
///
/// # Errors
/// As [`obey`].
pub(super) async fn finish(agent: &Agent) -> Result<(), AgentError> {
    let path = path(agent);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(AgentError::State { path, source }),
    };
    let pending: Pending = serde_json::from_slice(&bytes)
        .map_err(|source| AgentError::State { path: path.clone(), source: source.into() })?;
    for event in &pending.events {
        event.store(&agent.queue).await?;
    }
    agent.lockdown.save(&pending.record).map_err(|source| AgentError::Lockdown(Box::new(source)))?;
    fs::remove_file(&path).map_err(|source| AgentError::State { path, source })
}

fn path(agent: &Agent) -> PathBuf {
    agent.config.state.directory.join(PENDING)
}

async fn change(
    agent: &Agent,
    next: Next,
    new_seal: Option<openfactory_attest::Sha256Digest>,
    also: Vec<Outgoing>,
    now: SystemTime,
) -> Result<(), AgentError> {
    let transition = next.transition();
    let record = next.into_record(new_seal).map_err(|source| AgentError::Lockdown(Box::new(source)))?;
    let mut events = Vec::new();
    if let (Some(transition), Some(last)) = (transition, record.history().last()) {
        let mut body = LockdownChanged::new(agent.device.clone(), last.clone());
        body.expires = record.expires();
        if transition.seal == SealAction::Recheck
            && let Some(overlay) = &agent.overlay
        {
            match overlay.recheck(&record) {
                Ok(results) => body.findings = results.findings,
                // The next report says that nobody could look.
                Err(error) => {
                    tracing::error!("the overlay can't be compared with its seal: {}", told(&error))
                }
            }
            body.findings.truncate(openfactory_zone2::overlay_report::MAX_FINDINGS);
        }
        let id = transition_id(last)?;
        events.push(agent.sign(id, now, EventBody::LockdownChanged(Box::new(body)))?);
    }
    events.extend(also);
    let path = path(agent);
    let bytes = serde_json::to_vec(&Pending { record, events })
        .map_err(|source| AgentError::Sign { source: source.into() })?;
    write_atomically(&path, &bytes, 0o600).map_err(|source| AgentError::State { path, source })?;
    finish(agent).await
}

/// The lockdown's sequence begins anew where its record was lost, so the instant is part of the id.
fn transition_id(transition: &TransitionRecord) -> Result<EventId, AgentError> {
    let age = transition.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    EventId::new(format!("lockdown-{}-{:x}", transition.sequence, age.as_millis()))
        .map_err(|source| AgentError::Sign { source: source.into() })
}

async fn attest(
    agent: &Agent,
    nonce: &str,
    now: SystemTime,
) -> Result<(Option<openfactory_attest::Sha256Digest>, String), String> {
    let nonce: Nonce = nonce.parse().map_err(|error| told(&error))?;
    let report = agent.report(now, Some(nonce), std::sync::Arc::new(|_, _| {})).await;
    let (_, event) = report.map_err(|error| told(&error))?;
    Ok((None, format!("reported as {event}")))
}

fn seal(
    agent: &Agent,
    command: &str,
    now: SystemTime,
) -> Result<(Option<openfactory_attest::Sha256Digest>, String), String> {
    let overlay = agent.overlay.as_ref().ok_or("this agent is told of no overlay")?;
    let (base, _) = check::document(&agent.config).map_err(|error| told(&error))?;
    let digest = overlay.seal(command, &base, &agent.key, now).map_err(|error| told(&error))?;
    Ok((Some(digest), format!("the overlay is sealed: {digest}")))
}

async fn refused(
    agent: &Agent,
    command: Option<CommandId>,
    code: &str,
    reason: String,
    now: SystemTime,
) -> Result<Obeyed, AgentError> {
    let outcome = CommandOutcome::Refused { code: code.to_owned(), reason: cut(reason) };
    if let Some(id) = &command {
        tell(agent, id, code, &outcome, now).await?;
    }
    Ok(Obeyed { command, outcome })
}

/// Tells of a command that changed nothing. What was told before in other words, at another time, stays as it is.
async fn tell(
    agent: &Agent,
    id: &CommandId,
    how: &str,
    outcome: &CommandOutcome,
    now: SystemTime,
) -> Result<(), AgentError> {
    let body = CommandHandled::new(agent.device.clone(), id.clone(), outcome.clone());
    let event = agent.sign(event_id("handled", id, how)?, now, EventBody::CommandHandled(Box::new(body)))?;
    match event.store(&agent.queue).await {
        Err(AgentError::Conflict { .. }) => Ok(()),
        other => other,
    }
}

fn event_id(what: &str, command: &CommandId, how: &str) -> Result<EventId, AgentError> {
    let parent =
        EventId::new(command.as_str()).map_err(|source| AgentError::Sign { source: source.into() })?;
    Ok(EventId::derived(&parent, &format!("{what}\0{how}")))
}

/// The id that an envelope claims to have inside, though nobody vouches for it: only to say which was refused.
fn claimed_id(bytes: &[u8]) -> Option<CommandId> {
    #[derive(Deserialize)]
    struct Claimed {
        id: String,
    }
    let envelope = Envelope::parse(bytes).ok()?;
    let claimed: Claimed = serde_json::from_slice(envelope.payload_unverified()).ok()?;
    CommandId::new(claimed.id).ok()
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}
