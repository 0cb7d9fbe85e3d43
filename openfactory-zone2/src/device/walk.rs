//! Lists and hashes everything below a directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};

use openfactory_attest::Sha256Digest;
use openfactory_attest::digest::Sha256;
use openfactory_attest::manifest::TreePath;
use rustix::fd::OwnedFd;
use rustix::fs::{Advice, Dir, FileType, Stat};
use rustix::io::Errno;

use super::look::{self, Version};
use crate::Manifest;
use crate::policy::{Class, EntryKind, Owner, PathRule};
use crate::scan::{Executable, Found, Kind, MAX_ENTRIES, Scan, Unread, device_bytes};

/// How much is hashed of a file without a rule, in bytes: 64 MiB.
const MAX_WITHOUT_RULE: u64 = 64 << 20;

/// How much of a file tells whether it can be run, in bytes.
const HEAD: usize = 64;

const READ_SIZE: usize = 64 << 10;

pub(super) fn scan(root: &OwnedFd, manifest: &Manifest, how: &mut How<'_>) -> Scan {
    let mut walk = Walk { root, manifest, how, entries: Vec::new(), unread: Vec::new(), pending: Vec::new() };
    match rustix::fs::fstat(root) {
        Ok(stat) => walk.pending.push(Pending { path: TreePath::root(), id: (stat.st_dev, stat.st_ino) }),
        Err(errno) => walk.give_up(TreePath::root(), errno),
    }
    while let Some(directory) = walk.pending.pop() {
        walk.directory(&directory);
        if walk.entries.len() + walk.unread.len() > MAX_ENTRIES {
            walk.entries.truncate(MAX_ENTRIES);
            let reason = format!("more than {MAX_ENTRIES} entries");
            walk.unread = vec![Unread::new(TreePath::root(), reason)];
            break;
        }
    }
    Scan::new(walk.entries, walk.unread)
}

struct Walk<'w, 'h> {
    root: &'w OwnedFd,
    manifest: &'w Manifest,
    how: &'w mut How<'h>,
    entries: Vec<Found>,
    unread: Vec<Unread>,
    pending: Vec<Pending>,
}

/// A directory that was listed and not entered yet.
struct Pending {
    path: TreePath,
    id: (u64, u64),
}

impl Walk<'_, '_> {
    fn give_up(&mut self, path: TreePath, reason: impl Into<io::Error>) {
        self.unread.push(Unread::new(path, reason.into().to_string()));
    }

    fn directory(&mut self, directory: &Pending) {
        let path = &directory.path;
        let opened = match look::directory(self.root, path.as_bytes()) {
            Ok(opened) => opened,
            Err(errno) => return self.give_up(path.clone(), errno),
        };
        match rustix::fs::fstat(&opened) {
            Ok(stat) if (stat.st_dev, stat.st_ino) == directory.id => {}
            Ok(_) => return self.unread.push(changed(path)),
            Err(errno) => return self.give_up(path.clone(), errno),
        }
        let mut names = match Dir::read_from(&opened) {
            Ok(names) => names,
            Err(errno) => return self.give_up(path.clone(), errno),
        };
        while let Some(name) = names.read() {
            let name = match name {
                Ok(name) => name,
                Err(errno) => return self.give_up(path.clone(), errno),
            };
            let name = name.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            match path.join(name) {
                Ok(path) => self.entry(&opened, directory.id.0, path, name),
                Err(error) => self.unread.push(Unread::new(path.clone(), error.to_string())),
            }
            if self.entries.len() > MAX_ENTRIES {
                return;
            }
        }
    }

    fn entry(&mut self, directory: &OwnedFd, device: u64, path: TreePath, name: &[u8]) {
        let (pinned, stat) = match look::pin(directory, name) {
            Ok(found) => found,
            // Gone since it was listed: as if it had gone before.
            Err(Errno::NOENT) => return,
            Err(errno) => return self.give_up(path, errno),
        };
        let file_type = FileType::from_raw_mode(stat.st_mode);
        let kind = match file_type {
            FileType::Directory => Some(EntryKind::Directory),
            FileType::RegularFile => Some(EntryKind::File),
            FileType::Symlink => Some(EntryKind::Symlink),
            _ => None,
        };
        let rule = kind.and_then(|kind| self.manifest.rule_for(&device_bytes(&path), kind));
        let class = rule.map(PathRule::class);
        let kind = match file_type {
            FileType::Directory => Kind::Directory,
            FileType::RegularFile => match self.file(&path, &pinned, &stat, rule) {
                Ok(kind) => kind,
                Err(reason) => {
                    self.unread.push(Unread::new(path.clone(), reason));
                    let executable = Executable::of(stat.st_mode, b"");
                    Kind::File { size: size(&stat), digest: None, executable }
                }
            },
            FileType::Symlink => match rustix::fs::readlinkat(&pinned, c"", Vec::new()) {
                Ok(target) => Kind::Symlink { target: target.into_bytes() },
                Err(errno) => return self.give_up(path, errno),
            },
            FileType::CharacterDevice if stat.st_rdev == 0 => Kind::Whiteout,
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::Unknown => return self.unread.push(Unread::new(path, "of a kind that is not known")),
        };
        if kind == Kind::Directory {
            if stat.st_dev == device || class == Some(Class::Volatile) {
                self.pending.push(Pending { path: path.clone(), id: (stat.st_dev, stat.st_ino) });
            } else {
                self.unread.push(Unread::new(path.clone(), "another file system is mounted here"));
            }
        }
        let owner = Owner::new(stat.st_uid, stat.st_gid);
        let xattrs = look::xattrs(&pinned).unwrap_or_else(|errno| {
            self.give_up(path.clone(), errno);
            Vec::new()
        });
        let found = Found::new(path, kind, stat.st_mode & 0o7777, owner);
        self.entries.push(found.with_xattrs(xattrs).in_class(class));
    }

    /// A regular file: hashed, or as it was when it was hashed before.
    fn file(
        &mut self,
        path: &TreePath,
        pinned: &OwnedFd,
        stat: &Stat,
        rule: Option<&PathRule>,
    ) -> Result<Kind, String> {
        let version = Version::of(stat);
        if let How::Changed { before, begun, now } = &mut *self.how {
            let known = before.files.get(path).filter(|(seen, _)| *seen == version);
            let kind = match known {
                Some((_, kind)) => kind.clone(),
                None => file(pinned, stat, rule, false)?,
            };
            // A change within the clock's tick would have the same time.
            if version.settled_before(*begun) {
                now.insert(path.clone(), (version, kind.clone()));
            }
            return Ok(kind);
        }
        file(pinned, stat, rule, matches!(self.how, How::Disk))
    }
}

/// How files are read.
pub(super) enum How<'h> {
    /// As the system has them.
    Cached,
    /// From the disk: what was written to the disk itself, below the file system, is seen.
    Disk,
    /// Only those that changed since they were read before.
    Changed { before: &'h Snapshot, begun: i64, now: BTreeMap<TreePath, (Version, Kind)> },
}

/// What an earlier scan has read, so that the next reads only what changed since.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(super) files: BTreeMap<TreePath, (Version, Kind)>,
}

/// Reads a regular file as far as its rule wants it.
fn file(pinned: &OwnedFd, before: &Stat, rule: Option<&PathRule>, disk: bool) -> Result<Kind, String> {
    let most = rule.and_then(PathRule::max_size).unwrap_or(MAX_WITHOUT_RULE);
    let volatile = rule.is_some_and(|rule| rule.class() == Class::Volatile);
    let size = size(before);
    let mut opened = look::open_pinned(pinned).map_err(|errno| io::Error::from(errno).to_string())?;
    if disk {
        // What the system keeps of it is forgotten, so that it is read anew.
        rustix::fs::fadvise(&opened, 0, None, Advice::DontNeed)
            .map_err(|errno| io::Error::from(errno).to_string())?;
    }
    let (head, mut hasher) = begin(&mut opened).map_err(|error| error.to_string())?;
    let executable = Executable::of(before.st_mode, &head);
    if size > most || (volatile && executable.is_empty()) {
        return Ok(Kind::File { size, digest: None, executable });
    }
    let digest = finish(&mut opened, &mut hasher, most).map_err(|error| error.to_string())?;
    let after = rustix::fs::fstat(&opened).map_err(|errno| io::Error::from(errno).to_string())?;
    if hasher.len() != size || Version::of(before) != Version::of(&after) {
        return Err("it changed while it was read".to_owned());
    }
    Ok(Kind::File { size, digest: Some(digest), executable })
}

/// The first bytes, hashed already.
fn begin(file: &mut File) -> io::Result<(Vec<u8>, Sha256)> {
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let mut hasher = Sha256::new();
    hasher.update(&head);
    Ok((head, hasher))
}

/// The digest of all, at most one byte more than `most`.
fn finish(file: &mut File, hasher: &mut Sha256, most: u64) -> io::Result<Sha256Digest> {
    let mut rest = file.take(most.saturating_add(1).saturating_sub(hasher.len()));
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(hasher.digest()),
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn changed(path: &TreePath) -> Unread {
    Unread::new(path.clone(), "it became another directory while it was looked at")
}
