//! The queue as a state machine: the messages, and which of them is next. Each call is given the instant, so that the
//! same calls in the same order always come to the same end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::dead_letter::DeadLetter;
use crate::history::{self, Incident, IncidentKind};
use crate::message::{Message, Published};
use crate::pause::{Pause, PauseScope};
use crate::stamp::Stamp;

mod deliver;
mod letters;
mod view;

/// All that a queue holds. Every method leaves it whole.
#[derive(Debug)]
pub(in crate::backend) struct State {
    pub(in crate::backend) window: Duration,
    /// So many dead letters are kept; what would be one more stays where it is.
    pub(in crate::backend) max_dead: u64,
    /// So many ids are remembered.
    pub(in crate::backend) max_ids: u64,
    pub(in crate::backend) last_seq: u64,
    pub(in crate::backend) live: BTreeMap<u64, Entry>,
    pub(in crate::backend) lanes: HashMap<String, Lane>,
    /// What may be leased: heads of lanes, and messages without key, most urgent and oldest first.
    pub(in crate::backend) ready: BTreeSet<(u8, u64)>,
    /// What could be leased but for its time.
    pub(in crate::backend) delayed: BTreeSet<(Stamp, u64)>,
    /// What is under lease, by the end of the lease.
    pub(in crate::backend) leases: BTreeSet<(Stamp, u64)>,
    /// What lives and expires.
    pub(in crate::backend) expiring: BTreeSet<(Stamp, u64)>,
    pub(in crate::backend) dead: BTreeMap<u64, DeadLetter>,
    pub(in crate::backend) known: HashMap<String, Known>,
    /// The known ids by age.
    pub(in crate::backend) ages: BTreeMap<(Stamp, u64), String>,
    pub(in crate::backend) pauses: BTreeMap<PauseScope, Pause>,
}

#[derive(Debug)]
pub(in crate::backend) struct Entry {
    pub(in crate::backend) message: Message,
    pub(in crate::backend) published: Stamp,
    pub(in crate::backend) due: Stamp,
    pub(in crate::backend) failures: u32,
    pub(in crate::backend) deliveries: u32,
    pub(in crate::backend) lapses: u32,
    /// Whether the last lease still waits for its settlement, lapsed or not.
    pub(in crate::backend) outstanding: bool,
    pub(in crate::backend) lease: Option<Holding>,
    pub(in crate::backend) place: Place,
    pub(in crate::backend) history: Vec<Incident>,
}

#[derive(Clone, Debug)]
pub(in crate::backend) struct Holding {
    pub(in crate::backend) worker: String,
    pub(in crate::backend) since: Stamp,
    pub(in crate::backend) until: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Place {
    /// Leased, or behind another of its key.
    Unseated,
    Ready,
    Delayed,
}

/// The messages of one key.
#[derive(Debug, Default)]
pub(in crate::backend) struct Lane {
    pub(in crate::backend) live: BTreeSet<u64>,
    pub(in crate::backend) leased: Option<u64>,
    /// The one that stands in `ready` or `delayed`.
    pub(in crate::backend) seated: Option<u64>,
    /// The dead letters because of which it stands still.
    pub(in crate::backend) blocked: BTreeSet<u64>,
}

#[derive(Debug)]
pub(in crate::backend) struct Known {
    pub(in crate::backend) digest: [u8; 32],
    pub(in crate::backend) seq: u64,
    pub(in crate::backend) at: Stamp,
}

impl Entry {
    pub(in crate::backend) fn note(&mut self, at: Stamp, kind: IncidentKind, reason: &str) {
        history::record(&mut self.history, Incident::new(at.time(), kind, reason, self.deliveries));
    }

    pub(in crate::backend) fn expired(&self, now: Stamp) -> bool {
        self.message.expires.is_some_and(|expires| Stamp::from(expires) <= now)
    }
}

impl State {
    pub(in crate::backend) fn new(window: Duration) -> Self {
        Self {
            window,
            max_dead: u64::MAX,
            max_ids: u64::MAX,
            last_seq: 0,
            live: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            leases: BTreeSet::new(),
            expiring: BTreeSet::new(),
            dead: BTreeMap::new(),
            known: HashMap::new(),
            ages: BTreeMap::new(),
            pauses: BTreeMap::new(),
        }
    }

    pub(in crate::backend) fn live_count(&self) -> u64 {
        self.live.len() as u64
    }

    /// How many of these messages are new.
    pub(in crate::backend) fn would_store(&self, messages: &[Message], now: Stamp) -> u64 {
        let new = messages.iter().filter(|message| self.remembered(&message.id, now).is_none());
        new.map(|message| &message.id).collect::<BTreeSet<_>>().len() as u64
    }

    /// Stores a message; its content is told by the digest, and the payload may be kept elsewhere.
    pub(in crate::backend) fn publish(
        &mut self,
        message: Message,
        digest: [u8; 32],
        now: Stamp,
    ) -> Published {
        if let Some(known) = self.remembered(&message.id, now) {
            let seq = known.seq;
            return if known.digest == digest {
                Published::Duplicate { seq }
            } else {
                Published::Conflict { seq }
            };
        }
        self.last_seq += 1;
        let seq = self.last_seq;
        if let Some(old) = self.known.insert(message.id.clone(), Known { digest, seq, at: now }) {
            self.ages.remove(&(old.at, old.seq));
        }
        self.ages.insert((now, seq), message.id.clone());
        let due = message.not_before.map_or(Stamp(i64::MIN), Stamp::from);
        self.insert(
            seq,
            Entry {
                message,
                published: now,
                due,
                failures: 0,
                deliveries: 0,
                lapses: 0,
                outstanding: false,
                lease: None,
                place: Place::Unseated,
                history: Vec::new(),
            },
        );
        self.settle_places(seq, now);
        Published::Stored { seq }
    }

    /// What is known of an id: within the window, and as long as its message lives or is a dead letter.
    fn remembered(&self, id: &str, now: Stamp) -> Option<&Known> {
        self.known.get(id).filter(|known| {
            now < known.at.plus(self.window)
                || self.live.contains_key(&known.seq)
                || self.dead.contains_key(&known.seq)
        })
    }

    /// Adds a message to the living and to its lane; its place is settled afterwards.
    pub(in crate::backend) fn insert(&mut self, seq: u64, entry: Entry) {
        if let Some(key) = &entry.message.key {
            self.lanes.entry(key.clone()).or_default().live.insert(seq);
        }
        if let Some(expires) = entry.message.expires {
            self.expiring.insert((expires.into(), seq));
        }
        self.live.insert(seq, entry);
    }

    /// Takes a message out of the living, out of its lane and out of its place. The lane is to be settled afterwards.
    pub(in crate::backend) fn remove(&mut self, seq: u64) -> Option<Entry> {
        self.detach(seq);
        let entry = self.live.remove(&seq)?;
        if let Some(lane) = entry.message.key.as_ref().and_then(|key| self.lanes.get_mut(key)) {
            lane.live.remove(&seq);
        }
        if let Some(expires) = entry.message.expires {
            self.expiring.remove(&(expires.into(), seq));
        }
        Some(entry)
    }

    /// Ends the lease of a message, if there is one, and takes it from its place.
    pub(in crate::backend) fn detach(&mut self, seq: u64) {
        self.unseat(seq);
        let Some(entry) = self.live.get_mut(&seq) else { return };
        if let Some(holding) = entry.lease.take() {
            self.leases.remove(&(holding.until, seq));
        }
        if let Some(lane) = entry.message.key.as_ref().and_then(|key| self.lanes.get_mut(key))
            && lane.leased == Some(seq)
        {
            lane.leased = None;
        }
    }

    /// Gives a message, or the head of its key, the place that it should have.
    pub(in crate::backend) fn settle_places(&mut self, seq: u64, now: Stamp) {
        match self.live.get(&seq).map(|entry| entry.message.key.clone()) {
            Some(Some(key)) => self.settle_lane(&key, now),
            Some(None) => self.seat(seq, now),
            None => {}
        }
    }

    /// Seats the head of a lane, if the lane may go on; forgets a lane that is empty.
    pub(in crate::backend) fn settle_lane(&mut self, key: &str, now: Stamp) {
        let Some(lane) = self.lanes.get(key) else { return };
        if let Some(seated) = lane.seated {
            self.unseat(seated);
        }
        let Some(lane) = self.lanes.get(key) else { return };
        if lane.live.is_empty() && lane.blocked.is_empty() {
            self.lanes.remove(key);
        } else if lane.leased.is_none()
            && lane.blocked.is_empty()
            && let Some(&head) = lane.live.first()
        {
            self.seat(head, now);
        }
    }

    fn seat(&mut self, seq: u64, now: Stamp) {
        let Some(entry) = self.live.get_mut(&seq) else { return };
        if entry.lease.is_some() || entry.place != Place::Unseated {
            return;
        }
        if entry.due > now {
            entry.place = Place::Delayed;
            self.delayed.insert((entry.due, seq));
        } else {
            entry.place = Place::Ready;
            self.ready.insert((entry.message.priority, seq));
        }
        if let Some(lane) = entry.message.key.as_ref().and_then(|key| self.lanes.get_mut(key)) {
            lane.seated = Some(seq);
        }
    }

    pub(in crate::backend) fn unseat(&mut self, seq: u64) {
        let Some(entry) = self.live.get_mut(&seq) else { return };
        match entry.place {
            Place::Unseated => return,
            Place::Ready => self.ready.remove(&(entry.message.priority, seq)),
            Place::Delayed => self.delayed.remove(&(entry.due, seq)),
        };
        entry.place = Place::Unseated;
        if let Some(lane) = entry.message.key.as_ref().and_then(|key| self.lanes.get_mut(key)) {
            lane.seated = None;
        }
    }
}
