//! The files of a build, found by what they are.

use std::fs;
use std::path::{Path, PathBuf};

use openfactory_attest::Sha256Digest;
use openfactory_attest::document::FileDigest;

use crate::attest::{CliError, input};

/// All regular files of a build's directory.
pub(super) struct BuildFiles<'d> {
    directory: &'d Path,
    files: Vec<(PathBuf, FileDigest)>,
}

impl<'d> BuildFiles<'d> {
    /// Measures them; directories in it are passed over, links are followed to what they are.
    pub(super) fn read(directory: &'d Path) -> Result<Self, CliError> {
        let failed = |error| CliError::file("list", directory, error);
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort_unstable();
        paths.retain(|path| path.is_file());
        let files = paths.into_iter().map(|path| input::measure(&path).map(|digest| (path, digest)));
        Ok(Self { directory, files: files.collect::<Result<_, _>>()? })
    }

    /// The file of this name.
    pub(super) fn named(&self, name: &str) -> Result<&Path, CliError> {
        self.find(name)
            .ok_or_else(|| CliError::new(format!("there is no {name} in {}", self.directory.display())))
    }

    /// The file of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<&Path> {
        let path = self.directory.join(name);
        let found = self.files.iter().find(|(there, _)| *there == path);
        found.map(|(path, _)| path.as_path())
    }

    /// A file with this digest.
    pub(super) fn with(&self, digest: &Sha256Digest, what: &str) -> Result<&Path, CliError> {
        let found = self.files.iter().find(|(_, there)| there.sha256 == *digest);
        found.map(|(path, _)| path.as_path()).ok_or_else(|| {
            let directory = self.directory.display();
            CliError::new(format!("no file in {directory} is the {what} that is signed (sha256 {digest})"))
        })
    }
}
