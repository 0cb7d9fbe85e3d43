//! Whose each file of an image is: what the inventory explains, what was changed since, and what it does not explain.

use std::collections::HashMap;

use super::database::Listed;
use super::inventory::Inventory;
use super::recorded::{Content, ContentDigests};
use crate::manifest::{Entry, EntryKind, Manifest, TreePath};

mod resolve;

use resolve::resolve;

/// What documents call a file that is not as its package had it, and is not there to be changed.
pub(super) const MODIFIED_FILE: &str = "openfactory:modified-file";

/// The same of one that is there to be changed.
pub(super) const MODIFIED_CONFIGURATION: &str = "openfactory:modified-configuration";

/// Which files belong to a package, and which to none. Files are all inodes' names but those of directories.
///
/// Paths of packages are held against the manifest with links among their directories followed: what a package calls
/// `/bin/ls` is `usr/bin/ls` where `bin` is a link. That a file has an owner does not say that it is unchanged:
/// [`compared`](Self::compared) does, where the files themselves were at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    owned: u64,
    unowned: Vec<TreePath>,
    missing: u64,
    unlisted: Vec<String>,
    compared: Option<Compared>,
}

/// How owned files compare with what their package managers recorded of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compared {
    /// Files that are as they were recorded.
    pub unchanged: u64,
    /// Files that are not, in bytewise order of their paths.
    pub modified: Vec<ModifiedFile>,
    /// Files of which nothing was recorded: links of dpkg's packages, what packages make when they are configured.
    pub unrecorded: u64,
}

/// A file that is not as its package had it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModifiedFile {
    /// Where it is.
    pub path: TreePath,
    /// Whose it is.
    pub package: String,
    /// Whether it is there to be changed: one of dpkg's conffiles, or below `etc` in a package of apk's.
    pub is_configuration: bool,
    /// The package's place in the inventory.
    pub(super) index: usize,
}

/// An entry that packages recorded something of.
pub(super) struct Expected<'e> {
    entry: Entry,
    listed: Vec<&'e Listed>,
}

impl Expected<'_> {
    /// What has to be made of the content; `None` if the manifest's SHA-256 is enough, or there is no content.
    pub(super) fn hasher(&self) -> Option<ContentDigests> {
        let recorded: Vec<_> = self.listed.iter().filter_map(|listed| listed.recorded.as_ref()).collect();
        let needs = recorded.iter().any(|recorded| recorded.needs_content());
        (needs && self.digest().is_some()).then(|| ContentDigests::of(&recorded))
    }

    pub(super) const fn path(&self) -> &TreePath {
        &self.entry.path
    }

    /// The manifest's, of a regular file.
    pub(super) const fn digest(&self) -> Option<crate::digest::Sha256Digest> {
        match self.entry.kind {
            EntryKind::File { digest, .. } => Some(digest),
            _ => None,
        }
    }

    /// Whether it is as any of its packages recorded it.
    fn is_unchanged(&self, contents: &HashMap<TreePath, Content>) -> bool {
        let known = self.digest().map(Content::known);
        let content = contents.get(self.path()).copied().or(known);
        self.listed.iter().filter_map(|listed| listed.recorded.as_ref()).any(|recorded| match &content {
            Some(content) => recorded.is_of(content),
            None => recorded.is_of_special(&self.entry),
        })
    }
}

impl Coverage {
    /// Whose the files are; and what is to be compared with what was recorded, sorted by path.
    pub(super) fn of<'e>(inventory: &'e Inventory, manifest: &Manifest) -> (Self, Vec<Expected<'e>>) {
        let mut owners: Vec<Option<Vec<&Listed>>> = vec![None; manifest.entries().len()];
        let mut missing = 0;
        let mut directories = HashMap::new();
        for listed in &inventory.listed {
            let resolved = resolve(manifest, &listed.path, &mut directories);
            // Where the package had a file, a directory is not it.
            let found = resolved.filter(|path| {
                let is_directory = || manifest.entry(path).is_some_and(|it| it.kind == EntryKind::Directory);
                listed.recorded.is_none() || !is_directory()
            });
            let found = found.and_then(|path| manifest.position(&path));
            match found.and_then(|index| owners.get_mut(index)) {
                Some(owners) => {
                    let recorded = Some(listed).filter(|listed| listed.recorded.is_some());
                    owners.get_or_insert_default().extend(recorded);
                }
                None => missing += 1,
            }
        }
        let (mut owned, mut unowned, mut expected) = (0, Vec::new(), Vec::new());
        for (entry, listed) in manifest.entries().zip(owners) {
            match listed {
                _ if entry.kind == EntryKind::Directory => {}
                None => unowned.push(entry.path),
                Some(listed) => {
                    owned += 1;
                    expected.extend((!listed.is_empty()).then_some(Expected { entry, listed }));
                }
            }
        }
        let name = |index: &usize| inventory.packages().get(*index).map(|package| package.name.clone());
        let unlisted = inventory.unlisted.iter().filter_map(name).collect();
        (Self { owned, unowned, missing, unlisted, compared: None }, expected)
    }

    /// Compares files with what was recorded of them. `contents` has those for which [`Expected::hasher`] asks.
    pub(super) fn comparing(
        self,
        inventory: &Inventory,
        expected: &[Expected<'_>],
        contents: &HashMap<TreePath, Content>,
    ) -> Self {
        let mut compared = Compared { unrecorded: self.owned - expected.len() as u64, ..Compared::default() };
        for file in expected {
            let owner = file.listed.first().filter(|_| !file.is_unchanged(contents));
            match owner.and_then(|listed| Some((listed, inventory.packages().get(listed.package)?))) {
                None => compared.unchanged += 1,
                Some((listed, package)) => compared.modified.push(ModifiedFile {
                    path: file.path().clone(),
                    package: package.name.clone(),
                    is_configuration: listed.is_configuration,
                    index: listed.package,
                }),
            }
        }
        Self { compared: Some(compared), ..self }
    }

    /// Files in the image.
    #[must_use]
    pub const fn files(&self) -> u64 {
        self.owned + self.unowned.len() as u64
    }

    /// Files that a package owns.
    #[must_use]
    pub const fn owned(&self) -> u64 {
        self.owned
    }

    /// Files that no package owns, in bytewise order.
    #[must_use]
    pub fn unowned(&self) -> &[TreePath] {
        &self.unowned
    }

    /// Paths that packages own but the image does not hold, directories among them.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Packages whose list of files the image does not hold: what they own counts as unowned.
    #[must_use]
    pub fn unlisted(&self) -> &[String] {
        &self.unlisted
    }

    /// How the owned files compare with what was recorded of them. `None` where only the manifest was at hand
    /// ([`Inventory::coverage`]): the digests that package managers record are not the manifest's.
    #[must_use]
    pub const fn compared(&self) -> Option<&Compared> {
        self.compared.as_ref()
    }

    /// The owned part of all files in tenths of a per cent, rounded down: 1000 is said only of all. `None` if there
    /// is no file.
    #[must_use]
    pub fn permille(&self) -> Option<u32> {
        let part = u128::from(self.owned) * 1000;
        part.checked_div(u128::from(self.files())).and_then(|part| u32::try_from(part).ok())
    }

    /// Whether every file is owned.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.unowned.is_empty()
    }
}

impl Coverage {
    /// The modified files by their packages' places in the inventory.
    pub(super) fn modified_by_package(&self) -> HashMap<usize, Vec<&ModifiedFile>> {
        let mut by_package: HashMap<usize, Vec<_>> = HashMap::new();
        for file in self.compared.iter().flat_map(|compared| &compared.modified) {
            by_package.entry(file.index).or_default().push(file);
        }
        by_package
    }
}

impl Compared {
    /// Modified files that are not there to be changed: each is a finding.
    pub fn tampered(&self) -> impl Iterator<Item = &ModifiedFile> {
        self.modified.iter().filter(|file| !file.is_configuration)
    }
}

#[cfg(test)]
mod tests;
