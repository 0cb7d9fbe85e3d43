//! Dead letters: in, and out again.

use std::collections::BTreeSet;

use super::{Entry, Place, State};
use crate::backend::stagger;
use crate::dead_letter::{
    DeadCause, DeadLetter, DeadLetterPage, DeadPolicy, Discard, Moved, Redrive, Selection,
};
use crate::history::{self, IncidentKind};
#[cfg(feature = "nats")]
use crate::lease::{LeaseToken, Settlement};
use crate::stamp::Stamp;

impl State {
    /// How many more dead letters there is room for.
    pub(in crate::backend) fn room_for_dead(&self) -> usize {
        let room = self.max_dead.saturating_sub(self.dead.len() as u64);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// How many dead letters a settlement would make.
    #[cfg(feature = "nats")]
    pub(in crate::backend) fn would_bury(&self, token: LeaseToken, how: &Settlement) -> usize {
        let Settlement::Dead { .. } = how else { return 0 };
        let Some(message) = self.held(token).map(|entry| &entry.message) else { return 0 };
        let lane = message.key.as_ref().filter(|_| message.on_dead == DeadPolicy::Park);
        // All that live of its key, itself included.
        lane.and_then(|key| self.lanes.get(key)).map_or(1, |lane| lane.live.len())
    }

    /// Moves a living message to the dead letters and lets its policy decide about its key.
    pub(in crate::backend) fn bury(&mut self, seq: u64, cause: DeadCause, reason: &str, now: Stamp) {
        let Some(mut entry) = self.remove(seq) else { return };
        let kind = match cause {
            DeadCause::Rejected => IncidentKind::Dead,
            DeadCause::Expired => IncidentKind::Expired,
            DeadCause::Parked => IncidentKind::Parked,
        };
        entry.note(now, kind, reason);
        let policy = entry.message.on_dead;
        let id = entry.message.id.clone();
        let key = entry.message.key.clone();
        let mut letter = DeadLetter::new(entry.message, seq, cause, entry.published.time(), now.time());
        history::cut(reason).clone_into(&mut letter.reason);
        letter.failures = entry.failures;
        letter.deliveries = entry.deliveries;
        letter.history = entry.history;
        let rejected = cause == DeadCause::Rejected;
        letter.blocking = rejected && policy == DeadPolicy::Block && key.is_some();
        let blocking = letter.blocking;
        self.dead.insert(seq, letter);
        let Some(key) = key else { return };
        if let Some(lane) = self.lanes.get_mut(&key) {
            if blocking {
                lane.blocked.insert(seq);
            }
            if rejected && policy == DeadPolicy::Park {
                let rest: Vec<u64> =
                    lane.live.iter().copied().filter(|other| lane.leased != Some(*other)).collect();
                for other in rest {
                    self.bury(other, DeadCause::Parked, &format!("parked behind {id}"), now);
                }
            }
        }
        self.settle_lane(&key, now);
    }

    pub(in crate::backend) fn dead_letters(&self, page: &DeadLetterPage) -> Vec<DeadLetter> {
        let from = page.after.map_or(0, |after| after.saturating_add(1));
        self.dead
            .range(from..)
            .map(|(_, letter)| letter)
            .filter(|letter| page.filter.matches(letter))
            .take(page.limit)
            .cloned()
            .collect()
    }

    /// The places of the selected letters, and the ids that are none.
    fn select(&self, selection: &Selection) -> (BTreeSet<u64>, BTreeSet<String>) {
        let mut missing = BTreeSet::new();
        let found = match selection {
            Selection::Ids(ids) => ids
                .iter()
                .filter_map(|id| {
                    let seq =
                        self.known.get(id).map(|known| known.seq).filter(|seq| self.dead.contains_key(seq));
                    if seq.is_none() {
                        missing.insert(id.clone());
                    }
                    seq
                })
                .collect(),
            Selection::Matching(filter) => {
                self.dead.iter().filter(|(_, letter)| filter.matches(letter)).map(|(seq, _)| *seq).collect()
            }
        };
        (found, missing)
    }

    fn moved(&self, selection: &Selection, limit: usize) -> (Vec<u64>, Moved) {
        let (found, missing) = self.select(selection);
        let chosen: Vec<u64> = found.iter().copied().take(limit).collect();
        let moved = Moved {
            ids: chosen
                .iter()
                .filter_map(|seq| self.dead.get(seq))
                .map(|letter| letter.message.id.clone())
                .collect(),
            missing: missing.into_iter().collect(),
            remaining: (found.len() - chosen.len()) as u64,
        };
        (chosen, moved)
    }

    pub(in crate::backend) fn redrive(&mut self, redrive: &Redrive, now: Stamp) -> Moved {
        let (chosen, moved) = self.moved(&redrive.selection, redrive.limit);
        if redrive.dry_run {
            return moved;
        }
        for (n, seq) in chosen.into_iter().enumerate() {
            let Some(letter) = self.dead.remove(&seq) else { continue };
            let mut message = letter.message;
            // What has expired is delivered all the same: somebody has asked for it.
            message.expires = message.expires.filter(|expires| Stamp::from(*expires) > now);
            let key = message.key.clone();
            let mut entry = Entry {
                message,
                published: letter.published.into(),
                due: now.plus(stagger(n, redrive.rate)),
                failures: if redrive.keep_failures { letter.failures } else { 0 },
                deliveries: letter.deliveries,
                lapses: 0,
                outstanding: false,
                lease: None,
                place: Place::Unseated,
                history: letter.history,
            };
            entry.note(now, IncidentKind::Redriven, &format!("{}: {}", redrive.actor, redrive.reason));
            self.insert(seq, entry);
            if let Some(lane) = key.and_then(|key| self.lanes.get_mut(&key)) {
                lane.blocked.remove(&seq);
            }
            self.settle_places(seq, now);
        }
        moved
    }

    pub(in crate::backend) fn discard(&mut self, discard: &Discard, now: Stamp) -> Moved {
        let (chosen, moved) = self.moved(&discard.selection, discard.limit);
        if discard.dry_run {
            return moved;
        }
        for seq in chosen {
            let Some(key) = self.dead.remove(&seq).and_then(|letter| letter.message.key) else { continue };
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.blocked.remove(&seq);
            }
            self.settle_lane(&key, now);
        }
        moved
    }
}
