//! One document for a whole device: its image's SBOM, and what its Zone 2 holds.
//!
//! Whatever the image's document lists stands in it as it was; each file of Zone 2 is a component of its own. Both parts
//! are bound by digest: the image's document by the SHA-256 of its bytes, Zone 2 by its manifest's. The form is that of the
//! image's document. A Zone 2 seal names the combined document by SHA-256 (`sbom_digest`, see
//! `docs/formats/zone2-seal.md`).
//!
//! ```
//! use std::time::SystemTime;
//!
//! use openfactory_attest::sbom::combined::{Zone2, document};
//! use openfactory_attest::{Manifest, Work};
//!
//! let zone2 = tempfile::tempdir()?;
//! std::fs::write(zone2.path().join("hostname"), "press-1\n")?;
//! let manifest = Manifest::of_directory(zone2.path(), &Work::on_all_cores())?;
//!
//! let base = br#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}"#;
//! let combined = document(base, &Zone2::of("press-1", &manifest), SystemTime::UNIX_EPOCH)?;
//! assert!(String::from_utf8(combined)?.contains("\"./hostname\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::SystemTime;

use serde_json::Value;

use super::listing::ListingError;
use super::{LIMITS, Listing, SbomFormat};
use crate::canonical;
use crate::digest::{Sha256, Sha256Digest};
use crate::manifest::{Entry, EntryKind, Manifest, StructureError};

mod cyclonedx;
mod spdx;

/// A device's Zone 2: its manifest, without what may change while it is locked.
#[derive(Clone, Copy, Debug)]
pub struct Zone2<'m> {
    device: &'m str,
    manifest: &'m Manifest,
}

impl<'m> Zone2<'m> {
    /// Zone 2 of this device.
    #[must_use]
    pub const fn of(device: &'m str, manifest: &'m Manifest) -> Self {
        Self { device, manifest }
    }
}

/// Why no document could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CombineError {
    /// The image's document is not JSON, or not within the limits.
    #[error("the base is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// It is neither CycloneDX 1 nor SPDX 2.
    #[error("the base is neither CycloneDX 1 nor SPDX 2 in JSON")]
    Format,
    /// It has another shape than its format has.
    #[error("the base's {path} is missing or no {expected}")]
    Shape {
        /// Where.
        path: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// It has an id that the combined document needs for itself: it is a combined one already.
    #[error("the base has the id {id}, which is the combined document's")]
    Id {
        /// Which.
        id: String,
    },
    /// The time does not fit the format.
    #[error("the time is none that the document can tell")]
    Time,
    /// The manifest has no form.
    #[error("the manifest of Zone 2 cannot be written")]
    Manifest(#[source] StructureError),
    /// Combined, it would be none that is read: the image's own entry lacks what each entry has, or both list too much.
    #[error("the base and Zone 2 make no SBOM that can be read")]
    Unreadable(#[source] ListingError),
    /// It could not be written as JSON.
    #[error("cannot be written as json")]
    Write(#[source] serde_json::Error),
}

/// What both forms say.
struct Parts<'p> {
    zone2: &'p Zone2<'p>,
    /// Of the image's document.
    base: Sha256Digest,
    /// Of Zone 2's manifest.
    manifest: Sha256Digest,
    time: SystemTime,
}

/// The combined document, in JSON with a newline at its end. Equal input gives equal bytes. `time` is when the two were
/// put together.
///
/// # Errors
/// [`CombineError`].
pub fn document(base: &[u8], zone2: &Zone2<'_>, time: SystemTime) -> Result<Vec<u8>, CombineError> {
    let parsed = canonical::parse(base, &LIMITS).map_err(CombineError::Json)?;
    let manifest = zone2.manifest.digest().map_err(CombineError::Manifest)?;
    let parts = Parts { zone2, base: Sha256Digest::of(base), manifest, time };
    let combined = match SbomFormat::of(&parsed) {
        Some(SbomFormat::CycloneDx) => cyclonedx::combine(&parsed, &parts)?,
        Some(SbomFormat::Spdx) => spdx::combine(&parsed, &parts)?,
        None => return Err(CombineError::Format),
    };
    let mut json = serde_json::to_vec_pretty(&combined).map_err(CombineError::Write)?;
    json.push(b'\n');
    Listing::parse(&json).map_err(CombineError::Unreadable)?;
    Ok(json)
}

impl Parts<'_> {
    /// The files of Zone 2, each with a number.
    fn files(&self) -> impl Iterator<Item = (usize, Entry)> {
        let files = self.zone2.manifest.entries().filter(|entry| entry.kind != EntryKind::Directory);
        files.enumerate()
    }

    /// A UUID of version 8 (RFC 9562) of the form, both parts and the device.
    fn uuid(&self, form: &str) -> uuid::Uuid {
        let mut hasher = Sha256::new();
        hasher.update(b"openfactory.tech/attest/sbom/combined/");
        hasher.update(form.as_bytes());
        hasher.update(b"\0");
        hasher.update(self.base.as_bytes());
        hasher.update(self.manifest.as_bytes());
        hasher.update(self.zone2.device.as_bytes());
        let digest = hasher.digest();
        let bytes = *digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// A list of the base's; an empty one where it has none.
fn list(of: &Value, name: &'static str) -> Result<Vec<Value>, CombineError> {
    match of.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list.clone()),
        Some(_) => Err(CombineError::Shape { path: name, expected: "list" }),
    }
}

/// What a file is, where it is no regular one: `symlink to ../x`.
fn told(entry: &Entry) -> Option<String> {
    match &entry.kind {
        EntryKind::File { .. } => None,
        EntryKind::Symlink { target } => Some(format!("symlink to {}", target.escape_ascii())),
        other => Some(other.name().to_owned()),
    }
}

#[cfg(test)]
mod tests;
