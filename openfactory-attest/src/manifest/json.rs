//! The JSON form. Written canonically (RFC 8785); read strictly: no unknown, missing, superfluous or double field.
//!
//! ```json
//! {"entries":[{"gid":0,"kind":"directory","mode":"0755","mtime":0,"path":".","uid":0},
//!   {"gid":0,"kind":"file","mode":"0644","mtime":0,"path":"motd","sha256":"…","size":6,"uid":0}],
//!  "version":1,"xattrs":"covered"}
//! ```
//! Bytes that are no UTF-8 stand in base64 in `path_base64`, `target_base64`, `hard_link_to_base64`. An entry with extended
//! attributes has `"xattrs":[{"name":"security.capability","value_base64":"…"}]`, in order.

use std::fmt;
use std::io::{self, Read, Write};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

mod entry;

pub(super) use entry::PathText;
use entry::{Object, RawEntry};

use super::entry::PathError;
use super::{Manifest, StructureError, packed::Packing};
use crate::canonical;

/// Why a JSON text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestParseError {
    /// No JSON, or not the fields of a manifest.
    #[error("no json manifest: {reason}, line {line}, column {column}")]
    Json {
        /// What is wrong.
        reason: String,
        /// Where, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
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

/// Why there is no manifest to be had from a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestReadError {
    /// It could not be read.
    #[error("the manifest cannot be read")]
    Read(#[source] io::Error),
    /// It is none.
    #[error("it is no manifest")]
    Parse(#[source] ManifestParseError),
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    version: u32,
    xattrs: String,
    entries: RawEntries,
}

/// The entries, packed as they come: none is kept as it was read. What is wrong with one is told only if the version is
/// one that is known, which stands behind them.
#[derive(Default)]
struct RawEntries {
    packing: Packing,
    wrong: Option<ManifestParseError>,
}

impl RawEntries {
    fn take(&mut self, index: usize, raw: RawEntry) -> Result<(), ManifestParseError> {
        self.packing.push(&raw.entry(index)?).map_err(ManifestParseError::Structure)
    }
}

impl<'de> Deserialize<'de> for RawEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = RawEntries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawEntries, A::Error> {
                let (mut entries, mut index) = (RawEntries::default(), 0);
                while let Some(Object(raw)) = items.next_element()? {
                    if entries.wrong.is_none() {
                        entries.wrong = entries.take(index, raw).err();
                    }
                    index += 1;
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_seq(Each)
    }
}

/// Every extended attribute of every entry is there.
const COVERED: &str = "covered";

/// Nothing is said of extended attributes.
const NOT_COVERED: &str = "not covered";
/// Writes an entry after the other, so that memory does not grow with them. What is around them is in canonical order.
pub(super) fn write(manifest: &Manifest, to: &mut dyn Write) -> io::Result<()> {
    let not_json = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    to.write_all(br#"{"entries":["#)?;
    for (index, entry) in manifest.entries().enumerate() {
        if index > 0 {
            to.write_all(b",")?;
        }
        let entry = serde_json_canonicalizer::to_vec(&RawEntry::of(&entry)).map_err(not_json)?;
        to.write_all(&entry)?;
    }
    let xattrs = if manifest.covers_xattrs() { COVERED } else { NOT_COVERED };
    write!(to, r#"],"version":1,"xattrs":"{xattrs}"}}"#)
}

pub(super) fn parse(json: &[u8]) -> Result<Manifest, ManifestParseError> {
    canonical::from_slice(json).map_err(|error| ManifestParseError::not_json(&error)).and_then(manifest)
}

pub(super) fn read(from: impl Read) -> Result<Manifest, ManifestReadError> {
    let raw = canonical::from_reader(from).map_err(|error| {
        if error.is_io() {
            ManifestReadError::Read(error.into())
        } else {
            ManifestReadError::Parse(ManifestParseError::not_json(&error))
        }
    });
    manifest(raw?).map_err(ManifestReadError::Parse)
}

impl ManifestParseError {
    fn not_json(error: &serde_json::Error) -> Self {
        // serde_json adds " at line L column C"; the line is told on its own.
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
        Self::Json { reason, line: error.line(), column: error.column() }
    }
}

fn manifest(Object(raw): Object<RawManifest>) -> Result<Manifest, ManifestParseError> {
    if raw.version != 1 {
        return Err(ManifestParseError::Version { version: raw.version });
    }
    let covers_xattrs = match raw.xattrs.as_str() {
        COVERED => true,
        NOT_COVERED => false,
        _ => return Err(ManifestParseError::Xattrs),
    };
    let RawEntries { packing, wrong } = raw.entries;
    match wrong {
        Some(wrong) => Err(wrong),
        None => Manifest::packed(packing, covers_xattrs).map_err(ManifestParseError::Structure),
    }
}
