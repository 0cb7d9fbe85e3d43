//! What Zone 2 holds: every entry, as it was found.
//!
//! Plain data. `device::Zone` reads it from a file system; tests and simulated devices may make it up.

use std::fmt;

use openfactory_attest::Sha256Digest;
use openfactory_attest::manifest::{Entry, EntryKind as TreeKind, StructureError, TreePath};

use crate::policy::{Class, EntryKind, Owner};

/// The most entries that a scan holds.
pub const MAX_ENTRIES: usize = 200_000;

/// All that was found, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// The entries, in the order of their paths, without the root itself.
    pub entries: Vec<Found>,
    /// What could not be looked at, in the order of the paths.
    pub unread: Vec<Unread>,
}

/// One entry of Zone 2.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Where it is.
    pub path: TreePath,
    /// What it is.
    pub kind: Kind,
    /// Permissions with set-id and sticky bits: 0 to 0o7777.
    pub mode: u32,
    /// Who owns it.
    pub owner: Owner,
    /// The class of the manifest's rule for it; none if there is no rule.
    pub class: Option<Class>,
    /// Its extended attributes, in the order of their names.
    pub xattrs: Vec<Xattr>,
}

/// An extended attribute (xattr(7)), access control lists and file capabilities among them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Xattr {
    /// Its name with its namespace, such as `security.capability`.
    pub name: Vec<u8>,
    /// Of its value.
    pub digest: Sha256Digest,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of its content. None where it wasn't hashed: it is volatile, larger than it may be, or couldn't be read.
        digest: Option<Sha256Digest>,
        /// Why it can be run, if it can.
        executable: Vec<Executable>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as it stands in the link.
        target: Vec<u8>,
    },
    /// An overlay's whiteout: a character device 0/0 that hides what the base has here.
    Whiteout,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
}

/// Why a file can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Executable {
    /// An execute bit is set.
    ModeBit,
    /// It begins as an ELF file does.
    Elf,
    /// It begins with `#!`.
    Interpreter,
    /// A set-user-id or set-group-id bit is set.
    SetId,
    /// It has file capabilities (capabilities(7)).
    Capability,
}

impl Xattr {
    /// An attribute with this name and value.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>, value: &[u8]) -> Self {
        Self { name: name.into(), digest: Sha256Digest::of(value) }
    }
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// Where it is; the root stands for all of Zone 2.
    pub path: TreePath,
    /// Why not.
    pub reason: String,
}

impl Scan {
    /// A scan of these entries.
    #[must_use]
    pub fn new(mut entries: Vec<Found>, mut unread: Vec<Unread>) -> Self {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        unread.sort_by(|a, b| a.path.cmp(&b.path));
        Self { entries, unread }
    }

    /// What is sealed of it, and the directories above: as a manifest, for the combined SBOM
    /// (`openfactory_attest::sbom::combined`). Without extended attributes and times.
    ///
    /// # Errors
    /// [`StructureError`] if the entries are no tree.
    pub fn sealed(&self) -> Result<openfactory_attest::Manifest, StructureError> {
        let root = Entry::new(TreePath::root(), TreeKind::Directory, 0o755);
        let entries = self.entries.iter().filter_map(|found| {
            let kind = match &found.kind {
                Kind::Directory => TreeKind::Directory,
                _ if found.class != Some(Class::Sealed) => return None,
                Kind::File { size, digest: Some(digest), .. } => {
                    TreeKind::File { size: *size, digest: *digest }
                }
                Kind::Symlink { target } => TreeKind::Symlink { target: target.clone() },
                Kind::Whiteout => TreeKind::CharDevice { major: 0, minor: 0 },
                _ => return None,
            };
            let mode = u16::try_from(found.mode & 0o7777).unwrap_or(0);
            let mut entry = Entry::new(found.path.clone(), kind, mode);
            (entry.uid, entry.gid) = (found.owner.uid, found.owner.gid);
            Some(entry)
        });
        openfactory_attest::Manifest::of_entries(std::iter::once(root).chain(entries).collect())
    }
}

impl Found {
    /// An entry without a rule.
    #[must_use]
    pub const fn new(path: TreePath, kind: Kind, mode: u32, owner: Owner) -> Self {
        Self { path, kind, mode, owner, class: None, xattrs: Vec::new() }
    }

    /// The same entry with these extended attributes. File capabilities make a file one that can be run.
    #[must_use]
    pub fn with_xattrs(mut self, mut xattrs: Vec<Xattr>) -> Self {
        xattrs.sort_by(|a, b| a.name.cmp(&b.name));
        if let Kind::File { executable, .. } = &mut self.kind
            && xattrs.iter().any(|xattr| xattr.name == b"security.capability")
        {
            executable.push(Executable::Capability);
        }
        self.xattrs = xattrs;
        self
    }

    /// The same entry with the class of its rule.
    #[must_use]
    pub fn in_class(self, class: Option<Class>) -> Self {
        Self { class, ..self }
    }
}

impl Unread {
    /// That something could not be looked at, and why.
    pub fn new(path: TreePath, reason: impl Into<String>) -> Self {
        Self { path, reason: reason.into() }
    }
}

impl Kind {
    /// The kind in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symlink",
            Self::Whiteout => "whiteout",
            Self::CharDevice => "char-device",
            Self::BlockDevice => "block-device",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }

    /// The kind in the policy's words; none for what no policy can allow.
    #[must_use]
    pub const fn in_policy(&self) -> Option<EntryKind> {
        match self {
            Self::Directory => Some(EntryKind::Directory),
            Self::File { .. } => Some(EntryKind::File),
            Self::Symlink { .. } => Some(EntryKind::Symlink),
            Self::Whiteout | Self::CharDevice | Self::BlockDevice | Self::Fifo | Self::Socket => None,
        }
    }
}

impl Executable {
    /// Why a file with this mode that begins with these bytes can be run.
    #[must_use]
    pub fn of(mode: u32, head: &[u8]) -> Vec<Self> {
        let signs = [
            (Self::ModeBit, mode & 0o111 != 0),
            (Self::Elf, head.starts_with(b"\x7fELF")),
            (Self::Interpreter, head.starts_with(b"#!")),
            (Self::SetId, mode & 0o6000 != 0),
        ];
        signs.into_iter().filter_map(|(sign, found)| found.then_some(sign)).collect()
    }
}

impl fmt::Display for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ModeBit => "execute bit",
            Self::Elf => "ELF file",
            Self::Interpreter => "interpreter line",
            Self::SetId => "set-id bit",
            Self::Capability => "file capabilities",
        })
    }
}

/// The path on the device, for people: absolute, what is not printable escaped.
#[must_use]
pub fn device_path(path: &TreePath) -> String {
    if path.is_root() { "/".to_owned() } else { path.to_string()[1..].to_owned() }
}

/// The path on the device, in bytes.
pub(crate) fn device_bytes(path: &TreePath) -> Vec<u8> {
    [b"/", path.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_run_is_known_by_mode_and_magic() {
        let table: [(u32, &[u8], &[Executable]); 9] = [
            (0o4644, b"key=value\n", &[Executable::SetId]),
            (0o2755, b"\x7fELF", &[Executable::ModeBit, Executable::Elf, Executable::SetId]),
            (0o644, b"key=value\n", &[]),
            (0o645, b"key=value\n", &[Executable::ModeBit]),
            (0o644, b"\x7fELF\x02\x01", &[Executable::Elf]),
            (0o755, b"\x7fELF\x02\x01", &[Executable::ModeBit, Executable::Elf]),
            (0o600, b"#!/bin/sh\n", &[Executable::Interpreter]),
            (0o600, b"#! /usr/bin/env python3", &[Executable::Interpreter]),
            (0o600, b" #!/bin/sh", &[]),
        ];
        for (mode, head, expected) in table {
            assert_eq!(Executable::of(mode, head), expected, "{mode:o} {}", head.escape_ascii());
        }
    }

    #[test]
    fn paths_are_shown_as_on_the_device() {
        assert_eq!(device_path(&TreePath::new("etc/a\nb").unwrap()), "/etc/a\\nb");
        assert_eq!(device_path(&TreePath::root()), "/");
        assert_eq!(device_bytes(&TreePath::new(b"etc/\xff").unwrap()), b"/etc/\xff");
    }
}
