//! What goes into the demo's image when nobody brings one: world-readable files of this machine.
//!
//! The selection is deterministic (sorted by path, bounded in count and bytes), so that a demo that was
//! interrupted before the image was complete packs the same files again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where to look, in this order, relative to `/`: small things that make a tree worth attesting.
const PLACES: [&str; 6] = ["etc", "usr/bin", "usr/sbin", "usr/lib/systemd", "usr/share/doc", "usr/lib"];

/// What says which packages the image is made of: taken first, whole, where the machine has it.
const DATABASE: [&str; 3] = ["usr/lib/os-release", "var/lib/dpkg/status", "var/lib/dpkg/diversions"];

/// Where dpkg lists the files of packages.
const LISTS: &str = "var/lib/dpkg/info";

/// Directories that are links on merged systems; packages name files by them.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What the image may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// At most so many files of the package database.
    pub(crate) database_files: usize,
    /// At most so many other files.
    pub(crate) files: usize,
    /// At most so many bytes in all.
    pub(crate) bytes: u64,
    /// At most so many bytes in one file.
    pub(crate) file_bytes: u64,
    /// At most so many files from one place, so that no place fills the image alone.
    pub(crate) files_per_place: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            database_files: 4_000,
            files: 1_500,
            bytes: 48 << 20,
            file_bytes: 4 << 20,
            files_per_place: 400,
        }
    }
}

/// The files chosen below `root`, as paths relative to it, sorted.
///
/// What cannot be read is left out: the demo takes what the machine shows to everybody, and needs no rights.
pub(crate) fn choose(root: &Path, limits: Limits) -> Vec<PathBuf> {
    let mut chosen = BTreeSet::new();
    let mut bytes = 0;
    for path in database(root) {
        let size = fs::symlink_metadata(root.join(&path)).map_or(u64::MAX, |metadata| metadata.len());
        if chosen.len() < limits.database_files && size <= limits.bytes - bytes {
            bytes += size;
            chosen.insert(path);
        }
    }
    let most = chosen.len() + limits.files;
    for place in PLACES {
        let mut taken = 0;
        let mut pending = vec![PathBuf::from(place)];
        while let Some(directory) = pending.pop() {
            let Ok(entries) = fs::read_dir(root.join(&directory)) else { continue };
            let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
            entries.sort_by_key(|entry| entry.file_name());
            // A stack is popped from its end: push directories in reverse to visit them in order.
            for entry in entries.iter().rev().filter(|entry| is_directory(entry)) {
                pending.push(directory.join(entry.file_name()));
            }
            for entry in &entries {
                if taken >= limits.files_per_place || chosen.len() >= most {
                    break;
                }
                let Some(size) = readable_size(&entry.path()) else { continue };
                let path = directory.join(entry.file_name());
                if size > limits.file_bytes || bytes + size > limits.bytes || chosen.contains(&path) {
                    continue;
                }
                bytes += size;
                taken += 1;
                chosen.insert(path);
            }
            if taken >= limits.files_per_place {
                break;
            }
        }
    }
    chosen.into_iter().collect()
}

/// The package database, as far as everybody may read it: sorted, the lists after the rest.
fn database(root: &Path) -> Vec<PathBuf> {
    let is_readable = |path: &PathBuf| readable_size(&root.join(path)).is_some();
    let mut paths: Vec<_> = DATABASE.iter().map(PathBuf::from).filter(is_readable).collect();
    let Ok(entries) = fs::read_dir(root.join(LISTS)) else { return paths };
    let mut lists: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| Path::new(LISTS).join(entry.file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "list"))
        .filter(is_readable)
        .collect();
    lists.sort();
    paths.append(&mut lists);
    paths
}

/// The links of merged systems, with what they point to.
pub(crate) fn links(root: &Path) -> Vec<(&'static str, PathBuf)> {
    MERGED.iter().filter_map(|name| Some((*name, fs::read_link(root.join(name)).ok()?))).collect()
}

/// A file's permission bits, without set-id bits: the image is unpacked by whoever runs the demo.
pub(crate) fn permissions(path: &Path) -> std::io::Result<u16> {
    let mode = fs::symlink_metadata(path)?.permissions().mode();
    Ok(u16::try_from(mode & 0o777).unwrap_or(0o644))
}

fn is_directory(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// The size of a regular, world-readable file that can really be opened; `None` for everything else.
fn readable_size(path: &Path) -> Option<u64> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let readable = metadata.is_file() && metadata.permissions().mode() & 0o004 != 0;
    (readable && fs::File::open(path).is_ok()).then_some(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, mode) in [("etc/b", 0o644), ("etc/a", 0o644), ("etc/shadow", 0o600), ("usr/bin/x", 0o755)]
        {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, b"content").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("a", root.path().join("etc/link")).unwrap();
        root
    }

    #[test]
    fn takes_world_readable_regular_files_sorted() {
        let root = tree();
        let chosen = choose(root.path(), Limits::default());
        assert_eq!(chosen, ["etc/a", "etc/b", "usr/bin/x"].map(PathBuf::from));
    }

    #[test]
    fn takes_the_package_database_first_whatever_else_there_is() {
        let root = tree();
        for path in ["var/lib/dpkg/status", "var/lib/dpkg/info/b.list", "var/lib/dpkg/info/b.postinst"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"content").unwrap();
        }
        let chosen = choose(root.path(), Limits { files: 1, ..Limits::default() });
        assert_eq!(chosen, ["etc/a", "var/lib/dpkg/info/b.list", "var/lib/dpkg/status"].map(PathBuf::from));
        let bounded = choose(root.path(), Limits { database_files: 1, files: 0, ..Limits::default() });
        assert_eq!(bounded, [PathBuf::from("var/lib/dpkg/status")]);
    }

    #[test]
    fn links_of_merged_systems_are_found() {
        let root = tree();
        std::os::unix::fs::symlink("usr/bin", root.path().join("bin")).unwrap();
        assert_eq!(links(root.path()), [("bin", PathBuf::from("usr/bin"))]);
    }

    #[test]
    fn stays_within_its_limits() {
        let root = tree();
        let by_count = choose(root.path(), Limits { files: 2, ..Limits::default() });
        assert_eq!(by_count.len(), 2);
        let by_bytes = choose(root.path(), Limits { bytes: 7, ..Limits::default() });
        assert_eq!(by_bytes.len(), 1);
        let by_place = choose(root.path(), Limits { files_per_place: 1, ..Limits::default() });
        assert_eq!(by_place, ["etc/a", "usr/bin/x"].map(PathBuf::from));
    }
}
