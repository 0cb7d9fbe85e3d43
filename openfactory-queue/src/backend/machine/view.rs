//! Looking, pausing, upkeep.

use super::{Place, State};
#[cfg(feature = "nats")]
use crate::backend::SWEEP;
use crate::dead_letter::DeadCause;
use crate::pause::{Pause, PauseScope};
use crate::stamp::Stamp;
use crate::stats::{Bound, Bounded, Found, Maintained, MessageState, Stats};

impl State {
    pub(in crate::backend) fn is_paused(&self, scope: &PauseScope, now: Stamp) -> bool {
        self.pauses.get(scope).is_some_and(|pause| in_force(pause, now))
    }

    pub(in crate::backend) fn pause(&mut self, mut pause: Pause, now: Stamp) {
        pause.since = now.time();
        pause.until = pause.until.map(|until| Stamp::from(until).time());
        self.pauses.insert(pause.scope.clone(), pause);
    }

    pub(in crate::backend) fn resume(&mut self, scope: &PauseScope, now: Stamp) -> bool {
        self.pauses.remove(scope).is_some_and(|pause| in_force(&pause, now))
    }

    pub(in crate::backend) fn pauses(&self, now: Stamp) -> Vec<Pause> {
        self.pauses.values().filter(|pause| in_force(pause, now)).cloned().collect()
    }

    pub(in crate::backend) fn find(&self, id: &str, now: Stamp) -> Option<Found> {
        let seq = self.known.get(id)?.seq;
        if let Some(letter) = self.dead.get(&seq) {
            let mut found = Found::new(letter.message.clone(), seq, MessageState::Dead, letter.published);
            found.failures = letter.failures;
            found.deliveries = letter.deliveries;
            found.history.clone_from(&letter.history);
            return Some(found);
        }
        let entry = self.live.get(&seq)?;
        let state = match (&entry.lease, entry.place) {
            (Some(holding), _) => {
                MessageState::Leased { worker: holding.worker.clone(), until: holding.until.time() }
            }
            (None, Place::Delayed) if entry.due > now => MessageState::Delayed { until: entry.due.time() },
            (None, Place::Delayed | Place::Ready) => MessageState::Ready,
            (None, Place::Unseated) => MessageState::Held,
        };
        let mut found = Found::new(entry.message.clone(), seq, state, entry.published.time());
        found.failures = entry.failures;
        found.deliveries = entry.deliveries;
        found.history.clone_from(&entry.history);
        Some(found)
    }

    pub(in crate::backend) fn stats(&self, now: Stamp) -> Stats {
        let due = self.delayed.iter().take_while(|(due, _)| *due <= now);
        let due: Vec<u64> = due.map(|(_, seq)| *seq).collect();
        let ready = (self.ready.len() + due.len()) as u64;
        let delayed = (self.delayed.len() - due.len()) as u64;
        let leased = self.leases.len() as u64;
        let oldest = self.ready.iter().map(|(_, seq)| *seq).chain(due).min();
        let since =
            self.live.values().filter_map(|entry| entry.lease.as_ref()).map(|lease| lease.since).min();
        Stats {
            ready,
            delayed,
            leased,
            held: self.live_count() - ready - delayed - leased,
            dead: self.dead.len() as u64,
            blocked_keys: self.lanes.values().filter(|lane| !lane.blocked.is_empty()).count() as u64,
            pauses: self.pauses.values().filter(|pause| in_force(pause, now)).count() as u64,
            oldest_ready: oldest.and_then(|seq| self.live.get(&seq)).map(|entry| now.since(entry.published)),
            oldest_lease: since.map(|since| now.since(since)),
            disk_bytes: None,
            bounds: self.bounds(),
        }
    }

    fn bounds(&self) -> Vec<Bound> {
        let dead = Bound::new(Bounded::DeadLetters, self.dead.len() as u64, self.max_dead);
        let ids = Bound::new(Bounded::Ids, self.known.len() as u64, self.max_ids);
        [dead, ids].into_iter().filter(|bound| bound.limit < u64::MAX).collect()
    }

    pub(in crate::backend) fn maintain(&mut self, budget: usize, now: Stamp) -> Maintained {
        let lapsed = self.sweep_lapsed(budget, now);
        let expired: Vec<u64> = self
            .expiring
            .iter()
            .take_while(|(expires, _)| *expires <= now)
            .map(|(_, seq)| *seq)
            .filter(|seq| self.live.get(seq).is_some_and(|entry| entry.lease.is_none()))
            .take(budget.min(self.room_for_dead()))
            .collect();
        for &seq in &expired {
            self.bury(seq, DeadCause::Expired, "its time was over before it was delivered", now);
        }
        let forgotten = self.forget_old(budget, now);
        self.pauses.retain(|_, pause| in_force(pause, now));
        Maintained {
            lapsed,
            expired: expired.len() as u64,
            forgotten: forgotten as u64,
            more: [lapsed as usize, expired.len(), forgotten].iter().any(|done| *done >= budget),
        }
    }

    /// How many more ids there is room for; forgets old ones if there is little.
    #[cfg(feature = "nats")]
    pub(in crate::backend) fn room_for_ids(&mut self, now: Stamp) -> u64 {
        let room = |state: &Self| state.max_ids.saturating_sub(state.known.len() as u64);
        if room(self) < SWEEP as u64 {
            self.forget_old(SWEEP, now);
        }
        room(self)
    }

    /// Forgets ids whose window is over and whose message is gone, oldest first; how many.
    pub(in crate::backend) fn forget_old(&mut self, budget: usize, now: Stamp) -> usize {
        let cutoff = now.minus(self.window);
        let old: Vec<(Stamp, u64)> = self
            .ages
            .keys()
            .take_while(|(at, _)| *at <= cutoff)
            .filter(|(_, seq)| *seq != self.last_seq)
            .filter(|(_, seq)| !self.live.contains_key(seq) && !self.dead.contains_key(seq))
            .take(budget)
            .copied()
            .collect();
        for age in &old {
            if let Some(id) = self.ages.remove(age) {
                self.known.remove(&id);
            }
        }
        old.len()
    }
}

pub(in crate::backend) fn in_force(pause: &Pause, now: Stamp) -> bool {
    pause.until.is_none_or(|until| Stamp::from(until) > now)
}
