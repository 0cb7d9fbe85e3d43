//! What follows from an event: gather, decide, commit. One transaction, once, and nothing leaves this machine
//! but the reading of a record that a decision asks for.

use std::time::Duration;

use openfactory_queue::Outcome;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::state::commit::CommitOutcome;
use openfactory_sn::lifecycle::state::{StateError, signed};
use openfactory_sn::lifecycle::workflow::view::{Missing, Observed, View};
use openfactory_sn::lifecycle::workflow::{Decision, Step, decide};

use super::core::Core;
use super::destination;
use super::edges::Edge;
use crate::told::told;

/// How often a decision may ask for more, or find that others were faster, before it is tried again later.
const ROUNDS: usize = 64;
/// When a state store that did not answer is asked again.
const STATE_AGAIN: Duration = Duration::from_secs(1);

/// Takes the step that follows from `event`, unless it was taken before.
///
/// # Errors
/// What becomes of the message when the step can't be taken now.
pub(super) async fn take(core: &Core, event: &Event) -> Result<(), Outcome> {
    let identity = event.identity();
    let mut remark = "decided before a restart".to_owned();
    if !core.state.is_applied(&identity).await.map_err(|error| state(&error))? {
        let step = commit(core, event).await?;
        core.pass(Edge::StateCommitted).await;
        if let Some(step) = step {
            remark = step.remark;
        }
    }
    core.outbox.notify_one();
    core.timers.notify_one();
    if matches!(event.body, EventBody::RecordChanged(_) | EventBody::BuildRequested(_)) {
        core.gates.send_modify(|changes| *changes = changes.wrapping_add(1));
    }
    Ok(core.audit.decided(event, &remark).await?)
}

/// Decides and commits; `None` if another router was faster.
async fn commit(core: &Core, event: &Event) -> Result<Option<Step>, Outcome> {
    let mut view = View::new();
    for _ in 0..ROUNDS {
        match decide(event, &view, &core.policy, core.clock.now()) {
            Decision::Missing(missing) => look_up(core, &mut view, missing).await?,
            Decision::Apply(step) => {
                match core.state.commit(&step.commit).await.map_err(|error| state(&error))? {
                    CommitOutcome::Applied => return Ok(Some(step)),
                    CommitOutcome::AlreadyApplied => return Ok(None),
                    CommitOutcome::Conflict => view = View::new(),
                }
            }
            Decision::NotYet { reason, after } => return Err(Outcome::NotYet { after, reason }),
            Decision::Refused { reason } => return Err(Outcome::Poison { reason }),
        }
    }
    Err(Outcome::Retry { reason: format!("no decision in {ROUNDS} rounds"), after: None })
}

async fn look_up(core: &Core, view: &mut View, missing: Missing) -> Result<(), Outcome> {
    match missing {
        Missing::Entity(key) => {
            for (key, kept) in core.state.load(&[key]).await.map_err(|error| state(&error))? {
                view.add_entity(key, kept);
            }
        }
        Missing::Receipt(event) => {
            let receipt = core.state.receipt(&event).await.map_err(|error| state(&error))?;
            view.add_receipt(event, receipt);
        }
        Missing::SignedBuilds(key) => {
            let uses = signed::by_key(core.state.as_ref(), &key).await.map_err(|error| state(&error))?;
            view.add_signed_builds(key, uses);
        }
        Missing::Record { table, sys_id } => {
            let found = destination::call(core, async {
                let records = core.client.dynamic_table(&table);
                records.get_opt(&sys_id).await
            });
            let found = found.await?;
            let seen_at = core.clock.now();
            view.add_record(match found {
                Some(row) => {
                    let fields =
                        row.iter().map(|(name, _)| (name.to_owned(), row.text(name).to_owned())).collect();
                    Observed::found(table, sys_id, seen_at, fields)
                }
                None => Observed::absent(table, sys_id, seen_at),
            });
        }
    }
    Ok(())
}

/// What becomes of a message when the state store fails. Only what is corrupt counts against the message.
pub(super) fn state(error: &StateError) -> Outcome {
    let reason = told(error);
    match error {
        StateError::Corrupt { .. } => Outcome::Retry { reason, after: None },
        _ => Outcome::NotYet { after: STATE_AGAIN, reason },
    }
}
