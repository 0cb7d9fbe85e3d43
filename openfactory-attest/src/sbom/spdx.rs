//! An inventory as an SPDX 2.3 document in JSON.
//!
//! Equal input gives equal bytes, as in [`cyclonedx`](super::cyclonedx). What is not known is `NOASSERTION`: where a
//! package was fetched from, its licence if nobody wrote it down for machines, its copyright. Fields are left out where the standard allows it.
//!
//! Source: the SPDX specification 2.3 (its predecessor 2.2.1 is ISO/IEC 5962:2021) and its JSON schema.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::contact::{Maintainer, is_web_address};
use super::coverage::{Coverage, MODIFIED_CONFIGURATION, MODIFIED_FILE, ModifiedFile};
use super::inventory::{Inventory, Package, PackageFormat};
use super::license::{License, id_string};
use super::os_release::Distribution;
use super::purl;
use super::subject::{Kind, Subject};
use crate::instant;

mod model;

use model::{Document, ExternalRef, Relationship};

/// The media type of an SPDX document in JSON.
pub const MEDIA_TYPE: &str = "application/spdx+json";

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const SUBJECT: &str = "SPDXRef-Subject";
const DISTRIBUTION: &str = "SPDXRef-Distribution";

const CREATOR: &str = concat!("Tool: ", env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));

/// Why no document could be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpdxError {
    /// The time is before 1970, or its year has more than four digits.
    #[error("the time is none that SPDX can tell")]
    Time,
    /// It could not be written as JSON.
    #[error("cannot be written as json")]
    Json(#[source] serde_json::Error),
}

/// The document, in JSON with a newline at its end. `time` is when the inventory was made; it is told in whole seconds.
///
/// # Errors
/// [`SpdxError`].
pub fn document(
    inventory: &Inventory,
    subject: &Subject,
    coverage: Option<&Coverage>,
    time: SystemTime,
) -> Result<Vec<u8>, SpdxError> {
    let distribution = inventory.distribution();
    let mut packages = vec![of_subject(subject)];
    packages.extend(distribution.map(of_distribution));
    let created = whole_seconds(time).ok_or(SpdxError::Time)?;
    let modified = coverage.map(Coverage::modified_by_package).unwrap_or_default();
    packages.extend(inventory.packages().iter().enumerate().map(|(index, package)| {
        let mut told = of_package(package, distribution);
        let modified = modified.get(&index).into_iter().flatten();
        told.annotations = modified.map(|file| annotation(file, &created)).collect();
        told
    }));
    let contained = packages.iter().skip(1).map(|package| Relationship {
        from: SUBJECT.to_owned(),
        kind: "CONTAINS",
        to: package.id.clone(),
    });
    let described = Relationship { from: DOCUMENT.to_owned(), kind: "DESCRIBES", to: SUBJECT.to_owned() };
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: &subject.name,
        document_namespace: format!("https://openfactory.tech/attest/sbom/spdx/{}", subject.uuid("spdx")),
        comment: coverage.map(of_coverage),
        creation_info: model::CreationInfo { created, creators: [CREATOR] },
        relationships: std::iter::once(described).chain(contained).collect(),
        unlisted_licenses: unlisted_licenses(inventory),
        packages,
    };
    let mut json = serde_json::to_vec_pretty(&document).map_err(SpdxError::Json)?;
    json.push(b'\n');
    Ok(json)
}

/// SPDX knows no fractions of seconds.
fn whole_seconds(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    instant::format(SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?)
}

fn of_subject(subject: &Subject) -> model::Package {
    let mut package = model::Package::new(SUBJECT, &subject.name, "OPERATING-SYSTEM");
    let mut told = Vec::new();
    match subject.kind {
        Kind::Image => {
            package.file_name = Some(subject.name.clone());
            package
                .checksums
                .push(model::Checksum { algorithm: "SHA256", value: subject.digest.to_string() });
        }
        // It is not the digest of the tree as one file, so it is none of its checksums.
        Kind::Tree => told.push(format!("manifest sha256: {}", subject.digest)),
    }
    told.extend(subject.root_hash.as_ref().map(|hash| format!("dm-verity root hash: {hash}")));
    told.extend(
        subject
            .container
            .as_ref()
            .map(|it| format!("{} of the ISO image {}, sha256: {}", it.path, it.name, it.sha256)),
    );
    package.comment = Some(told.join("; ")).filter(|comment| !comment.is_empty());
    package
}

fn of_distribution(distribution: &Distribution) -> model::Package {
    let mut package = model::Package::new(DISTRIBUTION, &distribution.id, "OPERATING-SYSTEM");
    package.version.clone_from(&distribution.version_id);
    package.summary.clone_from(&distribution.pretty_name);
    package
}

fn of_package(package: &Package, distribution: Option<&Distribution>) -> model::Package {
    let mut told = model::Package::new(&id(package), &package.name, "LIBRARY");
    told.version = Some(package.version.clone());
    told.supplier = package.maintainer.as_deref().map(supplier);
    told.homepage = package.homepage.clone().filter(|url| is_web_address(url));
    told.summary.clone_from(&package.summary);
    if let Some(license) = &package.license {
        told.license_declared = license.expression().to_owned().into();
    }
    let source = package.source_name.as_ref().or(package.source_version.as_ref().map(|_| &package.name));
    told.source_info = source.map(|name| {
        let version = package.source_version.as_ref().unwrap_or(&package.version);
        format!("built from the source package {name} {version}")
    });
    told.external_refs = purl::of(package, distribution).map(ExternalRef::purl).into_iter().collect();
    told
}

/// `openfactory:modified-file: ./usr/bin/x`.
fn annotation(file: &ModifiedFile, created: &str) -> model::Annotation {
    let what = if file.is_configuration { MODIFIED_CONFIGURATION } else { MODIFIED_FILE };
    model::Annotation {
        annotation_date: created.to_owned(),
        annotation_type: "OTHER",
        annotator: CREATOR,
        comment: format!("{what}: {}", file.path),
    }
}

fn supplier(maintainer: &str) -> String {
    let Maintainer { name, address } = Maintainer::of(maintainer);
    // In parentheses stands an address, and nothing else.
    let name: String = name.chars().filter(|it| !matches!(it, '(' | ')')).collect();
    format!("Organization: {} ({})", name.trim(), address.unwrap_or_default())
}

/// A name that is the package's alone: dpkg's of name and architecture, apk's of their format too, rpm's also of the
/// version.
fn id(package: &Package) -> String {
    let (name, architecture) = (id_string(&package.name), id_string(&package.architecture));
    match package.format {
        PackageFormat::Deb => format!("SPDXRef-Package-{name}..{architecture}"),
        PackageFormat::Apk => format!("SPDXRef-Package-apk..{name}..{architecture}"),
        PackageFormat::Rpm => {
            format!("SPDXRef-Package-rpm..{name}..{architecture}..{}", id_string(&package.version))
        }
    }
}

/// The licences that SPDX does not list, each once. Their texts are not repeated here.
fn unlisted_licenses(inventory: &Inventory) -> Vec<model::UnlistedLicense> {
    let licenses = inventory.packages().iter().filter_map(|package| package.license.as_ref());
    let unlisted: BTreeMap<&str, &str> = licenses.flat_map(License::unlisted).collect();
    let told = |(reference, name): (&str, &str)| model::UnlistedLicense {
        license_id: reference.to_owned(),
        extracted_text: format!("The packages that declare it name it {name:?}; its text is in them."),
        name: name.to_owned(),
    };
    unlisted.into_iter().map(told).collect()
}

fn of_coverage(coverage: &Coverage) -> String {
    let mut told = format!(
        "{} of {} files belong to a package; {} paths of packages are not there; {} packages do not say which files \
         are theirs",
        coverage.owned(),
        coverage.files(),
        coverage.missing(),
        coverage.unlisted().len()
    );
    if let Some(compared) = coverage.compared() {
        let tampered = compared.tampered().count();
        told.push_str(&format!(
            "; {} files are as their packages had them, {tampered} are not, {} more were configured, nothing was \
             recorded of {}",
            compared.unchanged,
            compared.modified.len() - tampered,
            compared.unrecorded
        ));
    }
    told
}

#[cfg(test)]
mod tests;
