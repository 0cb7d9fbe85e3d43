//! One tile of a log (c2sp.org/tlog-tiles): which there are, what they are called, what is in them.

use std::fmt;

use super::entry::MAX_ENTRY;
use super::tree::Frontier;
use crate::digest::Sha256Digest;

/// Hashes, or entries, in a full tile.
pub const WIDTH: u64 = 256;

/// The highest level that a tree of less than 2^64 leaves has tiles of.
const MAX_LEVEL: u8 = 7;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The entries themselves (a *bundle*).
    Entries,
    /// Roots of complete subtrees of 256 to the power of this many leaves; at 0 the leaves' own hashes.
    Hashes(u8),
}

/// A tile's place in a log, and how much is in it. `Display` gives its path.
///
/// ```
/// use openfactory_attest::audit::tile::{Level, TileId};
///
/// let tile = TileId { level: Level::Hashes(0), index: 1_234_067, width: 256 };
/// assert_eq!(tile.to_string(), "tile/0/x001/x234/067");
/// let bundle = TileId { level: Level::Entries, index: 273, width: 112 };
/// assert_eq!(bundle.to_string(), "tile/entries/273.p/112");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileId {
    /// What it holds.
    pub level: Level,
    /// Its place among those of its level.
    pub index: u64,
    /// How many hashes or entries are in it, 1 to 256; less than 256 is a *partial* tile.
    pub width: u16,
}

/// Why bytes are not the tile that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not as many hashes as there should be.
    #[error("it has {found} bytes, {expected} hashes of 32 bytes each were expected")]
    Hashes {
        /// Hashes that were expected.
        expected: u16,
        /// Bytes that are there.
        found: usize,
    },
    /// Not as many entries as there should be, each with its length before it.
    #[error("it ends within entry {entry} of {expected}")]
    Short {
        /// The entry of the bundle, from 0, that is not there as a whole.
        entry: u16,
        /// Entries that were expected.
        expected: u16,
    },
    /// Something follows the last entry.
    #[error("{bytes} bytes follow the last entry")]
    Long {
        /// How many bytes.
        bytes: usize,
    },
}

impl Level {
    /// Bits by which an index of this level is less than that of a leaf.
    pub(super) const fn shift(self) -> u32 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => 8 * level as u32,
        }
    }
}

impl TileId {
    /// All tiles of a tree of this size that one of an earlier size has not, or not with as much in them: bundles first, then
    /// level by level.
    pub fn since(earlier: u64, size: u64) -> impl Iterator<Item = Self> {
        let levels = std::iter::once(Level::Entries).chain((0..=MAX_LEVEL).map(Level::Hashes));
        levels.flat_map(move |level| {
            let (before, now) = (earlier >> level.shift(), size >> level.shift());
            let last = if before < now { now.div_ceil(WIDTH) } else { 0 };
            (before / WIDTH..last).map(move |index| {
                let width = u16::try_from((now - index * WIDTH).min(WIDTH)).unwrap_or_default();
                Self { level, index, width }
            })
        })
    }

    /// Whether it is full.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width as u64 == WIDTH
    }

    /// The same tile once it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: 256, ..self }
    }

    /// The index of what is first in it, among all of its level.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.index * WIDTH
    }

    /// The directory that holds its partial forms.
    pub(super) fn partials(&self) -> String {
        format!("{}.p", self.full())
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Entries => f.write_str("tile/entries")?,
            Level::Hashes(level) => write!(f, "tile/{level}")?,
        }
        let groups =
            std::iter::successors(Some(self.index), |index| Some(index / 1000).filter(|more| *more > 0));
        let mut groups: Vec<u64> = groups.map(|group| group % 1000).collect();
        while let Some(group) = groups.pop() {
            write!(f, "/{}{group:03}", if groups.is_empty() { "" } else { "x" })?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// The hashes in a tile of this width.
///
/// # Errors
/// [`TileError::Hashes`].
pub fn parse_hashes(bytes: &[u8], width: u16) -> Result<Vec<Sha256Digest>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<{ Sha256Digest::LEN }>();
    if hashes.len() != usize::from(width) || !rest.is_empty() {
        return Err(TileError::Hashes { expected: width, found: bytes.len() });
    }
    Ok(hashes.iter().copied().map(Sha256Digest::from_bytes).collect())
}

/// The entries in a bundle of this width.
///
/// # Errors
/// [`TileError::Short`], [`TileError::Long`].
pub fn parse_entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut rest = bytes;
    let entries = (0..width).map(|entry| {
        let short = TileError::Short { entry, expected: width };
        let (len, after) = rest.split_first_chunk().ok_or(short)?;
        let (json, after) = after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(short)?;
        rest = after;
        Ok(json)
    });
    let entries = entries.collect::<Result<_, _>>()?;
    if rest.is_empty() { Ok(entries) } else { Err(TileError::Long { bytes: rest.len() }) }
}

/// Bytes of the first entries of a bundle, with their lengths; all there are where it ends before that.
pub(super) fn length_of(bundle: &[u8], entries: u16) -> usize {
    let mut rest = bundle;
    for _ in 0..entries {
        let Some((len, after)) = rest.split_first_chunk() else { break };
        rest = after.get(u16::from_be_bytes(*len).into()..).unwrap_or_default();
    }
    bundle.len() - rest.len()
}

/// Bytes of a bundle at most.
pub(super) const MAX_BUNDLE: u64 = WIDTH * (2 + MAX_ENTRY as u64);

/// A tile of hashes as it is stored.
pub(super) fn of_hashes(hashes: &[Sha256Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Adds an entry to a bundle; `false` if it is too long for one, which no entry of a log is.
pub(super) fn push_entry(bundle: &mut Vec<u8>, json: &[u8]) -> bool {
    let Ok(len) = u16::try_from(json.len()) else { return false };
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(json);
    true
}

/// The root over what is in a tile.
pub(super) fn root(hashes: &[Sha256Digest]) -> Sha256Digest {
    let mut tree = Frontier::new();
    hashes.iter().for_each(|hash| tree.push(*hash));
    tree.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of c2sp.org/tlog-tiles, "Partial Tiles".
    #[test]
    fn a_tree_of_70_000_has_these_tiles() {
        let tiles: Vec<TileId> = TileId::since(0, 70_000).collect();
        let count =
            |level, full| tiles.iter().filter(|tile| tile.level == level && tile.is_full() == full).count();
        assert_eq!((count(Level::Entries, true), count(Level::Entries, false)), (273, 1));
        assert_eq!((count(Level::Hashes(0), true), count(Level::Hashes(0), false)), (273, 1));
        assert_eq!((count(Level::Hashes(1), true), count(Level::Hashes(1), false)), (1, 1));
        assert_eq!((count(Level::Hashes(2), true), count(Level::Hashes(2), false)), (0, 1));
        assert_eq!(tiles.len(), 2 * 274 + 2 + 1);
        let partial: Vec<String> =
            tiles.iter().filter(|tile| !tile.is_full()).map(TileId::to_string).collect();
        let expected = ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
        assert_eq!(partial, expected);
        let of_256: Vec<String> = TileId::since(0, 256).map(|tile| tile.to_string()).collect();
        assert_eq!(of_256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    }

    #[test]
    fn what_is_new_since_an_earlier_size() {
        let names =
            |earlier, size| TileId::since(earlier, size).map(|tile| tile.to_string()).collect::<Vec<_>>();
        assert_eq!(names(300, 300), [""; 0]);
        assert_eq!(names(0, 0), [""; 0]);
        assert_eq!(names(300, 301), ["tile/entries/001.p/45", "tile/0/001.p/45"]);
        assert_eq!(names(511, 512), ["tile/entries/001", "tile/0/001", "tile/1/000.p/2"]);
        assert_eq!(names(512, 513), ["tile/entries/002.p/1", "tile/0/002.p/1"]);
        assert_eq!(names(u64::MAX - 1, u64::MAX).len(), 2);
        let last = TileId::since(u64::MAX - 1, u64::MAX).last().unwrap().to_string();
        assert_eq!(last, "tile/0/x072/x057/x594/x037/x927/935.p/255");
    }

    #[test]
    fn tiles_and_bundles_are_read_as_wide_as_they_are() {
        let hashes = [Sha256Digest::of(b"a"), Sha256Digest::of(b"b")];
        let tile = of_hashes(&hashes);
        assert_eq!(parse_hashes(&tile, 2).unwrap(), hashes);
        for (bytes, width) in [(&tile[..63], 2), (&tile[..], 1), (&tile[..], 3), (&tile[..33], 1)] {
            let error = TileError::Hashes { expected: width, found: bytes.len() };
            assert_eq!(parse_hashes(bytes, width), Err(error));
        }
        let mut bundle = Vec::new();
        let largest = vec![b'x'; MAX_ENTRY];
        assert!([&b"one"[..], b"", &largest].iter().all(|json| push_entry(&mut bundle, json)));
        assert!(!push_entry(&mut Vec::new(), &[0; MAX_ENTRY + 1]));
        assert_eq!(parse_entries(&bundle, 3).unwrap(), [&b"one"[..], b"", &largest]);
        assert_eq!(parse_entries(&bundle, 4), Err(TileError::Short { entry: 3, expected: 4 }));
        assert_eq!(parse_entries(&bundle, 2), Err(TileError::Long { bytes: 2 + MAX_ENTRY }));
        assert_eq!(parse_entries(&bundle[..4], 1), Err(TileError::Short { entry: 0, expected: 1 }));
        assert_eq!(parse_entries(&bundle[..1], 1), Err(TileError::Short { entry: 0, expected: 1 }));
    }
}
