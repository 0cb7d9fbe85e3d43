//! Whose each file of an image is: what the inventory explains, and what it does not.

use std::collections::{HashMap, VecDeque};

use super::inventory::Inventory;
use crate::manifest::{EntryKind, Manifest, TreePath};

/// Links that are followed in one path; the kernel follows as many.
const MAX_LINKS: usize = 40;

/// Components that a path may have while links in it are followed.
const MAX_COMPONENTS: usize = TreePath::MAX_LEN / 2;

/// Which files belong to a package, and which to none. Files are all inodes' names but those of directories.
///
/// Paths of packages are held against the manifest with links among their directories followed: what a package calls
/// `/bin/ls` is `usr/bin/ls` where `bin` is a link. That a file has an owner does not say that it is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    owned: u64,
    unowned: Vec<TreePath>,
    missing: u64,
    unlisted: Vec<String>,
}

impl Coverage {
    pub(super) fn of(inventory: &Inventory, manifest: &Manifest) -> Self {
        let entries = manifest.entries();
        let mut owned = vec![false; entries.len()];
        let mut missing = 0;
        let mut directories = HashMap::new();
        for (_package, path) in &inventory.listed {
            let resolved = resolve(manifest, path, &mut directories);
            let found =
                resolved.and_then(|path| entries.binary_search_by(|entry| entry.path.cmp(&path)).ok());
            match found.and_then(|index| owned.get_mut(index)) {
                Some(owned) => *owned = true,
                None => missing += 1,
            }
        }
        let files = || entries.iter().zip(&owned).filter(|(entry, _)| entry.kind != EntryKind::Directory);
        let unowned = files().filter(|(_, owned)| !**owned).map(|(entry, _)| entry.path.clone()).collect();
        let owned = files().filter(|(_, owned)| **owned).count() as u64;
        let name = |index: &usize| inventory.packages().get(*index).map(|package| package.name.clone());
        Self { owned, unowned, missing, unlisted: inventory.unlisted.iter().filter_map(name).collect() }
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

/// The path with links among its directories followed. `None` if they lead nowhere.
fn resolve(
    manifest: &Manifest,
    path: &TreePath,
    directories: &mut HashMap<TreePath, Option<TreePath>>,
) -> Option<TreePath> {
    let Some(parent) = path.parent() else { return Some(TreePath::root()) };
    let name = path.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let resolved = match directories.get(&parent) {
        Some(resolved) => resolved.clone(),
        None => {
            let resolved = resolve_directory(manifest, &parent);
            directories.insert(parent, resolved.clone());
            resolved
        }
    };
    resolved?.join(name).ok()
}

fn resolve_directory(manifest: &Manifest, directory: &TreePath) -> Option<TreePath> {
    let components = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let mut pending: VecDeque<_> = components(directory.as_bytes()).into();
    let (mut resolved, mut links) = (TreePath::root(), 0);
    while let Some(name) = pending.pop_front() {
        match name.as_slice() {
            b"." => continue,
            b".." => {
                resolved = resolved.parent().unwrap_or_else(TreePath::root);
                continue;
            }
            _ => {}
        }
        let candidate = resolved.join(&name).ok()?;
        let Some(EntryKind::Symlink { target }) = manifest.entry(&candidate).map(|entry| &entry.kind) else {
            resolved = candidate;
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return None;
        }
        if target.starts_with(b"/") {
            resolved = TreePath::root();
        }
        for name in components(target).into_iter().rev() {
            pending.push_front(name);
        }
        if pending.len() > MAX_COMPONENTS {
            return None;
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sha256Digest;
    use crate::manifest::Entry;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    fn manifest(links: &[(&str, &str)], directories: &[&str], files: &[&str]) -> Manifest {
        let link = |&(name, target): &(&str, &str)| {
            Entry::new(path(name), EntryKind::Symlink { target: target.into() }, 0o777)
        };
        let file = |name: &&str| {
            Entry::new(path(name), EntryKind::File { size: 0, digest: Sha256Digest::of(b"") }, 0o644)
        };
        let directory = |name: &&str| Entry::new(path(name), EntryKind::Directory, 0o755);
        let entries = links.iter().map(link).chain(files.iter().map(file));
        Manifest::of_entries(entries.chain(directories.iter().map(directory)).collect()).unwrap()
    }

    #[test]
    fn links_among_directories_are_followed() {
        let manifest = manifest(
            &[
                ("bin", "usr/bin"),
                ("lib", "/usr/lib"),
                ("usr/lib/up", "../../bin"),
                ("loop", "loop"),
                ("x", "y/.."),
            ],
            &[".", "usr", "usr/bin", "usr/lib"],
            &["usr/bin/ls"],
        );
        let mut directories = HashMap::new();
        let mut resolve = |text: &str| resolve(&manifest, &path(text), &mut directories);
        assert_eq!(resolve("bin/ls"), Some(path("usr/bin/ls")));
        assert_eq!(resolve("lib/up/ls"), Some(path("usr/bin/ls")));
        assert_eq!(resolve("bin"), Some(path("bin")));
        assert_eq!(resolve("x/usr/bin/ls"), Some(path("usr/bin/ls")));
        assert_eq!(resolve("loop/ls"), None);
        assert_eq!(resolve("."), Some(TreePath::root()));
    }

    #[test]
    fn all_is_said_only_of_all() {
        let coverage = |owned, unowned| Coverage {
            owned,
            unowned: vec![path("x"); unowned],
            missing: 0,
            unlisted: vec![],
        };
        assert_eq!(coverage(0, 0).permille(), None);
        assert_eq!(coverage(3, 0).permille(), Some(1000));
        assert_eq!(coverage(9_999_999, 1).permille(), Some(999));
        assert_eq!(coverage(0, 3).permille(), Some(0));
    }
}
