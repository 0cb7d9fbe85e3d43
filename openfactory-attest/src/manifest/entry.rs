//! One inode of a tree under one of its names.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::xattr::Xattrs;
use crate::digest::Sha256Digest;

/// A path within a tree: bytes, relative to its root, without `.`, `..`, empty components or NUL.
///
/// Ordered bytewise. Displayed as `./usr/bin/x`; what is not printable is escaped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(
    /// Nothing for the root; else not empty.
    Option<Box<[u8]>>,
);

impl TreePath {
    /// The longest path in bytes; Linux takes no longer one in a call.
    pub const MAX_LEN: usize = 4096;

    /// The longest component in bytes (Linux `NAME_MAX`; squashfs allows one more).
    pub const MAX_NAME_LEN: usize = 256;

    /// The root itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(None)
    }

    /// The path with these bytes, which were those of one before.
    pub(super) fn of_checked(path: &[u8]) -> Self {
        Self((!path.is_empty()).then(|| path.into()))
    }

    /// A path relative to the root; `.` is the root. A leading `./` is taken away.
    ///
    /// # Errors
    /// [`PathError`] if it could lead anywhere else, or is too long.
    pub fn new(path: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let path = path.as_ref();
        if path == b"." {
            return Ok(Self::root());
        }
        let path = path.strip_prefix(b"./").unwrap_or(path);
        if path.len() > Self::MAX_LEN {
            return Err(PathError::Length { len: path.len() });
        }
        for name in path.split(|&byte| byte == b'/') {
            check_name(name)?;
        }
        Ok(Self(Some(path.into())))
    }

    /// The path of an entry in this directory.
    ///
    /// # Errors
    /// [`PathError`] if `name` is no file name, or the path gets too long.
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        check_name(name)?;
        let path: Box<[u8]> = match &self.0 {
            Some(parent) => [parent, &b"/"[..], name].concat().into(),
            None => name.into(),
        };
        if path.len() > Self::MAX_LEN {
            return Err(PathError::Length { len: path.len() });
        }
        Ok(Self(Some(path)))
    }

    /// The bytes; none for the root.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether it is the root.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The directory it is in; the root is in none.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let path = self.0.as_deref()?;
        let end = path.iter().rposition(|&byte| byte == b'/');
        Some(Self(end.and_then(|end| path.get(..end)).map(Box::from)))
    }

    /// The path below a directory of the file system. The root is that directory.
    #[must_use]
    pub fn below(&self, root: &Path) -> PathBuf {
        if self.is_root() { root.to_owned() } else { root.join(OsStr::from_bytes(self.as_bytes())) }
    }
}

fn check_name(name: &[u8]) -> Result<(), PathError> {
    match name {
        b"" | b"." | b".." => Err(PathError::Component),
        name if name.contains(&0) || name.contains(&b'/') => Err(PathError::Component),
        name if name.len() > TreePath::MAX_NAME_LEN => Err(PathError::Length { len: name.len() }),
        _ => Ok(()),
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { "./" })?;
        for chunk in self.as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreePath({self})")
    }
}

/// Why bytes are no path within a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A component is empty, `.` or `..`, or has a NUL or a slash: absolute paths begin with an empty one.
    #[error("a path within a tree has no empty component, `.`, `..` or NUL")]
    Component,
    /// More than 4,096 bytes, or a component with more than 256.
    #[error("a path or name of {len} bytes is too long")]
    Length {
        /// Bytes in the path or in the component.
        len: usize,
    },
}

/// What an inode is, under one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Where it is.
    pub path: TreePath,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions with set-id and sticky bits: 0 to 0o7777.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification, in seconds since 1970 UTC; fractions are cut off, squashfs has none.
    pub mtime: i64,
    /// If it is the same inode as an entry before it: the first of those.
    pub hard_link_to: Option<TreePath>,
    /// Its extended attributes, if the manifest covers those.
    pub xattrs: Xattrs,
}

impl Entry {
    /// An entry owned by root, last modified in 1970, no hard link, without extended attributes.
    #[must_use]
    pub const fn new(path: TreePath, kind: EntryKind, mode: u16) -> Self {
        Self {
            path,
            kind,
            mode: mode & 0o7777,
            uid: 0,
            gid: 0,
            mtime: 0,
            hard_link_to: None,
            xattrs: Xattrs::none(),
        }
    }

    /// Whether it is a regular file that somebody may execute.
    #[must_use]
    pub const fn is_executable(&self) -> bool {
        matches!(self.kind, EntryKind::File { .. }) && self.mode & 0o111 != 0
    }
}

/// The kinds of inodes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of its content.
        digest: Sha256Digest,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Where it points, as it stands in the link; not empty, up to 65,535 bytes.
        target: Vec<u8>,
    },
    /// A character device.
    CharDevice {
        /// Driver.
        major: u32,
        /// Device of that driver.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Driver.
        major: u32,
        /// Device of that driver.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
}

impl EntryKind {
    /// The kind in one word, as in the JSON form: `file`, `directory`, `symlink`, `char-device`, `block-device`,
    /// `fifo`, `socket`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Directory => "directory",
            Self::Symlink { .. } => "symlink",
            Self::CharDevice { .. } => "char-device",
            Self::BlockDevice { .. } => "block-device",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_the_tree() {
        for path in ["", "/", "/etc", "a/", "a//b", "..", "a/../b", "a/./b", "././a", "a\0b", "./"] {
            assert_eq!(TreePath::new(path), Err(PathError::Component), "{path:?}");
        }
        assert_eq!(TreePath::new("a".repeat(257)), Err(PathError::Length { len: 257 }));
        assert_eq!(TreePath::new("a/".repeat(2048) + "a"), Err(PathError::Length { len: 4097 }));
        assert!(TreePath::new(b"\xff/...").is_ok());
    }

    #[test]
    fn parents() {
        let path = TreePath::root().join(b"usr").unwrap().join(b"bin").unwrap();
        assert_eq!(path, TreePath::new("./usr/bin").unwrap());
        assert_eq!(path.parent(), Some(TreePath::new("usr").unwrap()));
        assert_eq!(TreePath::new("usr").unwrap().parent(), Some(TreePath::root()));
        assert_eq!(TreePath::new(".").unwrap().parent(), None);
    }

    #[test]
    fn what_is_not_printable_is_escaped() {
        assert_eq!(TreePath::new(b"a\nb\xffc").unwrap().to_string(), "./a\\nb\\xffc");
        assert_eq!(TreePath::root().to_string(), ".");
    }
}
