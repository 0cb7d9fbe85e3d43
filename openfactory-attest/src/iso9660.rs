//! ISO 9660 images, as installers and live systems are shipped in: finds the squashfs within, and reads it in place.
//!
//! Nothing is mounted and nothing unpacked. Names are Rock Ridge's where the image has them; symbolic links are not
//! followed. The reader takes any bytes for an image: what is cut off, foreign or damaged ends in an [`IsoError`].
//!
//! ```no_run
//! use std::fs::File;
//!
//! use openfactory_attest::iso9660::Iso;
//! use openfactory_attest::{Manifest, Work};
//!
//! let image = Iso::open(File::open("live.iso")?)?.squashfs()?;
//! println!("the files of {}", image.path());
//! let manifest = Manifest::of_squashfs(&image, &Work::on_all_cores())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Not here
//! Joliet and UDF: an image that has only those is refused. Directories that were moved since they were too deep.
//! Files that are compressed or interleaved.
//!
//! Source: ECMA-119 (ISO 9660), the System Use Sharing Protocol 1.12 and the Rock Ridge Interchange Protocol 1.12.

use std::io;

use crate::manifest::TreePath;
use crate::read_at::ReadAt;

mod directory;
mod error;
mod extent;
mod names;
mod volume;

pub use error::{IsoError, IsoPart};

use directory::{Kind, Record};
use extent::Extents;

/// Bytes of a logical block; other sizes are refused.
const BLOCK: u64 = 2048;

/// Where live systems have their root file system.
const PLACES: [&str; 4] = [
    "live/filesystem.squashfs",
    "casper/filesystem.squashfs",
    "LiveOS/squashfs.img",
    "arch/x86_64/airootfs.sfs",
];

/// An image that was opened.
#[derive(Debug)]
pub struct Iso<D> {
    device: D,
    volume: volume::Volume,
}

impl<D: ReadAt> Iso<D> {
    /// Whether the bytes begin as an ISO image does.
    ///
    /// # Errors
    /// [`IsoError::Read`] if they can't be read.
    pub fn is_one(device: &D) -> Result<bool, IsoError> {
        match volume::Volume::read(device) {
            Ok(_volume) => Ok(true),
            Err(error @ IsoError::Read { .. }) => Err(error),
            // What is damaged is one all the same: opening it says how.
            Err(error) => Ok(!matches!(error, IsoError::Magic)),
        }
    }

    /// Reads the volume's description.
    ///
    /// # Errors
    /// [`IsoError`] if it is no image, or can't be read.
    pub fn open(device: D) -> Result<Self, IsoError> {
        let volume = volume::Volume::read(&device)?;
        Ok(Self { device, volume })
    }

    /// The file of this path.
    ///
    /// # Errors
    /// [`IsoError::NotFound`], [`IsoError::NotAFile`], or what else is wrong with the image.
    pub fn file(self, path: &TreePath) -> Result<IsoFile<D>, IsoError> {
        let extents = self.find(path)?;
        let len = extents.len();
        if extents.end() > self.device.size().map_err(|source| IsoError::Read { offset: 0, source })? {
            return Err(IsoError::corrupt(IsoPart::Content, extents.end()));
        }
        Ok(IsoFile { device: self.device, path: path.clone(), extents, len })
    }

    /// The squashfs of a live system, where these have it: `live/filesystem.squashfs` and three others.
    ///
    /// # Errors
    /// [`IsoError::NoSquashfs`] if there is none of them, [`IsoError::Ambiguous`] if there are several, or what else is
    /// wrong with the image.
    pub fn squashfs(self) -> Result<IsoFile<D>, IsoError> {
        let mut found = None;
        for place in PLACES {
            let Ok(path) = TreePath::new(place) else { continue };
            match self.find(&path) {
                Ok(_) if found.is_some() => return Err(IsoError::Ambiguous),
                Ok(_) => found = Some(path),
                Err(IsoError::NotFound { .. } | IsoError::NotAFile { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.file(&found.ok_or(IsoError::NoSquashfs)?)
    }

    fn find(&self, path: &TreePath) -> Result<Extents, IsoError> {
        let not_found = || IsoError::NotFound { path: path.clone() };
        let mut at: Record = self.volume.root.clone();
        for name in path.as_bytes().split(|&byte| byte == b'/') {
            if at.kind != Kind::Directory {
                return Err(not_found());
            }
            at = directory::find(&self.device, &self.volume, &at, name)?.ok_or_else(not_found)?;
        }
        if at.kind == Kind::File { Ok(at.extents) } else { Err(IsoError::NotAFile { path: path.clone() }) }
    }
}

/// A file within an image, to be read as if it were one of its own.
#[derive(Debug)]
pub struct IsoFile<D> {
    device: D,
    path: TreePath,
    extents: Extents,
    len: u64,
}

impl<D> IsoFile<D> {
    /// Where it is in the image.
    #[must_use]
    pub const fn path(&self) -> &TreePath {
        &self.path
    }

    /// The image that it is in.
    #[must_use]
    pub const fn image(&self) -> &D {
        &self.device
    }
}

impl<D: ReadAt> ReadAt for IsoFile<D> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            let (at, left) = self.extents.at(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
            let len = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let (now, rest) = buffer.split_at_mut(len);
            self.device.read_exact_at(now, at)?;
            (buffer, offset) = (rest, offset + len as u64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
