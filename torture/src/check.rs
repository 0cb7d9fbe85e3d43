//! Holds what lives were told against what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::journal::{Entry, How, What};

/// A promise that was broken, with the key of the message and its number in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the two fields are the same everywhere")]
pub enum Violation {
    /// Stored by an answer, never settled for good, and not there.
    Lost { key: u32, n: u32 },
    /// Settled for good by an answer, and leased again.
    Returned { key: u32, n: u32 },
    /// Leased although another one before it in its key was not through.
    OutOfOrder { key: u32, n: u32 },
    /// Leased again without a fault and without having been given back.
    Unaccounted { key: u32, n: u32 },
    /// Leased again under an epoch that isn't higher.
    Epoch { key: u32, n: u32 },
    /// The token of a life that was over was accepted.
    Stale { key: u32, n: u32 },
    /// Stored twice: the second publish was no duplicate.
    StoredTwice { key: u32, n: u32 },
    /// Known before anybody had published it.
    Foretold { key: u32, n: u32 },
    /// Leased, but nobody had published it.
    Unpublished { key: u32, n: u32 },
    /// Not what was published.
    Damaged { key: u32, n: u32 },
    /// Among the dead letters without having been sent there, or twice.
    DeadLetter { key: u32, n: u32 },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Where a message stands, by all that was said so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Waiting,
    Leased,
    /// A settlement was begun and not answered.
    Settling(How),
    /// Acked or dead.
    Gone(How),
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    tried: bool,
    stored: bool,
    phase: Phase,
    /// The life of the last lease or settlement.
    life: u32,
    epoch: u64,
    letters: u32,
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Lives read.
    pub lives: u32,
    /// Messages whose publish was answered.
    pub stored: u64,
    /// Messages that were settled for good by an answer.
    pub gone: u64,
    /// Leases of a message that was leased before, because it was given back.
    pub given_back: u64,
    /// Leases of a message that was leased before, because of a fault in between.
    pub faulted: u64,
    /// What was promised and not kept.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// How many messages were lost: not there at the end, or not known any more when they were published again.
    #[must_use]
    pub fn lost(&self) -> usize {
        let lost = self.violations.iter().filter_map(|violation| match violation {
            Violation::Lost { key, n } | Violation::StoredTwice { key, n } => Some((key, n)),
            _ => None,
        });
        lost.collect::<BTreeSet<_>>().len()
    }
}

/// Reads life after life.
#[derive(Debug, Default)]
pub struct Checker {
    keys: BTreeMap<u32, Vec<Seen>>,
    /// By key, the highest number that was leased.
    cursors: BTreeMap<u32, u32>,
    verdict: Verdict,
}

impl Checker {
    /// Reads the next life. Between two lives there was a fault.
    pub fn life(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.verdict.lives += 1;
        for entry in entries {
            self.entry(entry);
        }
    }

    /// The verdict, if the last life has drained the queue and listed the dead letters.
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        for (&key, messages) in &self.keys {
            for (n, seen) in (0..).zip(messages) {
                let sent_to_die = matches!(seen.phase, Phase::Settling(How::Dead) | Phase::Gone(How::Dead));
                self.verdict.stored += u64::from(seen.stored);
                self.verdict.gone += u64::from(matches!(seen.phase, Phase::Gone(_)));
                if seen.letters > 1 || (seen.letters == 1 && !sent_to_die) {
                    self.verdict.violations.push(Violation::DeadLetter { key, n });
                }
                let there = match seen.phase {
                    Phase::Gone(How::Ack) | Phase::Settling(How::Ack) => true,
                    Phase::Gone(_) | Phase::Settling(How::Dead) => seen.letters > 0,
                    Phase::Settling(How::Retry) | Phase::Leased | Phase::Waiting => false,
                };
                if seen.stored && !there {
                    self.verdict.violations.push(Violation::Lost { key, n });
                }
            }
        }
        self.verdict
    }

    fn entry(&mut self, Entry { key, n, what }: Entry) {
        let life = self.verdict.lives;
        let messages = self.keys.entry(key).or_default();
        let index = n as usize;
        if messages.len() <= index {
            messages.resize(index + 1, Seen::default());
        }
        let Some((before, [seen, ..])) = messages.split_at_mut_checked(index) else { return };
        let mut violated = |violation| self.verdict.violations.push(violation);
        match what {
            What::Try => seen.tried = true,
            What::Stored if seen.stored => violated(Violation::StoredTwice { key, n }),
            What::Duplicate if !seen.tried => violated(Violation::Foretold { key, n }),
            What::Stored | What::Duplicate => seen.stored = true,
            What::Lease { epoch, .. } => {
                if !seen.tried {
                    violated(Violation::Unpublished { key, n });
                }
                let first = seen.epoch == 0;
                if epoch <= seen.epoch {
                    violated(Violation::Epoch { key, n });
                }
                match seen.phase {
                    Phase::Gone(_) => violated(Violation::Returned { key, n }),
                    Phase::Settling(How::Retry) => self.verdict.given_back += 1,
                    Phase::Waiting if first => {}
                    Phase::Waiting => self.verdict.given_back += 1,
                    Phase::Leased | Phase::Settling(_) if seen.life < life => self.verdict.faulted += 1,
                    Phase::Leased | Phase::Settling(_) => violated(Violation::Unaccounted { key, n }),
                }
                // What lies before the cursor was looked at when the cursor came by.
                let cursor = self.cursors.entry(key).or_default();
                let between = before.get(*cursor as usize..).unwrap_or_default();
                let through = |seen: &Seen| {
                    matches!(seen.phase, Phase::Gone(_) | Phase::Settling(How::Ack | How::Dead))
                };
                if n < *cursor || !between.iter().all(|seen| !seen.stored || through(seen)) {
                    self.verdict.violations.push(Violation::OutOfOrder { key, n });
                }
                *cursor = n.max(*cursor);
                *seen = Seen { phase: Phase::Leased, life, epoch, ..*seen };
            }
            What::Settling(epoch, how) if epoch == seen.epoch => {
                *seen = Seen { phase: Phase::Settling(how), life, ..*seen };
            }
            What::Settled(epoch, How::Retry) if epoch == seen.epoch => seen.phase = Phase::Waiting,
            What::Settled(epoch, how) if epoch == seen.epoch => seen.phase = Phase::Gone(how),
            // Given back, it may be leased by another before the one who gave it back comes to say so.
            What::Settled(epoch, How::Retry) if epoch < seen.epoch => {}
            // But what was settled for good nobody may lease.
            What::Settled(..) => violated(Violation::Returned { key, n }),
            What::Settling(..) => violated(Violation::Unaccounted { key, n }),
            What::Stale => violated(Violation::Stale { key, n }),
            What::Damaged => violated(Violation::Damaged { key, n }),
            What::Dead => seen.letters += 1,
        }
    }
}

#[cfg(test)]
mod tests;
