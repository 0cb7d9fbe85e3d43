//! The state as it is kept, so that the log need not be read from its beginning.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::FORMAT;
use super::stored::{StoredIncident, StoredLetter, StoredMessage, StoredPause};
use crate::backend::machine::{self, Holding, Known, Place, State};
use crate::stamp::Stamp;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    format: u32,
    pub(super) floor: u64,
    window: Duration,
    #[serde(default = "unbounded")]
    max_dead: u64,
    #[serde(default = "unbounded")]
    max_ids: u64,
    last_seq: u64,
    live: Vec<Live>,
    dead: Vec<StoredLetter>,
    known: Vec<Id>,
    pauses: Vec<StoredPause>,
}

/// The limits of a queue that was kept by a program that knew none.
const fn unbounded() -> u64 {
    u64::MAX
}

#[derive(Debug, Serialize, Deserialize)]
struct Live {
    seq: u64,
    message: StoredMessage,
    published: i64,
    due: i64,
    failures: u32,
    deliveries: u32,
    lapses: u32,
    outstanding: bool,
    lease: Option<Lease>,
    seat: Seat,
    history: Vec<StoredIncident>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    worker: String,
    since: i64,
    until: i64,
}

/// Where it stands exactly: what every router does next depends on it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Seat {
    Unseated,
    Ready,
    Delayed,
}

#[derive(Debug, Serialize, Deserialize)]
struct Id {
    id: String,
    digest: [u8; 32],
    seq: u64,
    at: i64,
}

impl Snapshot {
    pub(super) fn of(state: &State, floor: u64) -> Self {
        let live = state.live.iter().map(|(seq, entry)| Live {
            seq: *seq,
            message: StoredMessage(entry.message.clone()),
            published: entry.published.0,
            due: entry.due.0,
            failures: entry.failures,
            deliveries: entry.deliveries,
            lapses: entry.lapses,
            outstanding: entry.outstanding,
            lease: entry.lease.as_ref().map(|holding| Lease {
                worker: holding.worker.clone(),
                since: holding.since.0,
                until: holding.until.0,
            }),
            seat: match entry.place {
                Place::Unseated => Seat::Unseated,
                Place::Ready => Seat::Ready,
                Place::Delayed => Seat::Delayed,
            },
            history: entry.history.iter().cloned().map(StoredIncident).collect(),
        });
        let id = |id: &String| {
            let known = state.known.get(id)?;
            Some(Id { id: id.clone(), digest: known.digest, seq: known.seq, at: known.at.0 })
        };
        Self {
            format: FORMAT,
            floor,
            window: state.window,
            max_dead: state.max_dead,
            max_ids: state.max_ids,
            last_seq: state.last_seq,
            live: live.collect(),
            dead: state.dead.values().cloned().map(StoredLetter).collect(),
            known: state.ages.values().filter_map(id).collect(),
            pauses: state.pauses.values().cloned().map(StoredPause).collect(),
        }
    }

    /// The state that was kept, and the floor of the work stream.
    pub(super) fn restore(self) -> (State, u64) {
        let mut state = State::new(self.window);
        (state.max_dead, state.max_ids) = (self.max_dead, self.max_ids);
        state.last_seq = self.last_seq;
        for live in self.live {
            put(&mut state, live);
        }
        for StoredLetter(letter) in self.dead {
            if let (true, Some(key)) = (letter.blocking, &letter.message.key) {
                state.lanes.entry(key.clone()).or_default().blocked.insert(letter.seq);
            }
            state.dead.insert(letter.seq, letter);
        }
        for Id { id, digest, seq, at } in self.known {
            state.ages.insert((Stamp(at), seq), id.clone());
            state.known.insert(id, Known { digest, seq, at: Stamp(at) });
        }
        state.pauses =
            self.pauses.into_iter().map(|StoredPause(pause)| (pause.scope.clone(), pause)).collect();
        (state, self.floor)
    }
}

fn put(state: &mut State, live: Live) {
    let Live { seq, message: StoredMessage(message), .. } = live;
    let due = Stamp(live.due);
    let (key, priority) = (message.key.clone(), message.priority);
    let lease = live.lease.map(|lease| Holding {
        worker: lease.worker,
        since: Stamp(lease.since),
        until: Stamp(lease.until),
    });
    let until = lease.as_ref().map(|holding| holding.until);
    let place = match live.seat {
        Seat::Unseated => Place::Unseated,
        Seat::Ready => Place::Ready,
        Seat::Delayed => Place::Delayed,
    };
    let entry = machine::Entry {
        message,
        published: Stamp(live.published),
        due,
        failures: live.failures,
        deliveries: live.deliveries,
        lapses: live.lapses,
        outstanding: live.outstanding,
        lease,
        place,
        history: live.history.into_iter().map(|StoredIncident(incident)| incident).collect(),
    };
    state.insert(seq, entry);
    match place {
        Place::Unseated => {}
        Place::Ready => {
            state.ready.insert((priority, seq));
        }
        Place::Delayed => {
            state.delayed.insert((due, seq));
        }
    }
    if let Some(until) = until {
        state.leases.insert((until, seq));
    }
    if let Some(lane) = key.and_then(|key| state.lanes.get_mut(&key)) {
        if until.is_some() {
            lane.leased = Some(seq);
        }
        if place != Place::Unseated {
            lane.seated = Some(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dead_letter::{DeadLetterFilter, DeadPolicy, Redrive, Selection};
    use crate::lease::{LeaseRequest, LeaseToken, Settlement};
    use crate::message::Message;
    use crate::pause::PauseScope;

    /// Does something that depends on `n` alone, and says what came of it.
    fn step(state: &mut State, n: u32, now: Stamp) -> String {
        let token = |n: u32| LeaseToken::new(u64::from(n / 16 % 12) + 1, u64::from(n / 256 % 3) + 1);
        let policy = [DeadPolicy::Block, DeadPolicy::Skip, DeadPolicy::Park][n as usize / 512 % 3];
        match n % 8 {
            0 | 1 => {
                let mut message = Message::new(format!("m{}", n / 8 % 40), "k", "x")
                    .with_key(format!("k{}", n / 64 % 4))
                    .with_priority((n / 1024 % 3) as u8)
                    .on_dead(policy);
                if n.is_multiple_of(3) {
                    message = message.not_before(now.plus(Duration::from_secs(40)).time());
                }
                if n.is_multiple_of(5) {
                    message = message.expires(now.plus(Duration::from_secs(90)).time());
                }
                let digest = message.content_digest();
                format!("{:?}", state.publish(message, digest, now))
            }
            2 | 3 => format!("{:?}", state.lease(&LeaseRequest::new("w").max(3), now)),
            4 => format!("{:?}", state.settle(token(n), &Settlement::Dead { reason: "d".into() }, now)),
            5 => {
                let after = Duration::from_secs(u64::from(n % 50));
                let how = Settlement::Retry { after, reason: "r".into(), counts: true };
                format!("{:?}", state.settle(token(n), &how, now))
            }
            6 => {
                let selection = Selection::Matching(DeadLetterFilter::all());
                format!("{:?}", state.redrive(&Redrive::new(selection, "op", "why").limit(2), now))
            }
            _ if n % 16 < 8 => {
                state.pause(
                    crate::pause::Pause::new(PauseScope::Key("k1".into()), "op", "why")
                        .until(now.plus(Duration::from_secs(20)).time()),
                    now,
                );
                String::new()
            }
            _ => format!("{:?}", state.maintain(2, now)),
        }
    }

    proptest! {
        #[test]
        fn a_restored_state_goes_on_as_the_kept_one(before in prop::collection::vec(any::<u32>(), 0..120),
                                                    after in prop::collection::vec(any::<u32>(), 0..60)) {
            let mut kept = State::new(Duration::from_secs(300));
            (kept.max_dead, kept.max_ids) = (9, 40);
            let mut now = Stamp(1_764_000_000_000_000);
            for n in before {
                now = now.plus(Duration::from_secs(u64::from(n % 7)));
                step(&mut kept, n, now);
            }
            let text = serde_json::to_string(&Snapshot::of(&kept, 9)).unwrap();
            let (mut restored, floor) = serde_json::from_str::<Snapshot>(&text).unwrap().restore();
            prop_assert_eq!(floor, 9);
            prop_assert_eq!(serde_json::to_string(&Snapshot::of(&restored, 9)).unwrap(), text);
            for n in after {
                now = now.plus(Duration::from_secs(u64::from(n % 7)));
                prop_assert_eq!(step(&mut kept, n, now), step(&mut restored, n, now));
                prop_assert_eq!(format!("{:?}", kept.stats(now)), format!("{:?}", restored.stats(now)));
                prop_assert_eq!(kept.next_change(now), restored.next_change(now));
            }
        }
    }
}
