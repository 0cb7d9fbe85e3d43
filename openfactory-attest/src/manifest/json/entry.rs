//! One entry as JSON.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::ManifestParseError;
use crate::digest::Sha256Digest;
use crate::manifest::entry::{Entry, EntryKind, PathError, TreePath};
use crate::manifest::xattr::{Xattr, Xattrs};

/// The longest symbolic link target in bytes (squashfs and Linux allow less than 64 KiB).
const MAX_TARGET_LEN: usize = 65_535;

/// Above this a JSON number is not exact everywhere (RFC 8785, section 3.2.2.3).
const MAX_EXACT: u64 = 1 << 53;

/// Bytes as text, or else in base64: exactly one of the two.
pub(in crate::manifest) struct PathText {
    pub(in crate::manifest) text: Option<String>,
    pub(in crate::manifest) base64: Option<String>,
}

impl PathText {
    pub(in crate::manifest) fn of_path(path: &TreePath) -> Self {
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

    pub(in crate::manifest) fn path(self) -> Result<TreePath, PathError> {
        let bytes = self.bytes().ok_or(PathError::Component)?;
        // One way to say it here too: no leading "./".
        if bytes.starts_with(b"./") {
            return Err(PathError::Component);
        }
        TreePath::new(bytes)
    }
}

/// What stands in braces. serde takes a list for a struct too, its members in their order.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Braces<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Braces<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        deserializer.deserialize_map(Braces(PhantomData))
    }
}

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
pub(super) struct RawEntry {
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
    xattrs: Vec<Object<RawXattr>>,
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
    pub(super) fn of(entry: &Entry) -> Self {
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
            xattrs: entry.xattrs.iter().map(|xattr| Object(RawXattr::of(xattr))).collect(),
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

    pub(super) fn entry(mut self, index: usize) -> Result<Entry, ManifestParseError> {
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
        let xattrs = std::mem::take(&mut self.xattrs).into_iter().map(|Object(xattr)| xattr.xattr());
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
