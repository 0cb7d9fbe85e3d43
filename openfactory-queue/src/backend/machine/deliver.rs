//! Leasing and settling.

use std::ops::Bound;
use std::time::Duration;

use super::{Entry, Holding, Place, State};
use crate::backend::SWEEP;
use crate::dead_letter::DeadCause;
use crate::history::IncidentKind;
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::pause::PauseScope;
use crate::stamp::Stamp;

impl State {
    pub(in crate::backend) fn lease(&mut self, request: &LeaseRequest, now: Stamp) -> Vec<Leased> {
        self.sweep_lapsed(SWEEP, now);
        self.promote(now);
        let mut leased = Vec::new();
        if self.is_paused(&PauseScope::Queue, now) {
            return leased;
        }
        let mut expired = 0;
        let mut cursor = Bound::Unbounded;
        while leased.len() < request.max && expired < SWEEP {
            let Some(&next) = self.ready.range((cursor, Bound::Unbounded)).next() else { break };
            cursor = Bound::Excluded(next);
            let Some(entry) = self.live.get(&next.1) else { continue };
            if self.holds_back(entry, now) {
                continue;
            }
            if entry.expired(now) {
                self.bury(next.1, DeadCause::Expired, "its time was over before it was delivered", now);
                expired += 1;
                // The next of its key may stand before the cursor.
                cursor = Bound::Unbounded;
                continue;
            }
            leased.extend(self.take(next.1, request, now));
        }
        leased
    }

    /// Whether something stands ready that no pause holds back.
    #[cfg(feature = "nats")]
    pub(in crate::backend) fn has_ready(&self, now: Stamp) -> bool {
        !self.is_paused(&PauseScope::Queue, now)
            && self
                .ready
                .iter()
                .any(|(_, seq)| self.live.get(seq).is_some_and(|entry| !self.holds_back(entry, now)))
    }

    fn take(&mut self, seq: u64, request: &LeaseRequest, now: Stamp) -> Option<Leased> {
        self.unseat(seq);
        let entry = self.live.get_mut(&seq)?;
        let until = now.plus(request.ttl);
        entry.deliveries = entry.deliveries.saturating_add(1);
        entry.outstanding = true;
        entry.lease = Some(Holding { worker: request.worker.clone(), since: now, until });
        self.leases.insert((until, seq));
        if let Some(lane) = entry.message.key.as_ref().and_then(|key| self.lanes.get_mut(key)) {
            lane.leased = Some(seq);
        }
        let token = LeaseToken::new(seq, u64::from(entry.deliveries));
        let mut leased = Leased::new(entry.message.clone(), token, entry.published.time(), until.time());
        leased.attempt = entry.failures.saturating_add(1);
        leased.deliveries = entry.deliveries;
        leased.lapses = entry.lapses;
        Some(leased)
    }

    /// Whether this message is held back: by a pause, or because it should become a dead letter and can't.
    fn holds_back(&self, entry: &Entry, now: Stamp) -> bool {
        if entry.expired(now) && self.room_for_dead() == 0 {
            return true;
        }
        if self.pauses.is_empty() {
            return false;
        }
        let key = entry.message.key.as_ref().map(|key| PauseScope::Key(key.clone()));
        let to = entry.message.destination().map(|to| PauseScope::Destination(to.to_owned()));
        [key, to].into_iter().flatten().any(|scope| self.is_paused(&scope, now))
    }

    /// Makes messages whose lease has lapsed available again.
    pub(in crate::backend) fn sweep_lapsed(&mut self, budget: usize, now: Stamp) -> u64 {
        let lapsed: Vec<u64> = self
            .leases
            .iter()
            .take_while(|(until, _)| *until <= now)
            .take(budget)
            .map(|(_, seq)| *seq)
            .collect();
        for &seq in &lapsed {
            let worker = self.live.get(&seq).and_then(|entry| entry.lease.clone()).map(|lease| lease.worker);
            self.detach(seq);
            if let Some(entry) = self.live.get_mut(&seq) {
                entry.lapses = entry.lapses.saturating_add(1);
                let reason = format!("the lease of {} lapsed", worker.unwrap_or_default());
                entry.note(now, IncidentKind::Lapsed, &reason);
            }
            self.settle_places(seq, now);
        }
        lapsed.len() as u64
    }

    /// Makes delayed messages ready whose time has come.
    fn promote(&mut self, now: Stamp) {
        let due: Vec<u64> =
            self.delayed.iter().take_while(|(due, _)| *due <= now).take(SWEEP).map(|(_, seq)| *seq).collect();
        for seq in due {
            self.unseat(seq);
            self.settle_places(seq, now);
        }
    }

    /// When something may become ready by itself.
    pub(in crate::backend) fn next_change(&self, now: Stamp) -> Option<Stamp> {
        let pauses =
            self.pauses.values().filter_map(|pause| pause.until).map(Stamp::from).filter(|end| *end > now);
        let delayed = self.delayed.first().map(|(due, _)| *due);
        let lapse = self.leases.first().map(|(until, _)| *until);
        delayed.into_iter().chain(lapse).chain(pauses).min()
    }

    pub(super) fn held(&self, token: LeaseToken) -> Option<&Entry> {
        let entry = self.live.get(&token.seq())?;
        (entry.outstanding && u64::from(entry.deliveries) == token.epoch()).then_some(entry)
    }

    pub(in crate::backend) fn extend(&mut self, token: LeaseToken, ttl: Duration, now: Stamp) -> Extended {
        let seq = token.seq();
        let Some(entry) = self.held(token) else { return Extended::Stale };
        let Some(mut holding) = entry.lease.clone() else {
            // Lapsed, and the message was made available: nobody took it yet, but anybody may.
            return Extended::Stale;
        };
        self.leases.remove(&(holding.until, seq));
        holding.until = now.plus(ttl);
        self.leases.insert((holding.until, seq));
        let until = holding.until.time();
        if let Some(entry) = self.live.get_mut(&seq) {
            entry.lease = Some(holding);
        }
        Extended::Until(until)
    }

    pub(in crate::backend) fn settle(&mut self, token: LeaseToken, how: &Settlement, now: Stamp) -> Settled {
        let seq = token.seq();
        let Some(key) = self.held(token).map(|entry| entry.message.key.clone()) else {
            return Settled::Stale;
        };
        match how {
            Settlement::Ack => {
                self.remove(seq);
            }
            Settlement::Dead { reason } => self.bury(seq, DeadCause::Rejected, reason, now),
            Settlement::Retry { after, reason, counts } => {
                self.detach(seq);
                if let Some(entry) = self.live.get_mut(&seq) {
                    entry.outstanding = false;
                    entry.due = now.plus(*after);
                    entry.failures = entry.failures.saturating_add(u32::from(*counts));
                    let kind = if *counts { IncidentKind::Failed } else { IncidentKind::Deferred };
                    entry.note(now, kind, reason);
                }
            }
            Settlement::Release => {
                self.detach(seq);
                if let Some(entry) = self.live.get_mut(&seq) {
                    entry.outstanding = false;
                    debug_assert_eq!(entry.place, Place::Unseated);
                }
            }
        }
        match key {
            Some(key) => self.settle_lane(&key, now),
            None => self.settle_places(seq, now),
        }
        Settled::Done
    }
}
