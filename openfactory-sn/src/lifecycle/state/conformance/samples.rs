//! Things to keep.

use std::time::{Duration, SystemTime};

use crate::id::SysId;
use crate::lifecycle::entity::{Entity, EntityKey, Gate, GateState};
use crate::lifecycle::event::gate::GateOpened;
use crate::lifecycle::event::{Event, EventBody};
use crate::lifecycle::id::{BuildId, EventId, hashed};
use crate::lifecycle::state::commit::{Commit, Write};
use crate::lifecycle::state::timer::Timer;

pub(super) fn id(label: &str) -> EventId {
    EventId::from_hash(hashed("conformance", &[label]))
}

fn sys_id(label: &str) -> SysId {
    SysId::derived("change_request", &crate::lifecycle::correlation::change(&build(label)))
}

fn build(label: &str) -> BuildId {
    BuildId::derived_for_tests(label)
}

pub(super) fn instant(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
}

pub(super) fn key(label: &str) -> EntityKey {
    EntityKey::Gate(sys_id(label))
}

pub(super) fn entity(label: &str, content: &str) -> Entity {
    Entity::Gate(Gate {
        build_id: build(label),
        state: GateState::Refused { since: instant(0), reason: content.to_owned() },
        requested_by: id("requested"),
    })
}

pub(super) fn write(label: &str, over: u64, content: &str) -> Write {
    Write::new(key(label), over, entity(label, content))
}

pub(super) fn body(label: &str) -> EventBody {
    EventBody::GateOpened(Box::new(GateOpened {
        build_id: build(label),
        change_request: sys_id(label),
        number: format!("CHG {label} äöü \u{1F511}"),
        state: -2,
        updated_by: String::new(),
        seen_at: instant(7),
    }))
}

pub(super) fn event(label: &str) -> Event {
    Event::derived(&id(label), "sample", instant(1), body(label))
}

pub(super) fn commit(label: &str, writes: Vec<Write>, outbox: Vec<Event>) -> Commit {
    Commit { writes, outbox, ..Commit::new(id(label)) }
}

pub(super) fn timer(name: &str, due: u64) -> Timer {
    Timer::new(name, instant(due), body(name))
}
