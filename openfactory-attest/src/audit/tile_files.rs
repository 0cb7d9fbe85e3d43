//! Tiles as files, written so that a name leads to a whole tile or to none.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::storage;
use super::tile::TileId;

/// Files that wait at once to be made durable: the kernel writes them together, and descriptors are few.
const UNSETTLED: usize = 64;

/// Writes tiles. What was written is durable after [`settle`](Self::settle), before that it may be lost with the power.
pub(super) struct TileFiles {
    directory: PathBuf,
    unsettled: Vec<File>,
    directories: BTreeSet<PathBuf>,
    written: u64,
}

impl TileFiles {
    pub(super) fn new(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { directory, unsettled: Vec::new(), directories: BTreeSet::new(), written: 0 }
    }

    pub(super) fn path(&self, tile: TileId) -> PathBuf {
        self.directory.join(tile.to_string())
    }

    pub(super) fn write(&mut self, tile: TileId, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(tile);
        let mut temporary = path.clone().into_os_string();
        temporary.push(".new");
        let mut file = match File::create(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_parents(&path)?;
                File::create(&temporary)?
            }
            file => file?,
        };
        file.write_all(bytes)?;
        fs::rename(&temporary, &path)?;
        self.directories.extend(path.parent().map(Path::to_owned));
        self.unsettled.push(file);
        self.written += 1;
        if self.unsettled.len() == UNSETTLED { self.settle_files() } else { Ok(()) }
    }

    /// Makes the directories of a tile; their names are settled with the tiles'.
    fn make_parents(&mut self, path: &Path) -> io::Result<()> {
        let below = |parent: &&Path| parent.starts_with(&self.directory);
        let parents: Vec<PathBuf> = path.ancestors().skip(1).take_while(below).map(Path::to_owned).collect();
        if let Some(parent) = parents.first() {
            fs::create_dir_all(parent)?;
        }
        self.directories.extend(parents);
        Ok(())
    }

    fn settle_files(&mut self) -> io::Result<()> {
        self.unsettled.drain(..).try_for_each(|file| file.sync_all())
    }

    /// Makes all durable, and says how many tiles that were.
    pub(super) fn settle(&mut self) -> io::Result<u64> {
        self.settle_files()?;
        std::mem::take(&mut self.directories)
            .iter()
            .try_for_each(|path| storage::sync_directory(Some(path)))?;
        Ok(std::mem::take(&mut self.written))
    }

    /// Removes the partial forms of a tile that is full now.
    pub(super) fn drop_partials(&self, tile: TileId) -> io::Result<()> {
        match fs::remove_dir_all(self.directory.join(tile.partials())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
