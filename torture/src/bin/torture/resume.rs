//! What a life has to know of those before it: where each key goes on, what was not answered, whose tokens are old.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use openfactory_torture::journal::{self, Entry, What};

use crate::Result;

/// So many tokens of a life, its latest, are tried by the next: settled or not, none is good any more.
const OLD: usize = 32;

/// The state after some lives, kept in a file as lines of a journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resume {
    /// By key, the number of the message that comes next.
    pub(crate) next: BTreeMap<u32, u32>,
    /// Published without an answer, by key and number: to be published again.
    pub(crate) open: BTreeSet<(u32, u32)>,
    /// The last that was stored, by key: published again, it is a duplicate.
    pub(crate) stored: BTreeMap<u32, u32>,
    /// Tokens of the last life, oldest first: key, number, place, epoch.
    pub(crate) old: Vec<(u32, u32, u64, u64)>,
}

impl Resume {
    /// Reads what the last life has said.
    pub(crate) fn read(&mut self, journal: &Path) -> Result<()> {
        self.old.clear();
        journal::read(journal)?.into_iter().for_each(|entry| self.entry(entry));
        self.old.drain(..self.old.len().saturating_sub(OLD));
        Ok(())
    }

    fn entry(&mut self, Entry { key, n, what }: Entry) {
        match what {
            What::Try => {
                let next = self.next.entry(key).or_default();
                *next = (*next).max(n + 1);
                if self.stored.get(&key).is_none_or(|stored| *stored < n) {
                    self.open.insert((key, n));
                }
            }
            What::Stored | What::Duplicate => {
                self.open.remove(&(key, n));
                let stored = self.stored.entry(key).or_default();
                *stored = (*stored).max(n);
            }
            What::Lease { seq, epoch } => self.old.push((key, n, seq, epoch)),
            What::Settling(..) | What::Settled(..) | What::Stale | What::Damaged | What::Dead => {}
        }
    }

    /// Writes it for the next life.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = String::new();
        let mut line = |entry: Entry| text.push_str(&format!("{entry}\n"));
        for (&key, &next) in self.next.iter().filter(|(_, next)| **next > 0) {
            line(Entry::new(key, next - 1, What::Try));
        }
        for (&key, &stored) in &self.stored {
            line(Entry::new(key, stored, What::Stored));
        }
        self.open.iter().for_each(|&(key, n)| line(Entry::new(key, n, What::Try)));
        self.old
            .iter()
            .for_each(|&(key, n, seq, epoch)| line(Entry::new(key, n, What::Lease { seq, epoch })));
        std::fs::write(path, text)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_next_life_knows_what_the_last_one_said() {
        let directory = tempfile::tempdir().unwrap();
        let (journal, state) = (directory.path().join("life"), directory.path().join("state"));
        let said = "try 0 0\nstored 0 0\ntry 0 1\ntry 1 0\nstored 1 0\nlease 0 0 1 1\nlease 1 0 2 4\nsettling 1 0 4 ack\n";
        std::fs::write(&journal, said).unwrap();
        let mut first = Resume::default();
        first.read(&journal).unwrap();
        assert_eq!((first.next[&0], first.next[&1]), (2, 1));
        assert_eq!(first.open, BTreeSet::from([(0, 1)]));
        assert_eq!(first.old, [(0, 0, 1, 1), (1, 0, 2, 4)]);
        first.write(&state).unwrap();
        let mut second = Resume::default();
        second.read(&state).unwrap();
        assert_eq!(second, first);
    }
}
