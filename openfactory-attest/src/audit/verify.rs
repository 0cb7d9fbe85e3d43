//! The auditor's view: a log directory read from its first byte, without its key and without taking its lock.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, CheckpointError};
use super::journal::{Flaw, Item, Scanner};
use super::note::VerifierKey;
use super::storage::Layout;
use super::tree::TreeHead;

/// Bytes of a checkpoint that are read at most.
const MAX_CHECKPOINT: u64 = 64 * 1024;

/// What was found out about a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The entries that were re-hashed and found right, and the root over them.
    pub verified: TreeHead,
    /// What the log's own checkpoint vouches for, if that is believed.
    pub checkpoint: Option<TreeHead>,
    /// Bytes after the last commit: a batch that is being written now, or that was when the log stopped. Not a sign
    /// of tampering as far as [`checkpoint`](Self::checkpoint) reaches.
    pub unfinished: u64,
    /// All that is wrong; empty for a good log.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The journal is not as it was written, from here on; what follows was not looked at.
    Journal(Flaw),
    /// The journal is of another log.
    OtherLog {
        /// The origin in the journal.
        origin: String,
    },
    /// There is no checkpoint.
    CheckpointMissing,
    /// A checkpoint is not believed.
    Checkpoint {
        /// Which one.
        which: Which,
        /// Why not.
        error: CheckpointError,
    },
    /// There are fewer entries than were signed.
    Truncated {
        /// By which checkpoint.
        which: Which,
        /// Entries that were signed.
        signed: u64,
        /// Entries that are there.
        found: u64,
    },
    /// There are other entries than were signed.
    Rewritten {
        /// By which checkpoint.
        which: Which,
        /// Entries that were signed.
        size: u64,
    },
}

/// One of the checkpoints that a log is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Which {
    /// The one in the log's directory.
    Own,
    /// The one that was given, from somewhere the log could not reach.
    Since,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct VerifyLogError {
    path: PathBuf,
    source: io::Error,
}

/// Re-hashes every entry of the log in this directory and holds the result against its checkpoint, and against an
/// older one if one was kept elsewhere: only that shows that the log was not made anew as a whole.
///
/// Memory is constant. The log may be appended to at the same time.
///
/// # Errors
/// [`VerifyLogError`] where the files could not be read; everything else is a [`Finding`].
pub fn verify(
    directory: &Path,
    key: &VerifierKey,
    since: Option<&[u8]>,
) -> Result<VerifyReport, VerifyLogError> {
    read(directory, Some(key), since, |_, _| ())
}

/// Like [`verify()`], and hands over each entry, its index and its JSON, in the log's order.
///
/// Without a key no signature is checked: entries and tree are, and whether they are whole. What is handed over is worth
/// what the report says in the end: nothing, if that is not good. Entries after the
/// checkpoint, and a batch without its commit at the very end, are handed over too; [`VerifyReport::verified`] and
/// [`VerifyReport::checkpoint`] say how far either reaches.
///
/// # Errors
/// [`VerifyLogError`] where the files could not be read; everything else is a [`Finding`].
pub fn read(
    directory: &Path,
    key: Option<&VerifierKey>,
    since: Option<&[u8]>,
    mut visit: impl FnMut(u64, &[u8]),
) -> Result<VerifyReport, VerifyLogError> {
    let layout = Layout::of(directory);
    let mut findings = Vec::new();
    let mut anchors = Vec::new();
    // The checkpoint first: the journal may grow meanwhile, but not shrink.
    let own = read_checkpoint(&layout.checkpoint())?;
    if own.is_none() {
        findings.push(Finding::CheckpointMissing);
    }
    let notes = [(Which::Own, own.as_deref()), (Which::Since, since)];
    for (which, note, key) in notes.into_iter().filter_map(|(which, note)| Some((which, note?, key?))) {
        match Checkpoint::open(note, key) {
            Ok(checkpoint) => anchors.push(Anchor { which, signed: checkpoint.head, seen: false }),
            Err(error) => findings.push(Finding::Checkpoint { which, error }),
        }
    }
    let checkpoint = anchors.iter().find(|anchor| anchor.which == Which::Own).map(|anchor| anchor.signed);

    let path = layout.journal();
    let failed = |source| VerifyLogError { path: path.clone(), source };
    let file = File::open(&path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let empty = TreeHead::new(0, crate::digest::Sha256Digest::of(b""));
    let mut report = VerifyReport { verified: empty, checkpoint, unfinished: 0, findings };
    let mut scanner = match Scanner::new(BufReader::new(file)).map_err(failed)? {
        Ok(scanner) => scanner,
        Err(flaw) => {
            report.findings.push(Finding::Journal(flaw));
            return Ok(report);
        }
    };
    if key.is_some_and(|key| scanner.origin() != key.name()) {
        report.findings.push(Finding::OtherLog { origin: scanner.origin().chars().take(200).collect() });
    }
    compare(&mut anchors, &scanner, &mut report.findings);
    let mut end = None;
    loop {
        match scanner.next().map_err(failed)? {
            Item::Entry { json, .. } => {
                visit(scanner.size() - 1, &json);
                compare(&mut anchors, &scanner, &mut report.findings);
            }
            Item::Commit { head, end: commit_end } => {
                report.verified = head;
                end = Some(commit_end);
            }
            Item::Unfinished | Item::End => break,
            Item::Flaw(flaw) => {
                report.findings.push(Finding::Journal(flaw));
                return Ok(report);
            }
        }
    }
    let header = super::journal::header(scanner.origin()).len() as u64;
    report.unfinished = size.saturating_sub(end.unwrap_or(header));
    let found = report.verified.size;
    for anchor in anchors.iter().filter(|anchor| anchor.signed.size > found) {
        report.findings.push(Finding::Truncated { which: anchor.which, signed: anchor.signed.size, found });
    }
    Ok(report)
}

/// The origin of the log in this directory, as its journal says; `None` where there is no journal.
///
/// # Errors
/// [`VerifyLogError`] where the journal can't be read, or is none.
pub fn origin(directory: &Path) -> Result<Option<String>, VerifyLogError> {
    let path = Layout::of(directory).journal();
    let failed = |source| VerifyLogError { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match Scanner::new(BufReader::new(file)).map_err(failed)? {
        Ok(scanner) => Ok(Some(scanner.origin().to_owned())),
        Err(flaw) => Err(failed(io::Error::new(io::ErrorKind::InvalidData, flaw.to_string()))),
    }
}

struct Anchor {
    which: Which,
    signed: TreeHead,
    seen: bool,
}

/// Holds the tree so far against the checkpoints of its size.
fn compare<R: io::BufRead>(anchors: &mut [Anchor], scanner: &Scanner<R>, findings: &mut Vec<Finding>) {
    let size = scanner.size();
    for anchor in anchors.iter_mut().filter(|anchor| !anchor.seen && anchor.signed.size == size) {
        anchor.seen = true;
        if anchor.signed.root != scanner.head().root {
            findings.push(Finding::Rewritten { which: anchor.which, size });
        }
    }
}

pub(super) fn read_checkpoint(path: &Path) -> Result<Option<Vec<u8>>, VerifyLogError> {
    let failed = |source| VerifyLogError { path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if metadata.len() > MAX_CHECKPOINT => {
            let error = io::Error::new(io::ErrorKind::InvalidData, "too large for a checkpoint");
            return Err(failed(error));
        }
        Ok(_) | Err(_) => {}
    }
    fs::read(path).map(Some).map_err(failed)
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "the log's checkpoint",
            Self::Since => "the older checkpoint",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(flaw) => flaw.fmt(f),
            Self::OtherLog { origin } => write!(f, "this is the log of {origin:?}"),
            Self::CheckpointMissing => f.write_str("the log has no checkpoint"),
            Self::Checkpoint { which, error } => {
                write!(f, "{which} is not believed: {error}")?;
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
            Self::Truncated { which, signed, found } => {
                write!(f, "entries are missing: {which} was signed over {signed}, there are {found}")
            }
            Self::Rewritten { which, size } => {
                write!(f, "the first {size} entries are not those that {which} was signed over")
            }
        }
    }
}
