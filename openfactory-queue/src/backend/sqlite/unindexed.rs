//! Entries of the newest messages, until they are moved into the indices: found at once, and taken out in the order of
//! the index.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// An entry of an index: hash of the id, or lane; and the message's place.
pub(super) type Entry = (i64, i64);

/// Messages by the hashes of their ids.
#[derive(Debug, Default)]
pub(super) struct Ids {
    newest: HashMap<i64, i64>,
    /// Those whose hash another has too: next to never one.
    twins: BTreeSet<Entry>,
    /// What the sweep has still to take, by hash, the next one last; a place of [`GONE`] is one that was removed.
    leaving: Vec<Entry>,
    /// How many of those were removed.
    removed: usize,
}

/// No message has this place.
const GONE: i64 = 0;

impl Ids {
    pub(super) fn insert(&mut self, entry: Entry) {
        match self.newest.entry(entry.0) {
            Slot::Vacant(slot) => drop(slot.insert(entry.1)),
            Slot::Occupied(_) => drop(self.twins.insert(entry)),
        }
    }

    /// The messages whose id has this hash.
    pub(super) fn places(&self, hash: i64) -> Vec<i64> {
        let leaving = self.leaving.get(self.leaving_from(hash)..).unwrap_or_default();
        let leaving = leaving.iter().take_while(|entry| entry.0 == hash).filter(|entry| entry.1 != GONE);
        let twins = self.twins.range((hash, i64::MIN)..=(hash, i64::MAX));
        self.newest.get(&hash).copied().into_iter().chain(leaving.chain(twins).map(|entry| entry.1)).collect()
    }

    /// Where those of a hash begin among the leaving ones.
    fn leaving_from(&self, hash: i64) -> usize {
        self.leaving.partition_point(|entry| entry.0 > hash)
    }

    /// Whether the entry was there.
    pub(super) fn remove(&mut self, entry: Entry) -> bool {
        if self.newest.get(&entry.0) == Some(&entry.1) {
            return self.newest.remove(&entry.0).is_some();
        }
        let from = self.leaving_from(entry.0);
        let mut leaving = self.leaving.iter_mut().skip(from).take_while(|other| other.0 == entry.0);
        match leaving.find(|other| other.1 == entry.1) {
            Some(found) => {
                found.1 = GONE;
                self.removed += 1;
                true
            }
            None => self.twins.remove(&entry),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.newest.len() + self.twins.len() + self.leaving.len() - self.removed
    }

    /// All hashes.
    pub(super) fn hashes(&self) -> impl Iterator<Item = i64> {
        let leaving = self.leaving.iter().filter(|entry| entry.1 != GONE);
        let others = self.twins.iter().chain(leaving).map(|entry| entry.0);
        self.newest.keys().copied().chain(others)
    }

    /// Begins a sweep over all that are there.
    pub(super) fn sweep(&mut self) {
        self.leaving.extend(self.newest.drain());
        self.leaving.extend(std::mem::take(&mut self.twins));
        self.leaving.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Takes the next of a sweep out, in order, `count` at most.
    pub(super) fn take(&mut self, count: usize) -> Vec<Entry> {
        let rest = self.leaving.len().saturating_sub(count);
        let taken = self.leaving.split_off(rest);
        let of_all = taken.len();
        let taken: Vec<Entry> = taken.into_iter().rev().filter(|entry| entry.1 != GONE).collect();
        self.removed -= of_all - taken.len();
        taken
    }

    /// Puts back what was taken last.
    pub(super) fn put_back(&mut self, taken: Vec<Entry>) {
        self.leaving.extend(taken.into_iter().rev());
    }

    /// Whether the sweep has taken all.
    pub(super) fn swept(&self) -> bool {
        self.leaving.is_empty()
    }
}

/// Messages of lanes, each lane's in order.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lanes: HashMap<i64, VecDeque<i64>>,
    len: usize,
    /// Lanes that the sweep has still to come to, the next one last.
    leaving: Vec<i64>,
}

impl Lines {
    pub(super) fn insert(&mut self, (lane, seq): Entry) {
        let line = self.lanes.entry(lane).or_default();
        let place = line.iter().rposition(|other| *other <= seq).map_or(0, |before| before + 1);
        line.insert(place, seq);
        self.len += 1;
    }

    pub(super) fn first(&self, lane: i64) -> Option<i64> {
        self.line(lane).next()
    }

    pub(super) fn line(&self, lane: i64) -> impl Iterator<Item = i64> {
        self.lanes.get(&lane).into_iter().flatten().copied()
    }

    /// Whether the entry was there.
    pub(super) fn remove(&mut self, (lane, seq): Entry) -> bool {
        let Some(line) = self.lanes.get_mut(&lane) else { return false };
        let Ok(found) = line.binary_search(&seq) else { return false };
        line.remove(found);
        if line.is_empty() {
            self.lanes.remove(&lane);
        }
        self.len -= 1;
        true
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Begins a sweep over all that are there.
    pub(super) fn sweep(&mut self) {
        self.leaving = self.lanes.keys().copied().collect();
        self.leaving.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Takes the next of a sweep out, in order, `count` at most.
    pub(super) fn take(&mut self, count: usize) -> Vec<Entry> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count
            && let Some(&lane) = self.leaving.last()
        {
            let line = self.lanes.get_mut(&lane);
            let some = line.map_or_else(VecDeque::new, |line| {
                let rest = line.split_off(line.len().min(count - taken.len()));
                std::mem::replace(line, rest)
            });
            taken.extend(some.into_iter().map(|seq| (lane, seq)));
            if self.lanes.get(&lane).is_none_or(VecDeque::is_empty) {
                self.lanes.remove(&lane);
                self.leaving.pop();
            }
        }
        self.len -= taken.len();
        taken
    }

    /// Puts back what was taken last.
    pub(super) fn put_back(&mut self, taken: Vec<Entry>) {
        for (lane, seq) in taken.into_iter().rev() {
            self.insert((lane, seq));
            if self.leaving.last() != Some(&lane) {
                self.leaving.push(lane);
            }
        }
    }

    /// Whether the sweep has taken all.
    pub(super) fn swept(&self) -> bool {
        self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_before_in_and_after_a_sweep() {
        let mut ids = Ids::default();
        // 7 is the hash of three ids.
        [(7, 1), (-3, 2), (7, 3), (9, 4), (7, 5)].into_iter().for_each(|entry| ids.insert(entry));
        ids.sweep();
        ids.insert((7, 6));
        ids.insert((7, 7));
        let places = |ids: &Ids, hash| {
            let mut places = ids.places(hash);
            places.sort_unstable();
            places
        };
        assert_eq!(places(&ids, 7), [1, 3, 5, 6, 7]);
        assert!(ids.remove((7, 3)) && !ids.remove((7, 3)) && ids.remove((7, 7)) && ids.remove((7, 6)));
        assert_eq!(ids.take(2), [(-3, 2), (7, 1)]);
        assert_eq!((places(&ids, 7), places(&ids, -3), ids.swept()), (vec![5], vec![], false));
        assert_eq!(ids.len(), 2);
        ids.put_back(vec![(-3, 2), (7, 1)]);
        assert_eq!(ids.len(), 4);
        assert_eq!((places(&ids, 7), places(&ids, -3)), (vec![1, 5], vec![2]));
        assert_eq!(ids.take(2), [(-3, 2), (7, 1)]);
        assert_eq!(ids.take(9), [(7, 5), (9, 4)]);
        assert_eq!((ids.hashes().count(), ids.len(), ids.swept(), ids.take(1)), (0, 0, true, vec![]));
    }

    #[test]
    fn lines_keep_their_order_in_a_sweep() {
        let mut lines = Lines::default();
        [(2, 1), (1, 2), (2, 5), (2, 3), (1, 4)].into_iter().for_each(|entry| lines.insert(entry));
        assert_eq!((lines.line(2).collect::<Vec<_>>(), lines.first(1)), (vec![1, 3, 5], Some(2)));
        lines.sweep();
        assert_eq!(lines.take(3), [(1, 2), (1, 4), (2, 1)]);
        lines.insert((1, 6));
        assert!(lines.remove((2, 3)) && !lines.remove((2, 1)) && !lines.remove((3, 1)));
        assert_eq!((lines.swept(), lines.first(2)), (false, Some(5)));
        lines.put_back(vec![(1, 2), (1, 4), (2, 1)]);
        assert_eq!((lines.line(1).collect::<Vec<_>>(), lines.first(2)), (vec![2, 4, 6], Some(1)));
        assert_eq!(lines.take(3), [(1, 2), (1, 4), (1, 6)]);
        lines.put_back(vec![(1, 6)]);
        assert_eq!(lines.take(2), [(1, 6), (2, 1)]);
        lines.insert((1, 6));
        assert_eq!(lines.take(8), [(2, 5)]);
        assert_eq!((lines.len(), lines.swept(), lines.first(1), lines.first(2)), (1, true, Some(6), None));
    }
}
