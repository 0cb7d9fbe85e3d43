//! Which ids are not known: nearly all that come in are new, and a look for each of them in the index would read a page
//! of its own.
//!
//! A Bloom filter of a fixed size, the bits of an id in one word. The ids that are in the index when the file is opened
//! are read beside other work, some with every few commits; those that come in are added at once. Forgotten ids leave
//! their bits; once they are many, the filter begins anew. With ten million ids it tells seven in ten of the new ones,
//! with more it tells fewer; the others are looked for.

use rusqlite::{Connection, Result};

/// 4 MiB.
const WORDS: usize = 1 << 19;

/// An id has so many bits at most.
const BITS: u32 = 4;

/// So many forgotten ids are of no account.
const FEW: usize = if cfg!(debug_assertions) { 16 } else { WORDS };

/// Ids by their hashes.
#[derive(Debug)]
pub(super) struct Sieve {
    words: Box<[u64]>,
    /// Of the hashes in the index from this one on, some are not in `words`; `None` once all are.
    unread: Option<i64>,
    added: usize,
    forgotten: usize,
}

impl Default for Sieve {
    fn default() -> Self {
        Self { words: vec![0; WORDS].into(), unread: Some(i64::MIN), added: 0, forgotten: 0 }
    }
}

/// The word of a hash, and its bits there.
fn place(hash: i64) -> (usize, u64) {
    let hash = hash.cast_unsigned();
    let bits = (0..BITS).fold(0, |bits, n| bits | 1 << ((hash >> (6 * n)) % 64));
    let word = (hash >> 32) % WORDS as u64;
    (usize::try_from(word).unwrap_or_default(), bits)
}

impl Sieve {
    /// Whether an id of this hash may be known.
    pub(super) fn may_hold(&self, hash: i64) -> bool {
        let (word, bits) = place(hash);
        self.unread.is_some_and(|unread| hash >= unread)
            || self.words.get(word).is_none_or(|word| word & bits == bits)
    }

    /// An id comes in.
    pub(super) fn add(&mut self, hash: i64) {
        let (word, bits) = place(hash);
        if let Some(word) = self.words.get_mut(word) {
            *word |= bits;
        }
        self.added += 1;
    }

    /// An id is forgotten. Whether all begins anew: then those that are not in the index have to be added again.
    pub(super) fn remove(&mut self) -> bool {
        self.forgotten += 1;
        let anew = self.forgotten > FEW.max(self.added / 2);
        if anew {
            self.words.fill(0);
            (self.unread, self.added, self.forgotten) = (Some(i64::MIN), 0, 0);
        }
        anew
    }

    /// Reads on in the index, `count` entries at most.
    pub(super) fn read(&mut self, conn: &Connection, count: usize) -> Result<()> {
        let Some(unread) = self.unread.filter(|_| count > 0) else { return Ok(()) };
        let sql = "SELECT hash FROM id_index WHERE hash >= ?1 ORDER BY hash LIMIT ?2";
        let mut select = conn.prepare_cached(sql)?;
        let mut rows = select.query((unread, i64::try_from(count).unwrap_or(i64::MAX)))?;
        let (mut read, mut last) = (0, i64::MAX);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            self.add(last);
            read += 1;
        }
        // Whatever else has the last one's hash has its bits too.
        self.unread = if read < count { None } else { last.checked_add(1) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// As evenly spread as hashes of ids, and no two alike.
    fn hash(n: i64) -> i64 {
        let n = n.wrapping_mul(-7_046_029_254_386_353_131);
        let n = (n ^ (n.cast_unsigned() >> 32).cast_signed()).wrapping_mul(-4_658_895_280_553_007_687);
        n ^ (n.cast_unsigned() >> 29).cast_signed()
    }

    fn index(hashes: impl Iterator<Item = i64>) -> Result<Connection> {
        let conn = Connection::open_in_memory()?;
        conn.execute_batch(
            "CREATE TABLE id_index (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)); BEGIN",
        )?;
        for (seq, hash) in (0i64..).zip(hashes) {
            conn.execute("INSERT INTO id_index VALUES (?1, ?2)", [hash, seq])?;
        }
        Ok(conn)
    }

    #[test]
    fn new_ids_are_told_once_the_index_is_read() -> Outcome {
        let edges = [i64::MIN, i64::MIN, i64::MIN, -1, 0, i64::MAX, i64::MAX];
        let conn = index((0..1000).map(hash).chain(edges))?;
        let mut sieve = Sieve::default();
        let mut steps = 0;
        while sieve.unread.is_some() {
            assert!((0..1000).map(hash).chain(edges).all(|hash| sieve.may_hold(hash)), "after {steps} steps");
            sieve.read(&conn, 2)?;
            steps += 1;
        }
        assert!((400..=504).contains(&steps), "{steps}");
        assert!((0..1000).map(hash).chain(edges).all(|hash| sieve.may_hold(hash)));
        assert!(!(1000..2000).map(hash).any(|hash| sieve.may_hold(hash)));
        Ok(())
    }

    #[test]
    fn few_of_the_new_are_looked_for_among_a_million() {
        let mut sieve = Sieve { unread: None, ..Sieve::default() };
        (0..1_000_000).for_each(|n| sieve.add(hash(n)));
        assert!((0..1_000_000).all(|n| sieve.may_hold(hash(n))));
        let looked = (1_000_000..1_100_000).filter(|n| sieve.may_hold(hash(*n))).count();
        assert!(looked < 500, "{looked} of 100,000");
    }

    #[test]
    fn it_begins_anew_when_half_are_forgotten() -> Outcome {
        let conn = index((500..1000).map(hash))?;
        let mut sieve = Sieve { unread: None, ..Sieve::default() };
        (0..1000).for_each(|n| sieve.add(hash(n)));
        assert!((0..500).all(|_| !sieve.remove()) && sieve.remove());
        assert!((0..2000).all(|n| sieve.may_hold(hash(n))));
        sieve.read(&conn, 1000)?;
        assert!((500..1000).all(|n| sieve.may_hold(hash(n))) && !(0..500).any(|n| sieve.may_hold(hash(n))));
        Ok(())
    }
}
