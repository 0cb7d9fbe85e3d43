//! The JSON form. Written canonically (RFC 8785); read strictly: no unknown, missing, superfluous or double field.
//!
//! ```json
//! {"entries":[{"gid":0,"kind":"directory","mode":"0755","mtime":0,"path":".","uid":0},
//!   {"gid":0,"kind":"file","mode":"0644","mtime":0,"path":"motd","sha256":"…","size":6,"uid":0}],
//!  "version":1,"xattrs":"covered"}
//! ```
//! Bytes that are no UTF-8 stand in base64 in `path_base64`, `target_base64`, `hard_link_to_base64`. An entry with extended
//! attributes has `"xattrs":[{"name":"security.capability","value_base64":"…"}]`, in order.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryKind, PathError, TreePath};
use super::xattr::{Xattr, Xattrs};
use super::{Manifest, StructureError};
use crate::digest::Sha256Digest;

/// The longest symbolic link target in bytes (squashfs and Linux allow less than 64 KiB).
const MAX_TARGET_LEN: usize = 65_535;

/// Above this a JSON number is not exact everywhere (RFC 8785, section 3.2.2.3).
const MAX_EXACT: u64 = 1 << 53;

/// Why a JSON text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestParseError {
    /// No JSON, or not the fields of a manifest.
    #[error("no json manifest: {reason}, line {line}")]
    Json {
        /// What is wrong.
        reason: String,
        /// Where, from 1.
        line: usize,
    },
    /// Another version than 1.
    #[error("manifest version {version} is not supported, only 1 is")]
    Version {
        /// The version it says.
        version: u32,
    },
    /// What it says of extended attributes is not known here.
    #[error("`xattrs` is neither \"covered\" nor \"not covered\"")]
    Xattrs,
    /// A field of an entry is wrong.
    #[error("entry {index}: `{field}` is missing, superfluous or out of range for its kind")]
    Field {
        /// Which entry, from 0.
        index: usize,
        /// Which field.
        field: &'static str,
    },
    /// A path of an entry is none.
    #[error("entry {index} has a path that is none")]
    Path {
        /// Which entry, from 0.
        index: usize,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// The entries are no tree.
    #[error("the entries are no tree")]
    Structure(#[source] StructureError),
}

/// Bytes as text, or else in base64: exactly one of the two.
pub(super) struct PathText {
    pub(super) text: Option<String>,
    pub(super) base64: Option<String>,
}

impl PathText {
    pub(super) fn of_path(path: &TreePath) -> Self {
        Self::of_bytes(if path.is_root() { b"." } else { path.as_bytes() })
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Some(text.to_owned()), base64: None },
            Err(_not_utf8) => Self { text: None, base64: Some(STANDARD.encode(bytes)) },
        }
    }

    /// The bytes. Base64 of what could have been text is refused: there is one way to say it.
    fn bytes(self) -> Option<Vec<u8>> {
        match (self.text, self.base64) {
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(base64)) => {
                STANDARD.decode(base64).ok().filter(|bytes| std::str::from_utf8(bytes).is_err())
            }
            _ => None,
        }
    }

    pub(super) fn path(self) -> Result<TreePath, PathError> {
        let bytes = self.bytes().ok_or(PathError::Component)?;
        // One way to say it here too: no leading "./".
        if bytes.starts_with(b"./") {
            return Err(PathError::Component);
        }
        TreePath::new(bytes)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    version: u32,
    xattrs: String,
    entries: Vec<RawEntry>,
}

/// Every extended attribute of every entry is there.
const COVERED: &str = "covered";

/// Nothing is said of extended attributes.
const NOT_COVERED: &str = "not covered";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawXattr {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    value_base64: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    kind: String,
    mode: String,
    uid: u32,
    gid: u32,
    mtime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    major: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minor: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_link_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_link_to_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<RawXattr>,
}

/// Writes an entry after the other, so that memory does not grow with them. What is around them is in canonical order.
pub(super) fn write(manifest: &Manifest, to: &mut dyn Write) -> io::Result<()> {
    let not_json = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    to.write_all(br#"{"entries":["#)?;
    for (index, entry) in manifest.entries().iter().enumerate() {
        if index > 0 {
            to.write_all(b",")?;
        }
        let entry = serde_json_canonicalizer::to_vec(&RawEntry::of(entry)).map_err(not_json)?;
        to.write_all(&entry)?;
    }
    let xattrs = if manifest.covers_xattrs() { COVERED } else { NOT_COVERED };
    write!(to, r#"],"version":1,"xattrs":"{xattrs}"}}"#)
}

pub(super) fn parse(json: &[u8]) -> Result<Manifest, ManifestParseError> {
    let raw: RawManifest = serde_json::from_slice(json).map_err(|error| {
        // serde_json adds " at line L column C"; the line is told on its own.
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
        ManifestParseError::Json { reason, line: error.line() }
    })?;
    if raw.version != 1 {
        return Err(ManifestParseError::Version { version: raw.version });
    }
    let of_entries = match raw.xattrs.as_str() {
        COVERED => Manifest::of_entries_with_xattrs,
        NOT_COVERED => Manifest::of_entries,
        _ => return Err(ManifestParseError::Xattrs),
    };
    let entries = raw.entries.into_iter().enumerate().map(|(index, raw)| raw.entry(index));
    let entries = entries.collect::<Result<_, _>>()?;
    of_entries(entries).map_err(ManifestParseError::Structure)
}

impl RawXattr {
    fn of(xattr: &Xattr) -> Self {
        let PathText { text, base64 } = PathText::of_bytes(&xattr.name);
        Self { name: text, name_base64: base64, value_base64: STANDARD.encode(&xattr.value) }
    }

    fn xattr(self) -> Option<Xattr> {
        let name = PathText { text: self.name, base64: self.name_base64 }.bytes()?;
        Some(Xattr::new(name, STANDARD.decode(self.value_base64).ok()?))
    }
}

impl RawEntry {
    fn of(entry: &Entry) -> Self {
        let path = PathText::of_path(&entry.path);
        let first = entry.hard_link_to.as_ref().map(PathText::of_path);
        let (hard_link_to, hard_link_to_base64) =
            first.map_or((None, None), |first| (first.text, first.base64));
        let mut raw = Self {
            path: path.text,
            path_base64: path.base64,
            kind: entry.kind.name().to_owned(),
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            hard_link_to,
            hard_link_to_base64,
            xattrs: entry.xattrs.iter().map(RawXattr::of).collect(),
            ..Self::default()
        };
        match &entry.kind {
            EntryKind::File { size, digest } => {
                raw.size = Some(*size);
                raw.sha256 = Some(*digest);
            }
            EntryKind::Symlink { target } => {
                let PathText { text, base64 } = PathText::of_bytes(target);
                (raw.target, raw.target_base64) = (text, base64);
            }
            EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
                (raw.major, raw.minor) = (Some(*major), Some(*minor));
            }
            EntryKind::Directory | EntryKind::Fifo | EntryKind::Socket => {}
        }
        raw
    }

    fn entry(mut self, index: usize) -> Result<Entry, ManifestParseError> {
        let bad = |field| ManifestParseError::Field { index, field };
        let not_path = |source| ManifestParseError::Path { index, source };
        let path = PathText { text: self.path.take(), base64: self.path_base64.take() }.path();
        let path = path.map_err(not_path)?;
        let mode = u16::from_str_radix(&self.mode, 8).ok();
        let mode = mode.filter(|mode| *mode <= 0o7777 && self.mode == format!("{mode:04o}"));
        let mode = mode.ok_or(bad("mode"))?;
        if self.mtime.unsigned_abs() > MAX_EXACT {
            return Err(bad("mtime"));
        }
        let first = PathText { text: self.hard_link_to.take(), base64: self.hard_link_to_base64.take() };
        let hard_link_to = match first {
            PathText { text: None, base64: None } => None,
            first => Some(first.path().map_err(not_path)?),
        };
        let xattrs = std::mem::take(&mut self.xattrs).into_iter().map(RawXattr::xattr);
        let xattrs =
            xattrs.collect::<Option<Vec<_>>>().filter(|list| list.is_sorted_by(|a, b| a.name < b.name));
        let xattrs = xattrs.and_then(|list| Xattrs::new(list).ok()).ok_or(bad("xattrs"))?;
        let kind = self.take_kind(index)?;
        let left = [
            ("size", self.size.is_some()),
            ("sha256", self.sha256.is_some()),
            ("target", self.target.is_some() || self.target_base64.is_some()),
            ("major", self.major.is_some()),
            ("minor", self.minor.is_some()),
        ];
        if let Some((field, _)) = left.into_iter().find(|(_, left)| *left) {
            return Err(bad(field));
        }
        let mut entry = Entry::new(path, kind, mode);
        (entry.uid, entry.gid, entry.mtime, entry.hard_link_to) =
            (self.uid, self.gid, self.mtime, hard_link_to);
        entry.xattrs = xattrs;
        Ok(entry)
    }

    fn take_kind(&mut self, index: usize) -> Result<EntryKind, ManifestParseError> {
        let bad = |field| ManifestParseError::Field { index, field };
        Ok(match self.kind.as_str() {
            "file" => EntryKind::File {
                size: self.size.take().filter(|size| *size <= MAX_EXACT).ok_or(bad("size"))?,
                digest: self.sha256.take().ok_or(bad("sha256"))?,
            },
            "directory" => EntryKind::Directory,
            "symlink" => {
                let target = PathText { text: self.target.take(), base64: self.target_base64.take() };
                let fits = |target: &Vec<u8>| (1..=MAX_TARGET_LEN).contains(&target.len());
                EntryKind::Symlink { target: target.bytes().filter(fits).ok_or(bad("target"))? }
            }
            "char-device" | "block-device" => {
                let major = self.major.take().ok_or(bad("major"))?;
                let minor = self.minor.take().ok_or(bad("minor"))?;
                if self.kind == "char-device" {
                    EntryKind::CharDevice { major, minor }
                } else {
                    EntryKind::BlockDevice { major, minor }
                }
            }
            "fifo" => EntryKind::Fifo,
            "socket" => EntryKind::Socket,
            _ => return Err(bad("kind")),
        })
    }
}
