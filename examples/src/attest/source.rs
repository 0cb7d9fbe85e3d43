//! Where a squashfs is read from: a file of its own, or an ISO image that it is in.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use openfactory_attest::ReadAt;
use openfactory_attest::document::{Container, FileDigest};
use openfactory_attest::iso9660::{Iso, IsoFile};
use openfactory_attest::manifest::TreePath;

use super::{CliError, input};

/// `--squashfs`, for whatever reads images.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Within {
    /// Of an ISO image: where the squashfs is in it; live/filesystem.squashfs and other usual places if not given
    #[arg(long, value_name = "PATH")]
    squashfs: Option<PathBuf>,
}

/// A squashfs to read.
#[derive(Debug)]
pub(crate) enum Source {
    /// The file itself.
    Plain(File),
    /// A file within an ISO image.
    Inside(IsoFile<File>),
}

impl Within {
    /// Opens an image: the squashfs in it, if it is an ISO image.
    pub(crate) fn open(&self, path: &Path) -> Result<Source, CliError> {
        use std::os::unix::ffi::OsStrExt as _;

        let failed = |error| CliError::file("read", path, error);
        let file = File::open(path).map_err(|error| CliError::file("read", path, error))?;
        if !Iso::is_one(&file).map_err(failed)? {
            return match &self.squashfs {
                None => Ok(Source::Plain(file)),
                Some(_) => {
                    Err(CliError::new(format!("{} is no ISO image: --squashfs is for those", path.display())))
                }
            };
        }
        let iso = Iso::open(file).map_err(failed)?;
        let found = match &self.squashfs {
            None => iso.squashfs(),
            Some(place) => {
                let place = place.as_os_str().as_bytes();
                let place = TreePath::new(place.strip_prefix(b"/").unwrap_or(place));
                iso.file(
                    &place.map_err(|error| CliError::because("--squashfs is no path in an image", error))?,
                )
            }
        };
        found.map(Source::Inside).map_err(failed)
    }
}

impl Source {
    /// The squashfs of an image that a document speaks of: within the image, if the document says so.
    pub(crate) fn of_document(path: &Path, container: Option<&Container>) -> Result<Self, CliError> {
        let file = File::open(path).map_err(|error| CliError::file("read", path, error))?;
        let failed = |error| CliError::file("read", path, error);
        match container {
            Some(container) if Iso::is_one(&file).map_err(failed)? => {
                Within { squashfs: Some(PathBuf::from(&container.path)) }.open(path)
            }
            _ => Ok(Self::Plain(file)),
        }
    }

    /// The name of the squashfs: the file's own, or the one that it has in the ISO image.
    pub(crate) fn name(&self, path: &Path) -> Result<String, CliError> {
        match self {
            Self::Plain(_) => input::name(path),
            Self::Inside(file) => input::name(Path::new(&inner_path(file))),
        }
    }

    /// Size and SHA-256 of the squashfs.
    pub(crate) fn measure(&self, path: &Path) -> Result<FileDigest, CliError> {
        FileDigest::of_device(self).map_err(|error| CliError::file("read", path, error))
    }

    /// The ISO image that it is in, measured; `None` if it is in none.
    pub(crate) fn container(&self, path: &Path) -> Result<Option<Container>, CliError> {
        let Self::Inside(file) = self else { return Ok(None) };
        Ok(Some(Container::new(input::name(path)?, input::measure(path)?, inner_path(file))))
    }
}

/// `live/filesystem.squashfs`.
fn inner_path(file: &IsoFile<File>) -> String {
    String::from_utf8_lossy(file.path().as_bytes()).into_owned()
}

impl ReadAt for Source {
    fn size(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => file.size(),
            Self::Inside(file) => file.size(),
        }
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Plain(file) => ReadAt::read_exact_at(file, buffer, offset),
            Self::Inside(file) => file.read_exact_at(buffer, offset),
        }
    }
}
