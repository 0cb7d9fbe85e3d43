//! What an SBOM lists, whoever wrote it, held against what an image has.

use std::collections::BTreeSet;

use serde_json::Value;

use super::LIMITS;
use super::coverage::MODIFIED_FILE;
use super::inventory::Inventory;
use crate::canonical;
use crate::digest::Sha256Digest;

/// Entries of a document at most, those within others included.
const MAX_LISTED: usize = 1 << 20;

/// Package URLs of these types are of a distribution's package manager; those of other types are of something that it
/// does not know, such as a Python package.
const SYSTEM_TYPES: [&str; 3] = ["pkg:deb/", "pkg:rpm/", "pkg:apk/"];

/// The form of an SBOM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SbomFormat {
    /// CycloneDX 1, JSON.
    CycloneDx,
    /// SPDX 2, JSON.
    Spdx,
}

impl SbomFormat {
    /// The form that a document says it has, if that is one of these.
    pub(super) fn of(document: &Value) -> Option<Self> {
        let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("bomFormat") == "CycloneDX" && text("specVersion").starts_with("1.") {
            Some(Self::CycloneDx)
        } else if text("spdxVersion").starts_with("SPDX-2.") {
            Some(Self::Spdx)
        } else {
            None
        }
    }
}

/// A package as an SBOM lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ListedPackage {
    /// Its name.
    pub name: String,
    /// Its version; empty where the document has none.
    pub version: String,
}

/// The system packages that an SBOM lists, and what it says that it is about.
///
/// ```
/// use openfactory_attest::sbom::{Listing, SbomFormat};
///
/// let json = br#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
///     {"type": "library", "name": "hello", "version": "2.10-3", "purl": "pkg:deb/debian/hello@2.10-3"}]}"#;
/// let listing = Listing::parse(json)?;
/// assert_eq!(listing.format(), SbomFormat::CycloneDx);
/// assert_eq!(listing.packages().next().map(|it| it.name.as_str()), Some("hello"));
/// # Ok::<(), openfactory_attest::sbom::ListingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    format: SbomFormat,
    packages: BTreeSet<ListedPackage>,
    subjects: BTreeSet<Sha256Digest>,
    modified: BTreeSet<String>,
}

/// Why a text is no SBOM that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// Not JSON, or not within the limits.
    #[error("not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// Neither CycloneDX 1 nor SPDX 2.
    #[error("neither CycloneDX 1 nor SPDX 2 in JSON")]
    Format,
    /// It has another shape than its format has.
    #[error("{path} is missing or no {expected}")]
    Shape {
        /// Where.
        path: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// It lists too much.
    #[error("more than {MAX_LISTED} entries")]
    TooMany,
}

/// How an SBOM differs from what the image's package manager says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListingDifference {
    /// In the image, and not listed.
    pub unlisted: Vec<ListedPackage>,
    /// Listed, and not in the image.
    pub absent: Vec<ListedPackage>,
}

impl Listing {
    /// Reads CycloneDX 1 or SPDX 2 in JSON, at most 128 MiB, whoever wrote it. Names that occur twice are refused.
    ///
    /// # Errors
    /// [`ListingError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ListingError> {
        let document = canonical::parse(bytes, &LIMITS).map_err(ListingError::Json)?;
        match SbomFormat::of(&document) {
            Some(SbomFormat::CycloneDx) => cyclonedx(&document),
            Some(SbomFormat::Spdx) => spdx(&document),
            None => Err(ListingError::Format),
        }
    }

    /// Its form.
    #[must_use]
    pub const fn format(&self) -> SbomFormat {
        self.format
    }

    /// The packages, sorted, each once.
    pub fn packages(&self) -> impl Iterator<Item = &ListedPackage> {
        self.packages.iter()
    }

    /// The digests of what it says that it is about; none where it does not say.
    pub fn subjects(&self) -> impl Iterator<Item = &Sha256Digest> {
        self.subjects.iter()
    }

    /// The files that it says are not as their packages had them, as a [`TreePath`](crate::manifest::TreePath) is
    /// displayed. Only what this crate writes says so; configuration files are not among them.
    pub fn modified(&self) -> impl Iterator<Item = &str> {
        self.modified.iter().map(String::as_str)
    }

    /// How it differs from an inventory: names and versions are compared.
    #[must_use]
    pub fn difference(&self, inventory: &Inventory) -> ListingDifference {
        let there: BTreeSet<ListedPackage> = inventory
            .packages()
            .iter()
            .map(|package| ListedPackage { name: package.name.clone(), version: package.version.clone() })
            .collect();
        ListingDifference {
            unlisted: there.difference(&self.packages).cloned().collect(),
            absent: self.packages.difference(&there).cloned().collect(),
        }
    }
}

impl ListingDifference {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unlisted.is_empty() && self.absent.is_empty()
    }
}

fn cyclonedx(document: &Value) -> Result<Listing, ListingError> {
    let subject = document.pointer("/metadata/component/hashes");
    let (mut packages, mut modified) = (BTreeSet::new(), BTreeSet::new());
    let mut pending: Vec<&Value> = components(document)?.iter().collect();
    let mut seen = 0;
    while let Some(component) = pending.pop() {
        seen += 1;
        if seen > MAX_LISTED {
            return Err(ListingError::TooMany);
        }
        pending.extend(components(component)?);
        let name = component.get("name").and_then(Value::as_str);
        let name = name.ok_or(ListingError::Shape { path: "components[].name", expected: "text" })?;
        let purl = component.get("purl").and_then(Value::as_str);
        let is_library = component.get("type").and_then(Value::as_str) == Some("library");
        if is_system(purl, is_library) {
            packages.insert(listed(name, component.get("version")));
        }
        let properties = list(component.get("properties"), "components[].properties")?;
        modified.extend(properties.iter().filter_map(|property| {
            let text = |name: &str| property.get(name).and_then(Value::as_str);
            (text("name") == Some(MODIFIED_FILE)).then_some(text("value")?.to_owned())
        }));
    }
    let subjects = digests(subject, "alg", "SHA-256", "content");
    Ok(Listing { format: SbomFormat::CycloneDx, packages, subjects, modified })
}

fn components(of: &Value) -> Result<&[Value], ListingError> {
    list(of.get("components"), "components")
}

fn spdx(document: &Value) -> Result<Listing, ListingError> {
    let entries = list(document.get("packages"), "packages")?;
    if entries.len() > MAX_LISTED {
        return Err(ListingError::TooMany);
    }
    let described: BTreeSet<&str> = list(document.get("relationships"), "relationships")?
        .iter()
        .filter(|it| it.get("relationshipType").and_then(Value::as_str) == Some("DESCRIBES"))
        .filter_map(|it| it.get("relatedSpdxElement").and_then(Value::as_str))
        .chain(list(document.get("documentDescribes"), "documentDescribes")?.iter().filter_map(Value::as_str))
        .collect();
    let (mut packages, mut subjects, mut modified) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let name = text("name").ok_or(ListingError::Shape { path: "packages[].name", expected: "text" })?;
        if text("SPDXID").is_some_and(|id| described.contains(id)) {
            subjects.append(&mut digests(entry.get("checksums"), "algorithm", "SHA256", "checksumValue"));
            continue;
        }
        let annotations = list(entry.get("annotations"), "packages[].annotations")?;
        modified.extend(annotations.iter().filter_map(|annotation| {
            let (what, path) = annotation.get("comment")?.as_str()?.split_once(": ")?;
            (what == MODIFIED_FILE).then_some(path.to_owned())
        }));
        let purl = list(entry.get("externalRefs"), "packages[].externalRefs")?
            .iter()
            .filter(|it| it.get("referenceType").and_then(Value::as_str) == Some("purl"))
            .find_map(|it| it.get("referenceLocator").and_then(Value::as_str));
        let purpose = text("primaryPackagePurpose");
        if is_system(purl, matches!(purpose, None | Some("LIBRARY" | "APPLICATION"))) {
            packages.insert(listed(name, entry.get("versionInfo")));
        }
    }
    Ok(Listing { format: SbomFormat::Spdx, packages, subjects, modified })
}

fn list<'v>(value: Option<&'v Value>, path: &'static str) -> Result<&'v [Value], ListingError> {
    match value {
        None => Ok(&[]),
        Some(value) => {
            value.as_array().map(Vec::as_slice).ok_or(ListingError::Shape { path, expected: "list" })
        }
    }
}

fn is_system(purl: Option<&str>, is_package: bool) -> bool {
    match purl {
        Some(purl) => SYSTEM_TYPES.iter().any(|kind| purl.starts_with(kind)),
        None => is_package,
    }
}

fn listed(name: &str, version: Option<&Value>) -> ListedPackage {
    let version = version.and_then(Value::as_str).unwrap_or_default();
    ListedPackage { name: name.to_owned(), version: version.to_owned() }
}

fn digests(hashes: Option<&Value>, kind: &str, algorithm: &str, content: &str) -> BTreeSet<Sha256Digest> {
    let hashes = hashes.and_then(Value::as_array).into_iter().flatten();
    hashes
        .filter(|hash| hash.get(kind).and_then(Value::as_str) == Some(algorithm))
        .filter_map(|hash| hash.get(content)?.as_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests;
