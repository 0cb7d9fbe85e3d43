//! What differs between a seal and what is there now.

use std::cmp::Ordering;
use std::fmt;

use openfactory_attest::Sha256Digest;
use openfactory_attest::manifest::TreePath;

use super::entry::{SealedEntry, SealedKind};
use crate::policy::{Class, Owner};
use crate::scan::{Found, Kind, Scan, Unread, Xattr};

/// All that differs, and what could not be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealCheck {
    /// What differs, in the order of the paths.
    pub differences: Vec<SealDifference>,
    /// What could not be compared.
    pub unread: Vec<Unread>,
}

/// One entry that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealDifference {
    /// Where.
    pub path: TreePath,
    /// All that is different, at least one.
    pub changes: Vec<Change>,
}

/// How an entry differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It is something else.
    Kind {
        /// What it was.
        sealed: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// Its content is another.
    Content {
        /// The digest that it had.
        sealed: Sha256Digest,
        /// The digest that it has; none if it was not hashed, since it is larger than it may be or volatile now.
        found: Option<Sha256Digest>,
    },
    /// Its permissions are others.
    Mode {
        /// Those that it had.
        sealed: u32,
        /// Those that it has.
        found: u32,
    },
    /// Its owner is another.
    Owner {
        /// Who owned it.
        sealed: Owner,
        /// Who owns it.
        found: Owner,
    },
    /// The link points elsewhere.
    Target,
    /// Extended attributes are others.
    Xattrs {
        /// The names of those that were added, taken away or changed, in their order.
        names: Vec<Vec<u8>>,
    },
}

pub(super) fn compare(sealed: &[SealedEntry], scan: &Scan) -> SealCheck {
    let mut check = SealCheck { differences: Vec::new(), unread: scan.unread.clone() };
    let (mut old, mut new) = (sealed.iter().peekable(), scan.entries.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(old), Some(new)) => old.path().cmp(&new.path),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return check,
        };
        let changes = match order {
            Ordering::Less => old.next().map(|old| (old.path(), removed(old, &scan.unread))),
            Ordering::Greater => new.next().map(|new| (&new.path, added(new))),
            Ordering::Equal => {
                old.next().zip(new.next()).map(|(old, new)| (old.path(), changed(old, new, scan)))
            }
        };
        if let Some((path, changes)) = changes
            && !changes.is_empty()
        {
            check.differences.push(SealDifference { path: path.clone(), changes });
        }
    }
}

/// Nothing if the entry, or a directory above it, could not be looked at: nobody knows that it is gone.
fn removed(old: &SealedEntry, unread: &[Unread]) -> Vec<Change> {
    if covered(old.path(), unread) { Vec::new() } else { vec![Change::Removed] }
}

fn added(new: &Found) -> Vec<Change> {
    if new.class == Some(Class::Sealed) { vec![Change::Added] } else { Vec::new() }
}

fn changed(old: &SealedEntry, new: &Found, scan: &Scan) -> Vec<Change> {
    let mut changes = Vec::new();
    match (old.kind(), &new.kind) {
        (SealedKind::Directory, Kind::Directory) | (SealedKind::Whiteout, Kind::Whiteout) => {}
        (SealedKind::File { size, digest }, Kind::File { size: now, digest: found, .. }) => {
            let same = found.map_or_else(
                // What could not be read is listed as that, unless its size tells already.
                || size == now && covered(&new.path, &scan.unread),
                |found| found == *digest,
            );
            if !same {
                changes.push(Change::Content { sealed: *digest, found: *found });
            }
        }
        (SealedKind::Symlink { target }, Kind::Symlink { target: now }) => {
            if target != now {
                changes.push(Change::Target);
            }
        }
        (old, new) => changes.push(Change::Kind { sealed: old.name(), found: new.name() }),
    }
    if old.mode() != new.mode && !matches!(new.kind, Kind::Symlink { .. }) {
        changes.push(Change::Mode { sealed: old.mode(), found: new.mode });
    }
    if old.owner() != new.owner {
        changes.push(Change::Owner { sealed: old.owner(), found: new.owner });
    }
    if !covered(&new.path, &scan.unread) {
        let names = differing(old.xattrs(), &new.xattrs);
        if !names.is_empty() {
            changes.push(Change::Xattrs { names });
        }
    }
    changes
}

/// The names of the attributes that are not the same in both.
fn differing(sealed: &[Xattr], found: &[Xattr]) -> Vec<Vec<u8>> {
    let only = |these: &[Xattr], those: &[Xattr]| -> Vec<Vec<u8>> {
        these.iter().filter(|xattr| !those.contains(xattr)).map(|xattr| xattr.name.clone()).collect()
    };
    let mut names = only(sealed, found);
    names.extend(only(found, sealed));
    names.sort();
    names.dedup();
    names
}

/// Whether a path, or a directory that it is in, could not be looked at.
fn covered(path: &TreePath, unread: &[Unread]) -> bool {
    unread.iter().any(|unread| {
        let above = unread.path.as_bytes();
        let rest = path.as_bytes().strip_prefix(above);
        unread.path.is_root() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            Self::Kind { sealed, found } => write!(f, "was a {sealed}, is a {found}"),
            Self::Content { sealed, found: Some(found) } => {
                write!(f, "content was sealed as sha256 {sealed}, is {found}")
            }
            Self::Content { sealed, found: None } => {
                write!(f, "content was sealed as sha256 {sealed}, its size is another or more than is hashed")
            }
            Self::Mode { sealed, found } => write!(f, "mode was {sealed:04o}, is {found:04o}"),
            Self::Owner { sealed, found } => {
                write!(f, "owner was {}:{}, is {}:{}", sealed.uid, sealed.gid, found.uid, found.gid)
            }
            Self::Target => f.write_str("the link points elsewhere"),
            Self::Xattrs { names } => {
                let names: Vec<_> = names.iter().map(|name| name.escape_ascii().to_string()).collect();
                write!(f, "extended attributes are others: {}", names.join(", "))
            }
        }
    }
}
