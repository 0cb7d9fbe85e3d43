//! Events as messages of the queue, and back.
//!
//! An event is handled in two stages, each a message of its own in a lane of its own. The first decides: its id is
//! the event's identity, so that an event is one message however often it is sent, and its key is the event's
//! lane. The second has ServiceNow hear of it, in the lane of that lane's records: an outage holds up the records
//! of a device, never what is decided about it. The payload of both is the event's own bytes: for one that came
//! from outside, the very bytes that were signed.

use openfactory_attest::trust::TrustedKey;
use openfactory_queue::Message;
use openfactory_queue::dead_letter::DeadPolicy;
use openfactory_sn::lifecycle::event::codec::EventError;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::EventId;

/// The attribute that names who signed the event; absent for one that the router derived itself.
const SIGNED_BY: &str = "signed-by";
/// The attribute that tells the stages apart; absent in the first.
const STAGE: &str = "stage";
/// Its value in the second stage, and what the ids and keys of that stage begin with.
const RECORDS: &str = "records";
/// The same of a notice to persons, which stands beside the two stages and holds up neither.
const NOTICE: &str = "notice";

/// An event from outside, whose signature was verified.
pub(super) fn external(event: &Event, signer: &TrustedKey, payload: &[u8]) -> Message {
    of(event, payload.to_vec()).with_attribute(SIGNED_BY, signer.key_id().to_string())
}

/// An event that the router derived.
///
/// # Errors
/// When the event has no JSON form.
pub(super) fn derived(event: &Event) -> Result<Message, EventError> {
    Ok(of(event, event.to_payload()?))
}

/// The second stage of an event whose first stage is `decided`.
pub(super) fn records(decided: &Message, event: &Event) -> Message {
    let mut message =
        Message::new(format!("{RECORDS}:{}", decided.id), decided.kind.clone(), decided.payload.clone())
            .with_key(format!("{RECORDS}:{}", event.body.key()))
            .on_dead(DeadPolicy::Block);
    message.attributes.clone_from(&decided.attributes);
    message.with_attribute(STAGE, RECORDS)
}

/// Whether this is an event's second stage.
pub(super) fn is_for_servicenow(message: &Message) -> bool {
    message.attributes.get(STAGE).is_some_and(|stage| stage == RECORDS)
}

/// The notice of an event whose first stage is `decided`, in a lane of its own.
pub(super) fn notice(decided: &Message) -> Message {
    let id = format!("{NOTICE}:{}", decided.id);
    let mut message = Message::new(&id, decided.kind.clone(), decided.payload.clone())
        .with_key(&id)
        .on_dead(DeadPolicy::Skip);
    message.attributes.clone_from(&decided.attributes);
    message.with_attribute(STAGE, NOTICE)
}

/// Whether this is an event's notice.
pub(super) fn is_notice(message: &Message) -> bool {
    message.attributes.get(STAGE).is_some_and(|stage| stage == NOTICE)
}

/// An event of a type that this version does not know.
pub(super) fn unknown(identity: &EventId, type_name: &str, payload: &[u8]) -> Message {
    Message::new(identity.as_str(), type_name, payload.to_vec())
}

fn of(event: &Event, payload: Vec<u8>) -> Message {
    Message::new(event.identity().as_str(), event.body.type_name(), payload)
        .with_key(event.body.key())
        .on_dead(policy(&event.body))
}

/// What happens to a lane whose head can't be handled. Records must come in their order, so their lane waits for
/// a person; a hint, or a report that says nothing usable, is stepped over: it must not silence a device. So is a
/// rollout that is refused: it has begun nothing, and the next request for it may be right.
const fn policy(body: &EventBody) -> DeadPolicy {
    match body {
        EventBody::RecordChanged(_)
        | EventBody::DeviceReported(_)
        | EventBody::RolloutRequested(_)
        | EventBody::CommandIssued(_)
        | EventBody::CommandHandled(_) => DeadPolicy::Skip,
        _ => DeadPolicy::Block,
    }
}
