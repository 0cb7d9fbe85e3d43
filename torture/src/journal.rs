//! What a life says: one line for each thing that it is about to do or was answered.
//!
//! | line | meaning |
//! |---|---|
//! | `try KEY N` | about to publish the N-th message of a key, counted from 0 |
//! | `stored KEY N` | the publish was answered: stored |
//! | `duplicate KEY N` | the publish was answered: known already |
//! | `lease KEY N SEQ EPOCH` | leased, under this token |
//! | `settling KEY N EPOCH HOW` | about to end the lease of this epoch: `ack`, `retry` or `dead` |
//! | `settled KEY N EPOCH HOW` | the settlement was answered: done |
//! | `stale KEY N` | an old life's token was accepted |
//! | `damaged KEY N` | the message is not what was published |
//! | `dead KEY N` | it stands among the dead letters, at the end |

use std::fmt;
use std::path::{Path, PathBuf};

/// How a lease was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// For good.
    Ack,
    /// To come again.
    Retry,
    /// To the dead letters.
    Dead,
}

impl How {
    const ALL: [Self; 3] = [Self::Ack, Self::Retry, Self::Dead];

    const fn name(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Retry => "retry",
            Self::Dead => "dead",
        }
    }
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// About to publish.
    Try,
    /// Published.
    Stored,
    /// Published before.
    Duplicate,
    /// Leased, with the token's two numbers.
    Lease {
        /// The message's place.
        seq: u64,
        /// The lease's epoch.
        epoch: u64,
    },
    /// About to settle the lease of this epoch.
    Settling(u64, How),
    /// Settled.
    Settled(u64, How),
    /// A token of an earlier life was good.
    Stale,
    /// Not what was published.
    Damaged,
    /// A dead letter at the end.
    Dead,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: u32,
    /// The number of the message in its key.
    pub n: u32,
    /// What of it.
    pub what: What,
}

impl Entry {
    /// Makes one.
    #[must_use]
    pub const fn new(key: u32, n: u32, what: What) -> Self {
        Self { key, n, what }
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// The line, if it is none.
    pub fn parse(line: &str) -> Result<Self, String> {
        Self::read(line).ok_or_else(|| format!("this is no line of a journal: {line:?}"))
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (what, key, n) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let mut settlement = || {
            let epoch = words.next()?.parse().ok()?;
            let word = words.next()?;
            Some((epoch, How::ALL.into_iter().find(|how| how.name() == word)?))
        };
        let what = match what {
            "try" => What::Try,
            "stored" => What::Stored,
            "duplicate" => What::Duplicate,
            "settling" => settlement().map(|(epoch, how)| What::Settling(epoch, how))?,
            "settled" => settlement().map(|(epoch, how)| What::Settled(epoch, how))?,
            "stale" => What::Stale,
            "damaged" => What::Damaged,
            "dead" => What::Dead,
            "lease" => What::Lease { seq: words.next()?.parse().ok()?, epoch: words.next()?.parse().ok()? },
            _ => return None,
        };
        words.next().is_none().then_some(Self { key, n, what })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, n, what } = self;
        match what {
            What::Try => write!(f, "try {key} {n}"),
            What::Stored => write!(f, "stored {key} {n}"),
            What::Duplicate => write!(f, "duplicate {key} {n}"),
            What::Lease { seq, epoch } => write!(f, "lease {key} {n} {seq} {epoch}"),
            What::Settling(epoch, how) => write!(f, "settling {key} {n} {epoch} {}", how.name()),
            What::Settled(epoch, how) => write!(f, "settled {key} {n} {epoch} {}", how.name()),
            What::Stale => write!(f, "stale {key} {n}"),
            What::Damaged => write!(f, "damaged {key} {n}"),
            What::Dead => write!(f, "dead {key} {n}"),
        }
    }
}

/// The file of the n-th life, counted from 0.
#[must_use]
pub fn file(directory: &Path, life: u32) -> PathBuf {
    directory.join(format!("life-{life:06}"))
}

/// Reads what a life has said; what follows the last line end was cut off with it.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let lines = whole.lines().map(Entry::parse);
    lines.collect::<Result<_, _>>().map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let whats = [
            What::Try,
            What::Stored,
            What::Duplicate,
            What::Lease { seq: 7, epoch: 2 },
            What::Settling(3, How::Dead),
            What::Settled(1, How::Retry),
            What::Stale,
            What::Damaged,
            What::Dead,
        ];
        for what in whats {
            let entry = Entry::new(3, 44, what);
            assert_eq!(Entry::parse(&entry.to_string()), Ok(entry));
        }
        for wrong in
            ["", "try", "try 1", "try 1 2 3", "settled 1 2 ack", "settled 1 2 3 x", "eat 1 2", "lease 1 2 3"]
        {
            assert!(Entry::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_was_cut_off_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), 3);
        std::fs::write(&path, "try 0 0\nstored 0 0\ntry 0").unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        std::fs::write(&path, "try 0").unwrap();
        assert!(read(&path).unwrap().is_empty());
        std::fs::write(&path, "try 0\ntry 0 1\n").unwrap();
        assert!(read(&path).unwrap_err().contains("no line"));
    }
}
