//! One rule of the Zone 2 manifest: which paths, and how what is there must be.

use super::glob::Glob;
use super::{MAX_PATH_BYTES, MAX_WORD_BYTES, Problem};
use crate::json::{Node, Object};
use crate::policy_error::PolicyError;

/// The largest file that a rule may allow, in bytes: 1 TiB.
const MAX_SIZE: u64 = 1 << 40;

/// Which paths Zone 2 may hold, and how: a member of `paths` in `zone2-manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    path: Glob,
    kind: EntryKind,
    owner: Owner,
    mode: Option<u32>,
    max_size: Option<u64>,
    class: Class,
}

/// What kind of entry a path may be. Device nodes, pipes and sockets have no kind: Zone 2 never holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file, never executable.
    File,
    /// A symbolic link.
    Symlink,
}

/// When a path may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Read-only while the device is Locked, and under the seal.
    Sealed,
    /// Writable at all times, on a mount of its own: audit logs, rotation state.
    Volatile,
}

/// Who must own an entry, by number: names mean something else on each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Owner {
    /// These numbers.
    #[must_use]
    pub const fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid }
    }
}

impl PathRule {
    /// The paths that the rule is for.
    #[must_use]
    pub fn path(&self) -> &Glob {
        &self.path
    }

    /// What such a path must be.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// Who must own it.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Its permission bits; none for a symbolic link, whose bits Linux doesn't use.
    #[must_use]
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }

    /// How many bytes it may have; for files alone.
    #[must_use]
    pub fn max_size(&self) -> Option<u64> {
        self.max_size
    }

    /// When it may be written.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    pub(super) fn parse(node: &Node<'_>) -> Result<Self, PolicyError> {
        let object = node.object(&["path", "kind", "owner", "mode", "max_size", "class"])?;
        let kind = word(object.required("kind")?, &["directory", "file", "symlink"], |word| match word {
            "directory" => Some(EntryKind::Directory),
            "file" => Some(EntryKind::File),
            "symlink" => Some(EntryKind::Symlink),
            _ => None,
        })?;
        let class = word(object.required("class")?, &["sealed", "volatile"], |word| match word {
            "sealed" => Some(Class::Sealed),
            "volatile" => Some(Class::Volatile),
            _ => None,
        })?;
        let path = object.required("path")?;
        Ok(Self {
            path: Glob::parse(&path.string(MAX_PATH_BYTES)?).map_err(|problem| path.error(problem))?,
            owner: parse_owner(object.required("owner")?)?,
            mode: parse_mode(&object, kind)?,
            max_size: parse_max_size(&object, kind)?,
            kind,
            class,
        })
    }
}

impl EntryKind {
    /// The word in the policy file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File => "file",
            Self::Symlink => "symlink",
        }
    }
}

fn word<T>(
    node: &Node<'_>,
    known: &'static [&'static str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, PolicyError> {
    let found = node.string(MAX_WORD_BYTES)?;
    read(&found).ok_or_else(|| node.error(Problem::UnknownWord { found, known }))
}

fn parse_owner(node: &Node<'_>) -> Result<Owner, PolicyError> {
    let object = node.object(&["uid", "gid"])?;
    let id = |key| {
        let node: &Node<'_> = object.required(key)?;
        // The largest number means "leave as it is" to chown(2) and is nobody's id.
        let number = node.integer(u64::from(u32::MAX - 1))?;
        u32::try_from(number)
            .map_err(|_| node.error(Problem::OutOfRange { number, max: u64::from(u32::MAX - 1) }))
    };
    Ok(Owner { uid: id("uid")?, gid: id("gid")? })
}

fn parse_mode(object: &Object<'_>, kind: EntryKind) -> Result<Option<u32>, PolicyError> {
    let forbidden = match kind {
        EntryKind::Directory => 0o4000,
        EntryKind::File => 0o7111,
        EntryKind::Symlink => return absent(object, "mode", &["path", "kind", "owner", "class"]),
    };
    let node = object.required("mode")?;
    let text = node.string(MAX_WORD_BYTES)?;
    let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(&text, 8).ok().filter(|_| digits);
    let mode = mode.ok_or_else(|| node.error(Problem::NotAMode))?;
    match mode & forbidden {
        0 => Ok(Some(mode)),
        bits => Err(node.error(Problem::ForbiddenMode { bits })),
    }
}

fn parse_max_size(object: &Object<'_>, kind: EntryKind) -> Result<Option<u64>, PolicyError> {
    match kind {
        EntryKind::File => object.required("max_size")?.integer(MAX_SIZE).map(Some),
        EntryKind::Directory => absent(object, "max_size", &["path", "kind", "owner", "mode", "class"]),
        EntryKind::Symlink => absent(object, "max_size", &["path", "kind", "owner", "class"]),
    }
}

/// A key that has no meaning for this kind of entry must not be there.
fn absent<T>(
    object: &Object<'_>,
    key: &str,
    known: &'static [&'static str],
) -> Result<Option<T>, PolicyError> {
    match object.optional(key) {
        None => Ok(None),
        Some(node) => Err(node.error(Problem::UnknownKey { key: key.to_owned(), known })),
    }
}
