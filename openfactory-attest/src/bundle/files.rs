//! A bundle's files: what is listed, what is there, and what each of them is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::SUMS;
use super::report::{BundleLink, BundleLinkName};
use super::sums::{self, MAX_SUMS, Sums};
use crate::chain::{LinkStatus, broken};
use crate::digest::Sha256Digest;
use crate::document::FileDigest;

/// Names in a bundle's directory at most.
const MAX_FILES: usize = 4096;

/// Opens no link, and waits for no writer of a fifo.
const NOFOLLOW: i32 = (OFlags::NOFOLLOW.bits() | OFlags::NONBLOCK.bits()).cast_signed();

/// Why nothing is known of a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadBundleError {
    /// The directory has no `SHA256SUMS`.
    #[error("{} is no evidence bundle: it has no {SUMS}", path.display())]
    NoBundle {
        /// The directory.
        path: PathBuf,
    },
    /// Something in it can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The image can't be read.
    #[error("cannot read {}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// More than a bundle has.
    #[error("{} holds more than {MAX_FILES} files", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// A bundle's directory, each file of it measured.
pub(super) struct Files {
    directory: PathBuf,
    found: BTreeMap<String, FileDigest>,
}

impl Files {
    /// Lists and measures all that is there, and holds it against the sums: a link for these, and one for each file.
    pub(super) fn open(directory: &Path) -> Result<(Self, Vec<BundleLink>), ReadBundleError> {
        let listed = names(directory)?;
        let mut files = Self { directory: directory.to_owned(), found: BTreeMap::new() };
        let Some(text) = files.read_sums()? else {
            return Err(ReadBundleError::NoBundle { path: directory.to_owned() });
        };
        let (sums, flaw) = text.map_or_else(|flaw| (Sums::new(), Some(flaw)), |text| Sums::read(&text));
        let status = flaw.map_or(LinkStatus::Proved, broken);
        let mut links = vec![BundleLink { name: BundleLinkName::Sums, status }];
        let mut add = |name: &str, status| {
            links.push(BundleLink { name: BundleLinkName::File(name.to_owned()), status });
        };
        for name in listed.iter().filter(|name| *name != SUMS) {
            let Some(name) = name.to_str().filter(|name| sums::is_name(name)) else {
                add(
                    &name.display().to_string().escape_debug().to_string(),
                    broken("no name that a bundle's file has"),
                );
                continue;
            };
            let Some(file) = files.open_regular(name)? else {
                add(name, broken("it is no regular file"));
                continue;
            };
            let measured = Sha256Digest::of_reader(file).map_err(|source| files.error(name, source))?;
            let digest = FileDigest::new(measured.1, measured.0);
            add(name, held_against(sums.get(name), &digest));
            files.found.insert(name.to_owned(), digest);
        }
        let there = |name: &str| listed.iter().any(|there| there == name);
        for (name, _) in sums.iter().filter(|(name, _)| !there(name)) {
            add(name, broken(format!("{SUMS} lists it, but it is not there")));
        }
        Ok((files, links))
    }

    /// Size and digest of a file, if it is there.
    pub(super) fn measured(&self, name: &str) -> Option<FileDigest> {
        self.found.get(name).copied()
    }

    /// The names of all regular files but the sums.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.found.keys().map(String::as_str)
    }

    /// A file that is there, to be read.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<File>, ReadBundleError> {
        if self.found.contains_key(name) { self.open_regular(name) } else { Ok(None) }
    }

    /// The bytes of a small file; `None` if it is not there. The inner error is what is wrong with it.
    pub(super) fn read(
        &self,
        name: &str,
        max: usize,
    ) -> Result<Option<Result<Vec<u8>, String>>, ReadBundleError> {
        if self.found.contains_key(name) { self.read_bounded(name, max) } else { Ok(None) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn read_sums(&self) -> Result<Option<Result<Vec<u8>, String>>, ReadBundleError> {
        match fs::symlink_metadata(self.path(SUMS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(SUMS, error)),
            Ok(_) => Ok(Some(
                self.read_bounded(SUMS, MAX_SUMS)?.unwrap_or_else(|| Err("it is no regular file".to_owned())),
            )),
        }
    }

    fn read_bounded(
        &self,
        name: &str,
        max: usize,
    ) -> Result<Option<Result<Vec<u8>, String>>, ReadBundleError> {
        let Some(file) = self.open_regular(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(|source| self.error(name, source))?;
        let too_long = bytes.len() > max;
        Ok(Some(if too_long { Err(format!("it is larger than {max} bytes")) } else { Ok(bytes) }))
    }

    /// `None` for what is no regular file.
    fn open_regular(&self, name: &str) -> Result<Option<File>, ReadBundleError> {
        let path = self.path(name);
        let is_regular = |metadata: fs::Metadata| metadata.is_file();
        if !fs::symlink_metadata(&path).map(is_regular).map_err(|source| self.error(name, source))? {
            return Ok(None);
        }
        let opened = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(&path);
        opened.map(Some).map_err(|source| self.error(name, source))
    }

    fn error(&self, name: &str, source: io::Error) -> ReadBundleError {
        ReadBundleError::Read { path: self.path(name), source }
    }
}

fn names(directory: &Path) -> Result<Vec<OsString>, ReadBundleError> {
    let failed = |source| ReadBundleError::Read { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
        if names.len() > MAX_FILES {
            return Err(ReadBundleError::TooMany { path: directory.to_owned() });
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn held_against(listed: Option<&Sha256Digest>, found: &FileDigest) -> LinkStatus {
    match listed {
        Some(listed) if *listed == found.sha256 => LinkStatus::Proved,
        Some(listed) => broken(format!("{SUMS} has sha256 {listed}, it is {}", found.sha256)),
        None => broken(format!("{SUMS} does not list it")),
    }
}
