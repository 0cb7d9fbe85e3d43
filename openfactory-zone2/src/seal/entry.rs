//! One sealed entry, and how it is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_attest::Sha256Digest;
use openfactory_attest::manifest::{PathError, TreePath};
use serde::{Deserialize, Serialize};

use crate::policy::Owner;
use crate::scan::{Found, Kind, Xattr};

/// The longest target of a symbolic link, in bytes.
const MAX_TARGET: usize = 65_535;

/// The longest name of an extended attribute, in bytes (Linux `XATTR_NAME_MAX`).
const MAX_XATTR_NAME: usize = 255;

/// The most extended attributes of one entry.
const MAX_XATTRS: usize = 1024;

/// An entry as it was when it was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct SealedEntry {
    path: TreePath,
    kind: SealedKind,
    mode: u32,
    owner: Owner,
    xattrs: Vec<Xattr>,
}

/// What a sealed entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealedKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of its content.
        digest: Sha256Digest,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: Vec<u8>,
    },
    /// An overlay's whiteout.
    Whiteout,
}

/// Why something is no sealed entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Its path is none.
    #[error("an entry's path is none")]
    Path(#[source] PathError),
    /// A member is missing, superfluous or out of range.
    #[error("an entry's {member} is missing, superfluous or out of range for its kind")]
    Member {
        /// Which.
        member: &'static str,
    },
}

/// The entry as it is written: bytes that are no UTF-8 stand in base64.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    kind: WireKind,
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<WireXattr>,
}

/// An extended attribute as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireXattr {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    sha256: Sha256Digest,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireKind {
    Directory,
    File,
    Symlink,
    Whiteout,
}

impl SealedEntry {
    /// The entry that was found; none if it has no digest, or is of a kind that is never sealed.
    pub(super) fn of(found: &Found) -> Option<Self> {
        let kind = match &found.kind {
            Kind::Directory => SealedKind::Directory,
            Kind::File { size, digest, .. } => SealedKind::File { size: *size, digest: (*digest)? },
            Kind::Symlink { target } => SealedKind::Symlink { target: target.clone() },
            Kind::Whiteout => SealedKind::Whiteout,
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo | Kind::Socket => return None,
        };
        Some(Self {
            path: found.path.clone(),
            kind,
            mode: found.mode,
            owner: found.owner,
            xattrs: found.xattrs.clone(),
        })
    }

    /// Where it is.
    #[must_use]
    pub const fn path(&self) -> &TreePath {
        &self.path
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> &SealedKind {
        &self.kind
    }

    /// Its permissions, 0 to 0o7777.
    #[must_use]
    pub const fn mode(&self) -> u32 {
        self.mode
    }

    /// Who owns it.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// Its extended attributes, in the order of their names.
    #[must_use]
    pub fn xattrs(&self) -> &[Xattr] {
        &self.xattrs
    }
}

impl SealedKind {
    /// The kind in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symlink",
            Self::Whiteout => "whiteout",
        }
    }
}

impl From<SealedEntry> for Wire {
    fn from(entry: SealedEntry) -> Self {
        let (path, path_base64) = to_text(entry.path.as_bytes());
        let mut wire = Self {
            path,
            path_base64,
            kind: WireKind::Directory,
            mode: format!("{:04o}", entry.mode),
            uid: entry.owner.uid,
            gid: entry.owner.gid,
            size: None,
            sha256: None,
            target: None,
            target_base64: None,
            xattrs: entry.xattrs.into_iter().map(WireXattr::from).collect(),
        };
        match entry.kind {
            SealedKind::Directory => {}
            SealedKind::File { size, digest } => {
                wire.kind = WireKind::File;
                (wire.size, wire.sha256) = (Some(size), Some(digest));
            }
            SealedKind::Symlink { target } => {
                wire.kind = WireKind::Symlink;
                (wire.target, wire.target_base64) = to_text(&target);
            }
            SealedKind::Whiteout => wire.kind = WireKind::Whiteout,
        }
        wire
    }
}

impl TryFrom<Wire> for SealedEntry {
    type Error = EntryError;

    fn try_from(wire: Wire) -> Result<Self, EntryError> {
        let bytes = from_text(wire.path, wire.path_base64, TreePath::MAX_LEN);
        let bytes = bytes.ok_or(EntryError::Member { member: "path" })?;
        let path = TreePath::new(&bytes).map_err(EntryError::Path)?;
        // One spelling for one path: a leading `./` would be another.
        if path.as_bytes() != bytes {
            return Err(EntryError::Member { member: "path" });
        }
        let octal = wire.mode.len() == 4 && wire.mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(&wire.mode, 8).ok().filter(|_| octal);
        let mode = mode.ok_or(EntryError::Member { member: "mode" })?;
        let owner = Owner { uid: wire.uid, gid: wire.gid };
        let has_target = wire.target.is_some() || wire.target_base64.is_some();
        let kind = match (wire.kind, wire.size, wire.sha256) {
            (WireKind::File, Some(size), Some(digest)) if !has_target => SealedKind::File { size, digest },
            (WireKind::Directory, None, None) if !has_target => SealedKind::Directory,
            (WireKind::Whiteout, None, None) if !has_target => SealedKind::Whiteout,
            (WireKind::Symlink, None, None) => {
                let target = from_text(wire.target, wire.target_base64, MAX_TARGET);
                let target = target.filter(|target| !target.is_empty());
                SealedKind::Symlink { target: target.ok_or(EntryError::Member { member: "target" })? }
            }
            _ => return Err(EntryError::Member { member: "content" }),
        };
        if wire.xattrs.len() > MAX_XATTRS {
            return Err(EntryError::Member { member: "xattrs" });
        }
        let xattrs: Vec<Xattr> = wire
            .xattrs
            .into_iter()
            .map(Xattr::try_from)
            .collect::<Result<_, _>>()
            .map_err(|()| EntryError::Member { member: "xattrs" })?;
        if xattrs.windows(2).any(|pair| pair[0].name >= pair[1].name) {
            return Err(EntryError::Member { member: "xattrs" });
        }
        Ok(Self { path, kind, mode, owner, xattrs })
    }
}

impl From<Xattr> for WireXattr {
    fn from(xattr: Xattr) -> Self {
        let (name, name_base64) = to_text(&xattr.name);
        Self { name, name_base64, sha256: xattr.digest }
    }
}

impl TryFrom<WireXattr> for Xattr {
    type Error = ();

    fn try_from(wire: WireXattr) -> Result<Self, ()> {
        let name = from_text(wire.name, wire.name_base64, MAX_XATTR_NAME).filter(|name| !name.is_empty());
        Ok(Self { name: name.ok_or(())?, digest: wire.sha256 })
    }
}

/// Bytes as text or in base64, exactly one of the two.
fn to_text(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

/// The bytes, if they stand in the one way in which [`to_text`] writes them.
fn from_text(text: Option<String>, base64: Option<String>, most: usize) -> Option<Vec<u8>> {
    let bytes = match (text, base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(base64)) => {
            let bytes = STANDARD.decode(base64).ok()?;
            if std::str::from_utf8(&bytes).is_ok() {
                return None;
            }
            bytes
        }
        _ => return None,
    };
    (bytes.len() <= most).then_some(bytes)
}
