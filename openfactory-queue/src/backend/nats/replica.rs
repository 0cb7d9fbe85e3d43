//! The state that the log leads to. Every router carries out the same commands in the same order on a copy of its
//! own; what a command has come to, the router that gave it reads from its copy.

use std::collections::HashMap;

use super::body::Place;
use super::command::{Command, New, Timed};
use super::snapshot::Snapshot;
use super::stored::{StoredPause, StoredScope, StoredSettlement};
use crate::backend::machine::State;
use crate::dead_letter::Moved;
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::Published;
use crate::stamp::Stamp;
use crate::stats::{Bounded, Maintained};

#[derive(Debug)]
pub(super) struct Replica {
    pub(super) state: State,
    /// What lies in the work stream before this place is nobody's.
    pub(super) floor: u64,
}

/// What a command has come to.
#[derive(Debug)]
pub(super) enum Answer {
    /// The answers, and the places of bytes that are not needed after all.
    Published(Vec<Published>, Vec<Place>),
    /// There are so many of these already: nothing was done.
    Full(Bounded, u64),
    /// The bytes were written so long ago that they may have been cleared away: write them again.
    Late,
    /// The leases, each with the digest of its content; the bytes are still to be fetched.
    Leased(Vec<(Leased, Option<[u8; 32]>)>),
    Extended(Vec<Extended>),
    /// The answers, the places of bytes that nobody needs any more, and what became a dead letter.
    Settled(Vec<Settled>, Vec<Place>, Vec<u64>),
    Moved(Moved, Vec<Place>),
    Resumed(bool),
    /// Whether the bytes are at their new place now.
    Rehoused(bool),
    Maintained(Maintained),
    Done,
}

impl Replica {
    pub(super) fn new(window: std::time::Duration) -> Self {
        Self { state: State::new(window), floor: 0 }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.state, self.floor)
    }

    pub(super) fn restore(snapshot: Snapshot) -> Self {
        let (state, floor) = snapshot.restore();
        Self { state, floor }
    }

    /// How much there is to keep.
    pub(super) fn size(&self) -> usize {
        self.state.live.len() + self.state.dead.len() + self.state.known.len()
    }

    /// Whether a lease would give something, or time has brought something that a lease would notice.
    pub(super) fn would_lease(&self, now: Stamp) -> bool {
        let due = |first: Option<&(Stamp, u64)>| first.is_some_and(|(at, _)| *at <= now);
        due(self.state.leases.first()) || due(self.state.delayed.first()) || self.state.has_ready(now)
    }

    /// Where the bytes of all messages lie.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let live = self.state.live.values().map(|entry| &entry.message);
        let dead = self.state.dead.values().map(|letter| &letter.message);
        live.chain(dead).map(Place::of)
    }

    /// What lies in the work stream and belongs to a message.
    pub(super) fn in_work(&self) -> impl Iterator<Item = u64> {
        self.places().filter_map(|place| match place {
            Place::Work(seq) => Some(seq),
            _ => None,
        })
    }

    /// The message of this number, alive or dead, and the digest of its content.
    pub(super) fn digest(&self, id: &str, seq: u64) -> Option<[u8; 32]> {
        self.state.known.get(id).filter(|known| known.seq == seq).map(|known| known.digest)
    }

    pub(super) fn apply(&mut self, timed: Timed) -> Answer {
        let now = Stamp(timed.at);
        match timed.command {
            Command::Publish { messages, limit } => self.publish(messages, limit, now),
            Command::Lease { worker, max, ttl } => {
                let leased = self.state.lease(&LeaseRequest::new(worker).max(max).ttl(ttl), now);
                let digest = |leased: &Leased| self.digest(&leased.message.id, leased.token.seq());
                Answer::Leased(leased.into_iter().map(|leased| (leased.clone(), digest(&leased))).collect())
            }
            Command::Extend { tokens, ttl } => {
                let extend = |(seq, epoch)| self.state.extend(LeaseToken::new(seq, epoch), ttl, now);
                Answer::Extended(tokens.into_iter().map(extend).collect())
            }
            Command::Settle { settlements } => {
                let would_bury = |&(seq, epoch, ref how): &(u64, u64, StoredSettlement)| {
                    self.state.would_bury(LeaseToken::new(seq, epoch), &how.0)
                };
                let dead: usize = settlements.iter().map(would_bury).sum();
                if dead > self.state.room_for_dead() {
                    return Answer::Full(Bounded::DeadLetters, self.state.max_dead);
                }
                let (mut answers, mut freed, mut buried) = (Vec::new(), Vec::new(), Vec::new());
                for (seq, epoch, how) in settlements {
                    let place = self.state.live.get(&seq).map(|entry| Place::of(&entry.message));
                    let settled = self.state.settle(LeaseToken::new(seq, epoch), &how.0, now);
                    if settled == Settled::Done {
                        match how.0 {
                            Settlement::Ack => freed.extend(place),
                            Settlement::Dead { .. } => buried.push(seq),
                            _ => {}
                        }
                    }
                    answers.push(settled);
                }
                Answer::Settled(answers, freed, buried)
            }
            Command::Redrive(redrive) => Answer::Moved(self.state.redrive(&redrive.0, now), Vec::new()),
            Command::Discard(discard) => {
                let dry = discard.0.dry_run;
                let places: HashMap<String, Place> = (self.state.dead.values())
                    .map(|letter| (letter.message.id.clone(), Place::of(&letter.message)))
                    .collect();
                let moved = self.state.discard(&discard.0, now);
                let gone =
                    moved.ids.iter().filter(|_| !dry).filter_map(|id| places.get(id).copied()).collect();
                Answer::Moved(moved, gone)
            }
            Command::Pause(StoredPause(pause)) => {
                self.state.pause(pause, now);
                Answer::Done
            }
            Command::Resume(StoredScope(scope)) => Answer::Resumed(self.state.resume(&scope, now)),
            Command::Maintain { budget } => Answer::Maintained(self.state.maintain(budget, now)),
            Command::Rehouse { seq, from, to } => Answer::Rehoused(self.rehouse(seq, from, to)),
            Command::Floor { seq } => {
                // Never past what somebody needs, however old the command is.
                let needed = self.in_work().min().unwrap_or(u64::MAX);
                self.floor = self.floor.max(seq.min(needed));
                Answer::Done
            }
            Command::Window { window } => {
                self.state.window = self.state.window.max(window);
                Answer::Done
            }
            Command::Limits { dead, ids } => {
                (self.state.max_dead, self.state.max_ids) = (dead, ids);
                Answer::Done
            }
        }
    }

    fn publish(&mut self, messages: Vec<New>, limit: u64, now: Stamp) -> Answer {
        let late = |new: &New| matches!(Place::of(&new.message.0), Place::Work(seq) if seq < self.floor);
        if messages.iter().any(late) {
            return Answer::Late;
        }
        let bare: Vec<_> = messages.iter().map(|new| new.message.0.clone()).collect();
        let new = self.state.would_store(&bare, now);
        if new > limit.saturating_sub(self.state.live_count()) {
            return Answer::Full(Bounded::Messages, limit);
        }
        if new > self.state.room_for_ids(now) {
            return Answer::Full(Bounded::Ids, self.state.max_ids);
        }
        let (mut answers, mut unneeded) = (Vec::new(), Vec::new());
        for New { message, digest } in messages {
            let place = Place::of(&message.0);
            let published = self.state.publish(message.0, digest, now);
            if !matches!(published, Published::Stored { .. }) {
                unneeded.push(place);
            }
            answers.push(published);
        }
        Answer::Published(answers, unneeded)
    }

    /// Only a dead letter's bytes are moved: whoever leased a message finds them where the lease said.
    fn rehouse(&mut self, seq: u64, from: Place, to: Place) -> bool {
        let dead = self.state.dead.get_mut(&seq).map(|letter| &mut letter.message);
        let Some(message) = dead.filter(|message| Place::of(message) == from) else { return false };
        message.payload = to.to_bytes();
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::nats::stored::StoredMessage;
    use crate::message::Message;

    fn new(id: &str, place: u64) -> New {
        let message = Message::new(id, "k", "x").with_key("key");
        New {
            digest: message.content_digest(),
            message: StoredMessage(super::super::body::strip(message, Place::Work(place))),
        }
    }

    fn at(command: Command) -> Timed {
        Timed { at: 1, command }
    }

    #[test]
    fn bytes_below_the_floor_are_refused_and_the_floor_passes_nobody() {
        let mut replica = Replica::new(Duration::from_secs(60));
        let publish = |messages| at(Command::Publish { messages, limit: 10 });
        assert!(matches!(replica.apply(publish(vec![new("a", 5)])), Answer::Published(..)));
        replica.apply(at(Command::Floor { seq: 9 }));
        assert_eq!(replica.floor, 5, "what is needed stays");
        let rehouse = |from| at(Command::Rehouse { seq: 1, from: Place::Work(from), to: Place::Dead(1) });
        assert!(matches!(replica.apply(rehouse(5)), Answer::Rehoused(false)), "it lives");
        replica.state.bury(1, crate::dead_letter::DeadCause::Rejected, "x", Stamp(1));
        assert!(matches!(replica.apply(rehouse(4)), Answer::Rehoused(false)), "it lies elsewhere");
        assert_eq!(replica.in_work().collect::<Vec<_>>(), [5]);
        assert!(matches!(replica.apply(rehouse(5)), Answer::Rehoused(true)));
        replica.apply(at(Command::Floor { seq: 9 }));
        assert!(matches!(replica.apply(publish(vec![new("b", 8)])), Answer::Late));
        assert!(matches!(replica.apply(publish(vec![new("b", 9)])), Answer::Published(..)));
        assert!(matches!(
            replica.apply(at(Command::Publish { messages: vec![new("c", 10)], limit: 1 })),
            Answer::Full(Bounded::Messages, 1)
        ));
    }

    #[test]
    fn unneeded_and_freed_bytes_are_told() {
        let mut replica = Replica::new(Duration::from_secs(60));
        let messages = vec![new("a", 1), new("a", 2), new("b", 3)];
        let Answer::Published(_, unneeded) = replica.apply(at(Command::Publish { messages, limit: 10 }))
        else {
            panic!("refused")
        };
        assert_eq!(unneeded, [Place::Work(2)]);
        let lease = Command::Lease { worker: "w".into(), max: 5, ttl: Duration::from_secs(9) };
        let Answer::Leased(leased) = replica.apply(at(lease)) else { panic!("no leases") };
        let token = leased[0].0.token;
        assert!(leased[0].1.is_some() && leased.len() == 1);
        let settle = |how| {
            let settlement = (token.seq(), token.epoch(), StoredSettlement(how));
            at(Command::Settle { settlements: vec![settlement] })
        };
        let Answer::Settled(answers, freed, _) = replica.apply(settle(Settlement::Ack)) else {
            panic!("no answer")
        };
        assert_eq!((answers, freed), (vec![Settled::Done], vec![Place::Work(1)]));
        let Answer::Settled(answers, freed, _) = replica.apply(settle(Settlement::Ack)) else {
            panic!("no answer")
        };
        assert_eq!((answers, freed), (vec![Settled::Stale], vec![]));
    }
}
