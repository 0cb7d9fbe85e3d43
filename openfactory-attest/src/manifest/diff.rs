//! What differs between two manifests: one [`Difference`] for each thing that changed about a path.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryKind, TreePath};
use super::json::PathText;
use super::sha256sum::FileDigest;
use super::{Manifest, entry::PathError};

/// What to compare beyond content, kind and permissions, which always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compare {
    /// Owner and group.
    pub ownership: bool,
    /// Time of last modification.
    pub mtime: bool,
    /// Which names are one inode.
    pub hard_links: bool,
    /// Extended attributes, where both manifests cover them.
    pub xattrs: bool,
}

impl Compare {
    /// Everything that a manifest knows.
    #[must_use]
    pub const fn everything() -> Self {
        Self { ownership: true, mtime: true, hard_links: true, xattrs: true }
    }

    /// Content, kind and permissions only: for a tree that was copied by someone who is not root.
    #[must_use]
    pub const fn content() -> Self {
        Self { ownership: false, mtime: false, hard_links: false, xattrs: false }
    }

    /// With or without owner and group.
    #[must_use]
    pub const fn ownership(mut self, compare: bool) -> Self {
        self.ownership = compare;
        self
    }

    /// With or without the time of last modification.
    #[must_use]
    pub const fn mtime(mut self, compare: bool) -> Self {
        self.mtime = compare;
        self
    }

    /// With or without extended attributes. They are compared only where both manifests cover them.
    #[must_use]
    pub const fn xattrs(mut self, compare: bool) -> Self {
        self.xattrs = compare;
        self
    }
}

/// In what way a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DifferenceKind {
    /// It is there and should not be.
    Added,
    /// It should be there and is not.
    Removed,
    /// Something else is there: a link where a file was, say.
    Kind,
    /// A file with other bytes.
    Content,
    /// A symbolic link that points elsewhere.
    LinkTarget,
    /// A device with other numbers.
    Device,
    /// Other permissions, or set-id bits.
    Mode,
    /// Another owner or group.
    Owner,
    /// Another time of last modification.
    Mtime,
    /// Another inode than it shared, or one shared that was not.
    HardLink,
    /// Other extended attributes: capabilities, security labels.
    Xattrs,
}

impl DifferenceKind {
    /// The kind in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Kind => "kind",
            Self::Content => "content",
            Self::LinkTarget => "link target",
            Self::Device => "device",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Mtime => "mtime",
            Self::HardLink => "hard link",
            Self::Xattrs => "xattrs",
        }
    }
}

/// One thing that differs about one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "RawDifference", try_from = "RawDifference")]
#[non_exhaustive]
pub struct Difference {
    /// The path.
    pub path: TreePath,
    /// In what way.
    pub kind: DifferenceKind,
    /// What the baseline says, in words; nothing if it was added.
    pub expected: Option<String>,
    /// What there is, in words; nothing if it was removed.
    pub found: Option<String>,
    /// Whether what there is now is a regular file that somebody may execute.
    pub executable: bool,
}

pub(super) fn diff(baseline: &Manifest, current: &Manifest, compare: &Compare) -> Vec<Difference> {
    let mut differences = Vec::new();
    let both_cover = baseline.covers_xattrs() && current.covers_xattrs();
    let compare = &compare.xattrs(compare.xattrs && both_cover);
    join(baseline.entries(), current.entries(), path, path, |pair| match pair {
        (Some(expected), Some(found)) => diff_entry(&expected, &found, compare, &mut differences),
        (Some(expected), None) => differences.push(removed(&expected.path, describe(&expected.kind))),
        (None, Some(found)) => differences.push(added(&found)),
        (None, None) => {}
    });
    differences
}

/// How the regular files of `current` differ from a list of digests: added, removed, content.
#[must_use]
pub fn diff_digests(baseline: &[FileDigest], current: &Manifest) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut baseline: Vec<&FileDigest> = baseline.iter().collect();
    baseline.sort_by(|a, b| a.path.cmp(&b.path));
    let files = |entry: &Entry| matches!(entry.kind, EntryKind::File { .. });
    join(
        baseline.into_iter(),
        current.entries().filter(files),
        |file| &file.path,
        path,
        |pair| match pair {
            (Some(expected), Some(found)) => {
                if let EntryKind::File { digest, .. } = &found.kind
                    && *digest != expected.digest
                {
                    let (expected, now) = (expected.digest.to_string(), digest.to_string());
                    differences.push(changed(&found, DifferenceKind::Content, expected, now));
                }
            }
            (Some(expected), None) => differences.push(removed(&expected.path, expected.digest.to_string())),
            (None, Some(found)) => differences.push(added(&found)),
            (None, None) => {}
        },
    );
    differences
}

const fn path(entry: &Entry) -> &TreePath {
    &entry.path
}

/// Walks two lists that are sorted by path, side by side.
fn join<A, B>(
    left: impl Iterator<Item = A>,
    right: impl Iterator<Item = B>,
    left_path: impl Fn(&A) -> &TreePath,
    right_path: impl Fn(&B) -> &TreePath,
    mut each: impl FnMut((Option<A>, Option<B>)),
) {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => left_path(a).cmp(right_path(b)),
        };
        let take_left = (order != Ordering::Greater).then(|| left.next()).flatten();
        let take_right = (order != Ordering::Less).then(|| right.next()).flatten();
        each((take_left, take_right));
    }
}

fn diff_entry(expected: &Entry, found: &Entry, compare: &Compare, differences: &mut Vec<Difference>) {
    let mut differs = |kind, expected: String, now: String| {
        if expected != now {
            differences.push(changed(found, kind, expected, now));
        }
    };
    let kind = match (&expected.kind, &found.kind) {
        (EntryKind::File { .. }, EntryKind::File { .. }) => DifferenceKind::Content,
        (EntryKind::Symlink { .. }, EntryKind::Symlink { .. }) => DifferenceKind::LinkTarget,
        (EntryKind::CharDevice { .. }, EntryKind::CharDevice { .. })
        | (EntryKind::BlockDevice { .. }, EntryKind::BlockDevice { .. }) => DifferenceKind::Device,
        _ => DifferenceKind::Kind,
    };
    if expected.kind != found.kind {
        differs(kind, describe(&expected.kind), describe(&found.kind));
        if kind == DifferenceKind::Kind {
            return;
        }
    }
    // A symbolic link has no permissions of its own on Linux.
    if !matches!(found.kind, EntryKind::Symlink { .. }) {
        differs(DifferenceKind::Mode, format!("{:04o}", expected.mode), format!("{:04o}", found.mode));
    }
    if compare.ownership {
        let owner = |entry: &Entry| format!("{}:{}", entry.uid, entry.gid);
        differs(DifferenceKind::Owner, owner(expected), owner(found));
    }
    if compare.mtime {
        differs(DifferenceKind::Mtime, expected.mtime.to_string(), found.mtime.to_string());
    }
    if compare.hard_links {
        let link = |entry: &Entry| match &entry.hard_link_to {
            Some(first) => format!("the same inode as {first}"),
            None => "an inode of its own".to_owned(),
        };
        differs(DifferenceKind::HardLink, link(expected), link(found));
    }
    if compare.xattrs && expected.xattrs != found.xattrs {
        let (wanted, there) = (&expected.xattrs, &found.xattrs);
        differs(DifferenceKind::Xattrs, wanted.beyond(there), there.beyond(wanted));
    }
}

fn changed(found: &Entry, kind: DifferenceKind, expected: String, now: String) -> Difference {
    Difference {
        path: found.path.clone(),
        kind,
        expected: Some(expected),
        found: Some(now),
        executable: found.is_executable(),
    }
}

fn added(found: &Entry) -> Difference {
    Difference {
        path: found.path.clone(),
        kind: DifferenceKind::Added,
        expected: None,
        found: Some(describe(&found.kind)),
        executable: found.is_executable(),
    }
}

fn removed(path: &TreePath, expected: String) -> Difference {
    Difference {
        path: path.clone(),
        kind: DifferenceKind::Removed,
        expected: Some(expected),
        found: None,
        executable: false,
    }
}

fn describe(kind: &EntryKind) -> String {
    match kind {
        EntryKind::File { size, digest } => format!("file of {size} bytes, sha256 {digest}"),
        EntryKind::Symlink { target } => format!("symlink to {}", target.escape_ascii()),
        EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
            format!("{} {major}:{minor}", kind.name())
        }
        EntryKind::Directory | EntryKind::Fifo | EntryKind::Socket => kind.name().to_owned(),
    }
}

/// A difference as JSON.
#[derive(Serialize, Deserialize)]
struct RawDifference {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    kind: DifferenceKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    executable: bool,
}

impl From<Difference> for RawDifference {
    fn from(difference: Difference) -> Self {
        let PathText { text, base64 } = PathText::of_path(&difference.path);
        let Difference { kind, expected, found, executable, .. } = difference;
        Self { path: text, path_base64: base64, kind, expected, found, executable }
    }
}

impl TryFrom<RawDifference> for Difference {
    type Error = PathError;

    fn try_from(raw: RawDifference) -> Result<Self, PathError> {
        let path = PathText { text: raw.path, base64: raw.path_base64 }.path()?;
        let RawDifference { kind, expected, found, executable, .. } = raw;
        Ok(Self { path, kind, expected, found, executable })
    }
}
