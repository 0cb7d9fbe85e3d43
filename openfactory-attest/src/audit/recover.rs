//! Opening a journal: everything is read and hashed once; a tail that was never acknowledged is cut off, and
//! anything else that is wrong is left as it is and refused.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use serde::Deserialize;

use super::error::OpenLogError;
use super::index::{IdHash, Index, Place, Staged};
use super::journal::{self, Flaw, FlawKind, Item, Scanner};
use super::storage::{self, Layout};
use crate::canonical;

/// Bytes at the end of a journal that were being written when the log's process or machine stopped. No append had
/// returned for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornTail {
    /// Where they began.
    pub offset: u64,
    /// How many there were. They are kept in the file `journal.torn-OFFSET` beside the journal.
    pub len: u64,
}

/// A journal that was read and found right up to its last commit.
pub(super) struct Recovered {
    pub(super) file: File,
    pub(super) index: Index,
}

/// Opens the journal of this origin, or makes an empty one. Changes nothing in one that is there.
pub(super) fn open(layout: &Layout, origin: &str) -> Result<Recovered, OpenLogError> {
    let path = layout.journal();
    let failed = |action| {
        let path = path.clone();
        move |source| OpenLogError::Io { action, path, source }
    };
    if !path.try_exists().map_err(failed("look for"))? {
        storage::write_atomically(&path, journal::header(origin).as_bytes()).map_err(failed("create"))?;
    }
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed("open"))?;
    let mut scanner = match Scanner::new(BufReader::new(&file)).map_err(failed("read"))? {
        Ok(scanner) => scanner,
        Err(flaw) => return Err(OpenLogError::Corrupt { flaw }),
    };
    if scanner.origin() != origin {
        let found = scanner.origin().chars().take(200).collect();
        return Err(OpenLogError::OtherLog { expected: origin.to_owned(), found });
    }
    let mut index = Index::starting_at(journal::header(origin).len() as u64);
    let mut batch = Vec::new();
    loop {
        match scanner.next().map_err(failed("read"))? {
            Item::Entry { offset, json, leaf } => {
                let Ok(Id { id }) = canonical::from_slice(&json) else {
                    let kind = FlawKind::Malformed;
                    return Err(OpenLogError::Corrupt {
                        flaw: Flaw { index: scanner.size() - 1, offset, kind },
                    });
                };
                let place = Place { offset, len: u32::try_from(json.len()).unwrap_or(u32::MAX) };
                batch.push(Staged { id: IdHash::of(&id), leaf, place });
            }
            Item::Commit { end, .. } => {
                batch.drain(..).for_each(|staged| index.push(staged));
                index.end = end;
            }
            Item::Flaw(flaw) if !torn(&file, index.end).map_err(failed("read"))? => {
                return Err(OpenLogError::Corrupt { flaw });
            }
            Item::Flaw(_) | Item::Unfinished | Item::End => break,
        }
    }
    Ok(Recovered { file, index })
}

impl Recovered {
    /// Makes the journal ready to be appended to: durable as far as it counts, cut off after that.
    pub(super) fn settle(&self, layout: &Layout) -> Result<Option<TornTail>, OpenLogError> {
        let path = layout.journal();
        // What the last process wrote but did not live to sync counts from now on, so it has to be durable now.
        let torn = self.file.sync_all().and_then(|()| cut_off(&self.file, layout, self.index.end));
        torn.map_err(|source| OpenLogError::Io { action: "settle", path, source })
    }
}

/// As much of an entry as is needed to find it again.
#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Whether what follows the last good commit can be a batch that was never acknowledged.
///
/// The log writes no zero bytes, a file system does where a block did not reach the disk. And the next batch is only
/// begun when the one before is durable: so a torn batch has at most its own commit after it, as the very last line.
fn torn(file: &File, from: u64) -> io::Result<bool> {
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(from))?;
    let (mut zeros, mut committed, mut line) = (false, false, Vec::new());
    loop {
        line.clear();
        // A longer run without a newline is read in pieces; what matters here is found all the same.
        (&mut reader).take(1 << 20).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(zeros);
        }
        if committed {
            return Ok(false);
        }
        zeros |= line.contains(&0);
        // Zeros may have taken the place of the newline before a commit.
        let last = line.rsplit(|byte| *byte == 0).next().unwrap_or_default();
        let commit = last.strip_prefix(b"= ").and_then(|line| line.strip_suffix(b"\n"));
        committed = commit.is_some_and(|commit| journal::parse_commit(commit).is_some());
    }
}

/// Takes what follows the last commit out of the journal and keeps it beside.
fn cut_off(file: &File, layout: &Layout, offset: u64) -> io::Result<Option<TornTail>> {
    let len = file.metadata()?.len().saturating_sub(offset);
    if len == 0 {
        return Ok(None);
    }
    let mut reader = file;
    reader.seek(SeekFrom::Start(offset))?;
    let mut kept = File::create(layout.torn(offset))?;
    io::copy(&mut reader.take(len), &mut kept)?;
    kept.sync_all()?;
    storage::sync_directory(Some(layout.directory()))?;
    file.set_len(offset)?;
    file.sync_all()?;
    Ok(Some(TornTail { offset, len }))
}
