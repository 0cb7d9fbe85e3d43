//! What there is, as components.

use super::model::{Component, Contact, ExternalReference, Hash, LicenseChoice, Organization, Property};
use crate::sbom::contact::{Maintainer, is_web_address};
use crate::sbom::coverage::{Coverage, MODIFIED_CONFIGURATION, MODIFIED_FILE};
use crate::sbom::inventory::{Inventory, Package, PackageState};
use crate::sbom::os_release::Distribution;
use crate::sbom::purl;
use crate::sbom::subject::{Kind, Subject};

/// The image, or the tree.
pub(super) fn of_subject(subject: &Subject, bom_ref: &str) -> Component {
    let mut component = Component::new("operating-system", bom_ref, &subject.name);
    match subject.kind {
        Kind::Image => component.hashes.push(Hash { alg: "SHA-256", content: subject.digest.to_string() }),
        // It is not the digest of the tree as one file, so it is none of its hashes.
        Kind::Tree => component.properties.push(Property::new("openfactory:manifest:sha256", subject.digest)),
    }
    if let Some(root_hash) = &subject.root_hash {
        component.properties.push(Property::new("openfactory:verity:root-hash", root_hash));
    }
    if let Some(container) = &subject.container {
        component.properties.push(Property::new("openfactory:iso:name", &container.name));
        component.properties.push(Property::new("openfactory:iso:sha256", container.sha256));
        component.properties.push(Property::new("openfactory:iso:path", &container.path));
    }
    component
}

/// What wrote the document.
pub(super) fn of_this_crate() -> Component {
    let mut component = Component::new("library", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_NAME"));
    component.version = Some(env!("CARGO_PKG_VERSION").to_owned());
    component
}

/// The distribution, and every package.
pub(super) fn of_inventory(inventory: &Inventory, coverage: Option<&Coverage>) -> Vec<Component> {
    let distribution = inventory.distribution();
    let modified = coverage.map(Coverage::modified_by_package).unwrap_or_default();
    let packages = inventory.packages().iter().enumerate().map(|(index, package)| {
        let mut component = of_package(package, distribution);
        let modified = modified.get(&index).into_iter().flatten();
        component.properties.extend(modified.map(|file| {
            let what = if file.is_configuration { MODIFIED_CONFIGURATION } else { MODIFIED_FILE };
            Property::new(what, &file.path)
        }));
        component
    });
    distribution.map(of_distribution).into_iter().chain(packages).collect()
}

fn of_distribution(distribution: &Distribution) -> Component {
    let bom_ref = format!("distribution:{}", distribution.name());
    let mut component = Component::new("operating-system", bom_ref, &distribution.id);
    component.version.clone_from(&distribution.version_id);
    component.description.clone_from(&distribution.pretty_name);
    component
}

fn of_package(package: &Package, distribution: Option<&Distribution>) -> Component {
    let Package { name, version, architecture, .. } = package;
    let format = package.format.name();
    let purl = purl::of(package, distribution);
    let bom_ref = purl.clone().unwrap_or_else(|| format!("{format}:{name}:{architecture}@{version}"));
    let mut component = Component::new("library", bom_ref, name);
    component.version = Some(version.clone());
    component.purl = purl;
    component.supplier = package.maintainer.as_deref().map(supplier);
    component.description.clone_from(&package.summary);
    component.licenses = package.license.iter().map(LicenseChoice::of).collect();
    if let Some(url) = package.homepage.as_deref().filter(|url| is_web_address(url)) {
        component.external_references.push(ExternalReference { url: url.to_owned(), kind: "website" });
    }
    let state = (package.state != PackageState::Installed).then(|| package.state.name());
    let told = [
        ("architecture", Some(architecture.as_str())),
        ("source", package.source_name.as_deref()),
        ("source-version", package.source_version.as_deref()),
        ("state", state),
    ];
    let told = told.into_iter().filter_map(|(what, value)| Some((what, value?)));
    component.properties =
        told.map(|(what, value)| Property::new(format!("openfactory:{format}:{what}"), value)).collect();
    component
}

fn supplier(maintainer: &str) -> Organization {
    let Maintainer { name, address } = Maintainer::of(maintainer);
    let contact = address.map(|email| Contact { name: name.to_owned(), email: email.to_owned() });
    Organization { name: name.to_owned(), contact: contact.into_iter().collect() }
}
