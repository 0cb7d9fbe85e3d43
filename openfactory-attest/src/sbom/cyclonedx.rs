//! An inventory as a CycloneDX 1.6 document in JSON.
//!
//! The model is our own, and only what is written here: the crate `cyclonedx-bom` ends at CycloneDX 1.5.
//!
//! Equal input gives equal bytes. The serial number is made of the subject's digest, the time is the caller's. What
//! is not known is left out: a licence that nobody wrote down for machines, and where the image does not say its
//! distribution, the package URLs. `compositions` says how complete the list is: `complete` only if every file of the image belongs to a package.
//!
//! Source: the CycloneDX 1.6 JSON schema (ECMA-424).

use std::time::SystemTime;

use super::coverage::Coverage;
use super::inventory::Inventory;
use super::subject::{Kind, Subject};
use crate::instant;

mod component;
mod model;

/// The media type of a CycloneDX document in JSON.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// Why no document could be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CycloneDxError {
    /// The year has more than four digits.
    #[error("the time does not fit RFC 3339")]
    Time,
    /// It could not be written as JSON.
    #[error("cannot be written as json")]
    Json(#[source] serde_json::Error),
}

/// The document, in JSON with a newline at its end. `time` is when the inventory was made.
///
/// # Errors
/// [`CycloneDxError`].
pub fn document(
    inventory: &Inventory,
    subject: &Subject,
    coverage: Option<&Coverage>,
    time: SystemTime,
) -> Result<Vec<u8>, CycloneDxError> {
    let subject_ref = match subject.kind {
        Kind::Image => format!("image:sha256:{}", subject.digest),
        Kind::Tree => format!("manifest:sha256:{}", subject.digest),
    };
    let components = component::of_inventory(inventory, coverage);
    let bom = model::Bom {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: subject.uuid("cyclonedx").urn().to_string(),
        version: 1,
        metadata: model::Metadata {
            timestamp: instant::format(time).ok_or(CycloneDxError::Time)?,
            lifecycles: vec![model::Lifecycle { phase: "post-build" }],
            tools: model::Tools { components: vec![component::of_this_crate()] },
            component: component::of_subject(subject, &subject_ref),
            properties: coverage.map(of_coverage).unwrap_or_default(),
        },
        dependencies: vec![model::Dependency {
            reference: subject_ref.clone(),
            depends_on: components.iter().map(|component| component.bom_ref.clone()).collect(),
        }],
        components,
        compositions: vec![model::Composition {
            aggregate: match coverage.map(Coverage::is_complete) {
                Some(true) => "complete",
                Some(false) => "incomplete",
                None => "unknown",
            },
            assemblies: vec![subject_ref],
        }],
    };
    let mut json = serde_json::to_vec_pretty(&bom).map_err(CycloneDxError::Json)?;
    json.push(b'\n');
    Ok(json)
}

fn of_coverage(coverage: &Coverage) -> Vec<model::Property> {
    let mut properties = vec![
        model::Property::new("openfactory:coverage:files", coverage.files()),
        model::Property::new("openfactory:coverage:owned", coverage.owned()),
        model::Property::new("openfactory:coverage:unowned", coverage.unowned().len()),
        model::Property::new("openfactory:coverage:missing", coverage.missing()),
        model::Property::new("openfactory:coverage:packages-without-list", coverage.unlisted().len()),
    ];
    if let Some(permille) = coverage.permille() {
        let percent = format!("{}.{}", permille / 10, permille % 10);
        properties.push(model::Property::new("openfactory:coverage:owned-percent", percent));
    }
    if let Some(compared) = coverage.compared() {
        let tampered = compared.tampered().count();
        let told = [
            ("openfactory:coverage:unchanged", compared.unchanged),
            ("openfactory:coverage:modified", tampered as u64),
            ("openfactory:coverage:modified-configuration", (compared.modified.len() - tampered) as u64),
            ("openfactory:coverage:unrecorded", compared.unrecorded),
        ];
        properties.extend(told.map(|(name, count)| model::Property::new(name, count)));
    }
    properties
}

#[cfg(test)]
mod tests;
