//! Every tile and every entry held against the signed root, from the top down: so it is told which one is wrong.

use std::fmt;
use std::path::Path;

use super::{ReadTilesError, Tiles};
use crate::audit::checkpoint::{Checkpoint, CheckpointError};
use crate::audit::note::VerifierKey;
use crate::audit::tile::{self, Level, TileId, WIDTH};
use crate::audit::tree::nodes::{self, Nodes};
use crate::audit::tree::{TreeHead, leaf_hash, verify_consistency};
use crate::audit::verify::Which;
use crate::digest::Sha256Digest;

/// What was found out about a published log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TilesReport {
    /// What the published checkpoint covers, if that is believed.
    pub checkpoint: Option<TreeHead>,
    /// Entries that are those under the checkpoint.
    pub verified: u64,
    /// All that is wrong; empty for a good log.
    pub findings: Vec<TilesFinding>,
}

impl TilesReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that is wrong with a published log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TilesFinding {
    /// A checkpoint is not believed. If it is the published one, nothing else was looked at.
    Checkpoint {
        /// Which one.
        which: Which,
        /// Why not.
        error: CheckpointError,
    },
    /// A tile is missing, or not a tile of its width.
    Unreadable {
        /// The tile.
        tile: TileId,
        /// Why, for a person.
        reason: String,
    },
    /// A tile holds something else than what was signed.
    Changed {
        /// The tile.
        tile: TileId,
    },
    /// A bundle holds another entry than the one that was signed.
    Entry {
        /// The bundle.
        tile: TileId,
        /// The first entry in it that is another.
        index: u64,
    },
    /// Neither a tile nor what is below it is what was signed, so nothing is known of these entries.
    Unproved {
        /// The first entry.
        from: u64,
        /// The one after the last.
        to: u64,
    },
    /// The older checkpoint was signed over more entries than are published.
    Truncated {
        /// Entries that were signed.
        signed: u64,
        /// Entries under the published checkpoint.
        found: u64,
    },
    /// The older checkpoint was signed over other entries.
    Rewritten {
        /// Entries that were signed.
        size: u64,
    },
}

/// Holds every tile and every entry of a published log against its checkpoint, and that against an older one if one was
/// kept elsewhere.
///
/// # Errors
/// [`ReadTilesError::NoCheckpoint`] where nothing is published, [`ReadTilesError::Io`] where the file system fails;
/// everything else is a [`TilesFinding`].
pub fn verify(
    directory: &Path,
    key: &VerifierKey,
    since: Option<&[u8]>,
) -> Result<TilesReport, ReadTilesError> {
    Tiles::open(directory)?.verify(key, since)
}

impl Tiles {
    /// Like [`verify()`], under the checkpoint that was read when this was opened.
    ///
    /// # Errors
    /// [`ReadTilesError::Io`] where the file system fails; everything else is a [`TilesFinding`].
    pub fn verify(&self, key: &VerifierKey, since: Option<&[u8]>) -> Result<TilesReport, ReadTilesError> {
        check(self, key, since)
    }
}

fn check(tiles: &Tiles, key: &VerifierKey, since: Option<&[u8]>) -> Result<TilesReport, ReadTilesError> {
    let mut report = TilesReport { checkpoint: None, verified: 0, findings: Vec::new() };
    let signed = match Checkpoint::open(tiles.checkpoint().as_bytes(), key) {
        Ok(checkpoint) => checkpoint.head,
        Err(error) => {
            report.findings.push(TilesFinding::Checkpoint { which: Which::Own, error });
            return Ok(report);
        }
    };
    report.checkpoint = Some(signed);
    let mut check = Check { tiles, report };
    check.edge(signed)?;
    let Check { mut report, .. } = check;
    if let Some(note) = since {
        let finding = match Checkpoint::open(note, key) {
            Ok(older) => against(tiles, older.head),
            Err(error) => Some(TilesFinding::Checkpoint { which: Which::Since, error }),
        };
        report.findings.extend(finding);
    }
    Ok(report)
}

/// What an older checkpoint says against the published one.
fn against(tiles: &Tiles, older: TreeHead) -> Option<TilesFinding> {
    let head = tiles.head();
    if older.size > head.size {
        return Some(TilesFinding::Truncated { signed: older.size, found: head.size });
    }
    // Tiles that can't be read are found by themselves; without them this is not shown.
    let proof = tiles.consistency_proof(older.size);
    let shown = proof.is_ok_and(|proof| verify_consistency(older, head, &proof));
    (!shown).then_some(TilesFinding::Rewritten { size: older.size })
}

struct Check<'t> {
    tiles: &'t Tiles,
    report: TilesReport,
}

/// A tile whose hashes are proved, if they are.
struct Edge {
    tile: TileId,
    hashes: Option<Vec<Sha256Digest>>,
}

impl Check<'_> {
    /// The right edge: the last, partial tile of each level. Together they make the root.
    fn edge(&mut self, signed: TreeHead) -> Result<(), ReadTilesError> {
        let mut edge = Vec::new();
        for level in (0..8_u8).map(Level::Hashes) {
            let there = signed.size >> level.shift();
            if let Ok(width @ 1..) = u16::try_from(there % WIDTH) {
                let tile = TileId { level, index: there / WIDTH, width };
                edge.push(Edge { tile, hashes: self.stored(tile)? });
            }
        }
        if !leads_to(&edge, signed) {
            // From what is below them, perhaps.
            let below = edge.iter().map(|edge| Ok(Edge { tile: edge.tile, hashes: self.below(edge.tile)? }));
            let below = below.collect::<Result<Vec<_>, ReadTilesError>>()?;
            for (stored, below) in
                edge.iter().zip(&below).filter(|(stored, below)| stored.hashes != below.hashes)
            {
                if stored.hashes.is_some() && below.hashes.is_some() {
                    self.find(TilesFinding::Changed { tile: stored.tile });
                }
            }
            if !leads_to(&below, signed) {
                self.find(TilesFinding::Unproved { from: 0, to: signed.size });
                return Ok(());
            }
            edge = below;
        }
        edge.into_iter().rev().try_for_each(|edge| self.under(edge.tile, &edge.hashes.unwrap_or_default()))
    }

    /// What is below a tile whose hashes are proved.
    fn under(&mut self, tile: TileId, hashes: &[Sha256Digest]) -> Result<(), ReadTilesError> {
        let Level::Hashes(level) = tile.level else { return Ok(()) };
        let Some(lower) = level.checked_sub(1) else { return self.entries(tile, hashes) };
        for (index, hash) in (tile.start()..).zip(hashes) {
            self.full(TileId { level: Level::Hashes(lower), index, width: 256 }, hash)?;
        }
        Ok(())
    }

    /// A full tile, by its hash in the tile above.
    fn full(&mut self, tile: TileId, expected: &Sha256Digest) -> Result<(), ReadTilesError> {
        let stored = self.stored(tile)?;
        if let Some(hashes) = &stored
            && tile::root(hashes) == *expected
        {
            return self.under(tile, hashes);
        }
        if stored.is_some() {
            self.find(TilesFinding::Changed { tile });
        }
        match self.below(tile)? {
            Some(hashes) if tile::root(&hashes) == *expected => self.under(tile, &hashes),
            _ => {
                let from = tile.start() << tile.level.shift();
                self.find(TilesFinding::Unproved { from, to: from + (WIDTH << tile.level.shift()) });
                Ok(())
            }
        }
    }

    /// The entries of a bundle, by the hashes of their leaves.
    fn entries(&mut self, leaves: TileId, hashes: &[Sha256Digest]) -> Result<(), ReadTilesError> {
        let tile = TileId { level: Level::Entries, ..leaves };
        let Some(found) = self.leaves(tile)? else { return Ok(()) };
        let other = (tile.start()..).zip(found.iter().zip(hashes)).find(|(_, (found, leaf))| found != leaf);
        match other {
            Some((index, _)) => self.find(TilesFinding::Entry { tile, index }),
            None => self.report.verified += hashes.len() as u64,
        }
        Ok(())
    }

    /// A tile as it should be by what is below it, where all of that can be read.
    fn below(&mut self, tile: TileId) -> Result<Option<Vec<Sha256Digest>>, ReadTilesError> {
        let Level::Hashes(level) = tile.level else { return Ok(None) };
        let Some(lower) = level.checked_sub(1) else {
            return self.quietly(|check| check.leaves(TileId { level: Level::Entries, ..tile }));
        };
        let children = (tile.start()..).take(tile.width.into());
        children
            .map(|index| {
                let child = TileId { level: Level::Hashes(lower), index, width: 256 };
                Ok(self.quietly(|check| check.stored(child))?.map(|hashes| tile::root(&hashes)))
            })
            .collect()
    }

    /// The hashes in a tile; that it has none is a finding.
    fn stored(&mut self, tile: TileId) -> Result<Option<Vec<Sha256Digest>>, ReadTilesError> {
        let hashes = self.tiles.hashes(tile);
        self.readable(tile, hashes)
    }

    /// The hashes of the entries in a bundle.
    fn leaves(&mut self, tile: TileId) -> Result<Option<Vec<Sha256Digest>>, ReadTilesError> {
        let leaves = self.tiles.read(tile).and_then(|bytes| {
            let entries = tile::parse_entries(&bytes, tile.width);
            let leaves = entries.map(|entries| entries.into_iter().map(leaf_hash).collect());
            leaves.map_err(|source| ReadTilesError::Tile { tile, source })
        });
        self.readable(tile, leaves)
    }

    fn readable<T>(
        &mut self,
        tile: TileId,
        read: Result<T, ReadTilesError>,
    ) -> Result<Option<T>, ReadTilesError> {
        let reason = match read {
            Ok(read) => return Ok(Some(read)),
            Err(ReadTilesError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                "it is missing".to_owned()
            }
            Err(ReadTilesError::Tile { source, .. }) => source.to_string(),
            Err(error) => return Err(error),
        };
        self.find(TilesFinding::Unreadable { tile, reason });
        Ok(None)
    }

    /// Does something whose findings are found again later, in their order.
    fn quietly<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.report.findings.len();
        let result = look(self);
        self.report.findings.truncate(before);
        result
    }

    fn find(&mut self, finding: TilesFinding) {
        if !self.report.findings.contains(&finding) {
            self.report.findings.push(finding);
        }
    }
}

/// Whether the partial tiles of all levels make the signed root.
fn leads_to(edge: &[Edge], signed: TreeHead) -> bool {
    nodes::root_at(&Peaks(edge), signed.size).is_ok_and(|root| root == signed.root)
}

struct Peaks<'e>(&'e [Edge]);

impl Nodes for Peaks<'_> {
    type Error = ();

    fn node(&self, level: u32, index: u64) -> Result<Sha256Digest, ()> {
        let count = 1_u64 << (level % 8);
        let at = |edge: &&Edge| edge.tile.level.shift() == level - level % 8;
        let edge = self.0.iter().find(at).ok_or(())?;
        let start = (index * count).checked_sub(edge.tile.start()).ok_or(())?;
        let start = usize::try_from(start).map_err(|_| ())?;
        let end = start + usize::try_from(count).map_err(|_| ())?;
        edge.hashes.as_deref().and_then(|hashes| hashes.get(start..end)).map(tile::root).ok_or(())
    }
}

impl fmt::Display for TilesFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint { which, error } => {
                let which = match which {
                    Which::Own => "the published checkpoint",
                    Which::Since => "the older checkpoint",
                };
                write!(f, "{which} is not believed: {error}")?;
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
            Self::Unreadable { tile, reason } => write!(f, "{tile}: {reason}"),
            Self::Changed { tile } => write!(f, "{tile} was changed"),
            Self::Entry { tile, index } => write!(f, "{tile}: entry {index} is not the one that was signed"),
            Self::Unproved { from, to } => {
                write!(f, "entries {from} to {} are not those that were signed", to - 1)
            }
            Self::Truncated { signed, found } => {
                write!(
                    f,
                    "entries are missing: the older checkpoint was signed over {signed}, {found} are published"
                )
            }
            Self::Rewritten { size } => {
                write!(f, "the first {size} entries are not those that the older checkpoint was signed over")
            }
        }
    }
}
