//! Packs an image: the same entries give the same bytes. Everything belongs to root and is from 1970.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use backhand::compression::{CompressionOptions, Compressor, Lz4};
use backhand::{BackhandError, FilesystemCompressor, FilesystemWriter, NodeHeader};
use rustix::fs::OFlags;

use super::compression::Compression;
use crate::manifest::{Manifest, PathError, TreePath};

/// Why an image could not be packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Something that is to be packed can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something that is to be packed has a name that is none, or too long a path.
    #[error("{} has no path that fits into an image", path.display())]
    Path {
        /// What.
        path: PathBuf,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// A path was added twice, or below something that is no directory.
    #[error("{path} is already there, or in no directory")]
    Clash {
        /// The path.
        path: TreePath,
    },
    /// Too many entries.
    #[error("more than {} entries", Manifest::MAX_ENTRIES)]
    TooMany,
    /// A file could not be read while packing, or the image could not be written.
    #[error("cannot pack the image")]
    Write(#[source] io::Error),
}

/// Gathers what is to be packed, then packs it.
///
/// Owners, times, extended attributes and hard links are not packed; a file with several names is stored once, but
/// is several inodes.
#[derive(Debug)]
pub struct Packer {
    compression: Compression,
    entries: BTreeMap<TreePath, (Source, u16)>,
}

#[derive(Debug)]
enum Source {
    Directory,
    File(PathBuf),
    Bytes(Vec<u8>),
    Symlink(PathBuf),
    CharDevice(u32),
    BlockDevice(u32),
    Fifo,
    Socket,
}

impl Packer {
    /// An image with nothing but a root directory.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        let entries = BTreeMap::from([(TreePath::root(), (Source::Directory, 0o755))]);
        Self { compression, entries }
    }

    /// Adds a directory, with permissions `mode`; parents that are missing are made with 0755.
    ///
    /// # Errors
    /// [`PackError::Clash`] or [`PackError::TooMany`].
    pub fn add_directory(&mut self, path: TreePath, mode: u16) -> Result<(), PackError> {
        self.add(path, Source::Directory, mode)
    }

    /// Adds a file with the content that `source` has when the image is written. Links are not followed.
    ///
    /// # Errors
    /// [`PackError::Clash`] or [`PackError::TooMany`].
    pub fn add_file(&mut self, path: TreePath, source: &Path, mode: u16) -> Result<(), PackError> {
        self.add(path, Source::File(source.to_owned()), mode)
    }

    /// Adds a file with this content.
    ///
    /// # Errors
    /// [`PackError::Clash`] or [`PackError::TooMany`].
    pub fn add_bytes(
        &mut self,
        path: TreePath,
        content: impl Into<Vec<u8>>,
        mode: u16,
    ) -> Result<(), PackError> {
        self.add(path, Source::Bytes(content.into()), mode)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// [`PackError::Clash`] or [`PackError::TooMany`].
    pub fn add_symlink(&mut self, path: TreePath, target: &Path) -> Result<(), PackError> {
        self.add(path, Source::Symlink(target.to_owned()), 0o777)
    }

    /// Adds everything below a directory, with its permissions. Links are packed, not followed.
    ///
    /// # Errors
    /// [`PackError`] if it can't be listed, or does not fit.
    pub fn add_tree(&mut self, root: &Path) -> Result<(), PackError> {
        let mut pending = vec![(TreePath::root(), root.to_owned())];
        while let Some((directory, host)) = pending.pop() {
            let read_error = |source| PackError::Read { path: host.clone(), source };
            if directory.is_root() {
                let mode = fs::metadata(&host).map_err(read_error)?.mode();
                self.entries.insert(directory.clone(), (Source::Directory, mode_bits(mode)));
            }
            for child in fs::read_dir(&host).map_err(read_error)? {
                let child = child.map_err(read_error)?;
                let host = child.path();
                let path = directory
                    .join(child.file_name().as_bytes())
                    .map_err(|source| PackError::Path { path: host.clone(), source })?;
                let read_error = |source| PackError::Read { path: host.clone(), source };
                let metadata = child.metadata().map_err(read_error)?;
                let source = source_of(&host, &metadata).map_err(read_error)?;
                if matches!(source, Source::Directory) {
                    pending.push((path.clone(), host));
                }
                self.add(path, source, mode_bits(metadata.mode()))?;
            }
        }
        Ok(())
    }

    /// Writes the image, from where `out` begins, and gives its length in bytes.
    ///
    /// # Errors
    /// [`PackError::Write`]; what was written up to then is of no use.
    pub fn write<W: Write + Seek>(&self, out: &mut W) -> Result<u64, PackError> {
        let mut writer = self.prepare().map_err(write_error)?;
        let (_superblock, len) = writer.write(out).map_err(write_error)?;
        Ok(len)
    }

    fn add(&mut self, path: TreePath, source: Source, mode: u16) -> Result<(), PackError> {
        let mut missing = Vec::new();
        let mut ancestor = path.parent();
        while let Some(parent) = ancestor {
            match self.entries.get(&parent) {
                Some((Source::Directory, _)) => break,
                Some(_) => return Err(PackError::Clash { path }),
                None => ancestor = parent.parent(),
            }
            missing.push(parent);
        }
        if self.entries.contains_key(&path) {
            return Err(PackError::Clash { path });
        }
        if self.entries.len() + missing.len() >= Manifest::MAX_ENTRIES {
            return Err(PackError::TooMany);
        }
        self.entries.extend(missing.into_iter().map(|parent| (parent, (Source::Directory, 0o755))));
        self.entries.insert(path, (source, mode & 0o7777));
        Ok(())
    }

    /// Tells the writer of every entry, parents first.
    fn prepare(&self) -> Result<FilesystemWriter<'_, '_, '_>, BackhandError> {
        let mut writer = FilesystemWriter::default();
        writer.set_compressor(match self.compression {
            Compression::Gzip => FilesystemCompressor::new(Compressor::Gzip, None)?,
            Compression::Xz => FilesystemCompressor::new(Compressor::Xz, None)?,
            Compression::Zstd => FilesystemCompressor::new(Compressor::Zstd, None)?,
            Compression::Lz4 => {
                let options = CompressionOptions::Lz4(Lz4 { version: 1, flags: 0 });
                FilesystemCompressor::new(Compressor::Lz4, Some(options))?
            }
        });
        for (path, (source, mode)) in &self.entries {
            let header = NodeHeader::new(*mode, 0, 0, 0);
            if path.is_root() {
                writer.set_root_mode(*mode);
                continue;
            }
            let path = path.below(Path::new("/"));
            match source {
                Source::Directory => writer.push_dir(path, header)?,
                Source::File(source) => writer.push_file(LateFile::Closed(source), path, header)?,
                Source::Bytes(bytes) => writer.push_file(bytes.as_slice(), path, header)?,
                Source::Symlink(target) => writer.push_symlink(target, path, header)?,
                Source::CharDevice(number) => writer.push_char_device(*number, path, header)?,
                Source::BlockDevice(number) => writer.push_block_device(*number, path, header)?,
                Source::Fifo => writer.push_fifo(path, header)?,
                Source::Socket => writer.push_socket(path, header)?,
            }
        }
        Ok(writer)
    }
}

fn write_error(error: BackhandError) -> PackError {
    PackError::Write(match error {
        BackhandError::StdIo(error) => error,
        error => io::Error::other(error.to_string()),
    })
}

const fn mode_bits(mode: u32) -> u16 {
    (mode & 0o7777) as u16
}

fn source_of(path: &Path, metadata: &fs::Metadata) -> io::Result<Source> {
    let kind = metadata.file_type();
    let number = metadata.rdev();
    // As the kernel encodes a device number in 32 bits.
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let number = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
    Ok(if kind.is_dir() {
        Source::Directory
    } else if kind.is_symlink() {
        Source::Symlink(fs::read_link(path)?)
    } else if kind.is_char_device() {
        Source::CharDevice(number)
    } else if kind.is_block_device() {
        Source::BlockDevice(number)
    } else if kind.is_fifo() {
        Source::Fifo
    } else if kind.is_socket() {
        Source::Socket
    } else {
        Source::File(path.to_owned())
    })
}

/// A file that is open only while it is read: there may be more of them than descriptors.
enum LateFile<'a> {
    Closed(&'a Path),
    Open(&'a Path, File),
    Read,
}

impl Read for LateFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Closed(path) = *self {
            // NONBLOCK: what became a pipe since it was listed must not hang us.
            let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
            let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
            *self = Self::Open(path, file.map_err(|error| named(path, &error))?);
        }
        let Self::Open(path, file) = self else { return Ok(0) };
        let read = file.read(buffer).map_err(|error| named(path, &error))?;
        if read == 0 && !buffer.is_empty() {
            *self = Self::Read;
        }
        Ok(read)
    }
}

/// The error with the file's name: the writer in between would not tell which one it was.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
