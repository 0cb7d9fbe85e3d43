//! The lifecycle of OS images as decisions: what happened, what follows from it, what ServiceNow is to hear.
//!
//! One handler takes every event through the same four steps, and may be cut off at any point:
//! 1. **Decide.** [`workflow::decide`] says, from the event and what is remembered, what follows;
//!    [`StateStore::commit`](state::StateStore::commit) stores that in one transaction: the inbox entry, changed
//!    entities, events to publish, timers. This is purely local: no outage of ServiceNow delays it.
//! 2. **Act.** If the event is an order, [`Platform::perform`](platform::Platform::perform) is called, and
//!    [`workflow::performed`] commits what came of it.
//! 3. **Tell.** [`plan::plan`] turns the event into record operations by a [`Mapping`](mapping::Mapping);
//!    [`apply::apply`] performs them, idempotently.
//! 4. **Remember.** [`StateStore::record_receipt`](state::StateStore::record_receipt) keeps which records came of
//!    it; then the event is done.
//!
//! Deciding and planning are pure functions: the same input gives the same output, ids included. So whatever is
//! repeated after a crash comes to the same records.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use openfactory_sn::lifecycle::event::{Event, EventBody, record::RecordChanged};
//! use openfactory_sn::lifecycle::id::EventId;
//! use openfactory_sn::lifecycle::policy::Policy;
//! use openfactory_sn::lifecycle::workflow::{Decision, decide, view::{Missing, View}};
//! use openfactory_sn::lifecycle::entity::EntityKey;
//! use openfactory_sn::SysId;
//!
//! let sys_id = SysId::new("6b566b0977684da34ed046d34287f7ec")?;
//! let hint = RecordChanged::new("change_request", sys_id.clone());
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let event = Event::new(EventId::new("hint-1")?, "/webhook", now, EventBody::RecordChanged(Box::new(hint)));
//!
//! // A hint is no truth: first it is asked what waits for this change request, a gate or a person's instruction.
//! let mut view = View::new();
//! let keys = [EntityKey::Gate(sys_id.clone()), EntityKey::Remediation(sys_id)];
//! for key in keys {
//!     let missing = Decision::Missing(Missing::Entity(key.clone()));
//!     assert_eq!(decide(&event, &view, &Policy::default(), now), missing);
//!     view.add_entity(key, None);
//! }
//! let Decision::Apply(step) = decide(&event, &view, &Policy::default(), now) else { panic!() };
//! assert_eq!(step.remark, "the change request is none of ours");
//! assert!(step.commit.writes.is_empty() && step.commit.outbox.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod apply;
pub mod cloud_event;
pub mod compliance;
pub mod correlation;
pub mod entity;
pub mod event;
pub mod id;
pub mod impact;
pub mod mapping;
pub mod notify;
pub mod plan;
pub mod platform;
pub mod policy;
pub mod priority;
pub mod state;
pub mod timestamp;
pub mod workflow;
