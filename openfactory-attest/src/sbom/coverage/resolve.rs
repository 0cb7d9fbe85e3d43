//! Where a package's path leads within an image.

use std::collections::{HashMap, VecDeque};

use crate::manifest::{EntryKind, Manifest, TreePath};

/// Links that are followed in one path; the kernel follows as many.
const MAX_LINKS: usize = 40;

/// Components that a path may have while links in it are followed.
const MAX_COMPONENTS: usize = TreePath::MAX_LEN / 2;

/// The path with links among its directories followed. `None` if they lead nowhere.
pub(super) fn resolve(
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
        let Some(EntryKind::Symlink { target }) = manifest.entry(&candidate).map(|entry| entry.kind) else {
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
        for name in components(&target).into_iter().rev() {
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
}
