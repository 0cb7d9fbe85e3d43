//! Whether a bundle's inventories list what its image holds.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::bundle::{BundleLinkName, BundleReport};
use crate::chain::{LinkName, LinkStatus, broken, whole};
use crate::sbom::{Inventory, InventoryError, ListedPackage, Listing};
use crate::squashfs::SquashfsError;

/// Bytes of an inventory that are read at most.
const MAX_SBOM: u64 = 256 << 20;

/// Packages that are named where some are missing; the others are counted.
const NAMED: usize = 5;

/// Why inventories could not be compared with the image.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct PackagesError {
    path: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Lists the packages of the bundle's image anew and holds each inventory against them. What the bundle's report does not
/// call proved is not looked at: verify first.
///
/// # Errors
/// [`PackagesError`] where a file could not be read.
pub fn packages(directory: &Path, bundle: &BundleReport) -> Result<LinkStatus, PackagesError> {
    let not_checked = |reason: &str| Ok(LinkStatus::NotChecked { reason: reason.to_owned() });
    let Some(document) = &bundle.document else { return not_checked("the document is not believed") };
    let is_proved = |name| bundle.status(&BundleLinkName::Chain(name)) == Some(&LinkStatus::Proved);
    if document.sboms.is_empty() || !is_proved(LinkName::Image) {
        return not_checked("the image or its SBOM is not at hand");
    }
    let path = directory.join(&document.image.name);
    let image = File::open(&path).map_err(|source| failed(&path, source))?;
    let inventory = match Inventory::of_squashfs(&image) {
        Ok(inventory) => inventory,
        Err(error @ InventoryError::Image(SquashfsError::Read { .. })) => {
            return Err(PackagesError { path, source: error.into() });
        }
        Err(error) => return not_checked(&whole(&error)),
    };
    for sbom in &document.sboms {
        if !is_proved(LinkName::Sbom(sbom.name.clone())) {
            return not_checked(&format!("{} is not the SBOM that was signed", sbom.name));
        }
        let listing = match Listing::parse(&read(&directory.join(&sbom.name))?) {
            Ok(listing) => listing,
            Err(error) => return Ok(broken(format!("{} is no SBOM: {}", sbom.name, whole(&error)))),
        };
        let mut subjects = listing.subjects().peekable();
        if subjects.peek().is_some() && !subjects.any(|subject| *subject == document.image.sha256) {
            return Ok(broken(format!("{} says that it is about another image", sbom.name)));
        }
        let difference = listing.difference(&inventory);
        if !difference.is_empty() {
            let told = [
                ("does not list", &difference.unlisted),
                ("lists, but the image has not,", &difference.absent),
            ];
            let told = told.iter().filter(|(_, packages)| !packages.is_empty());
            let told: Vec<String> =
                told.map(|(what, packages)| format!("{} {what} {}", sbom.name, named(packages))).collect();
            return Ok(broken(told.join("; ")));
        }
    }
    Ok(LinkStatus::Proved)
}

fn named(packages: &[ListedPackage]) -> String {
    let names: Vec<String> =
        packages.iter().take(NAMED).map(|package| format!("{} {}", package.name, package.version)).collect();
    match packages.len().checked_sub(NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names.join(", ")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PackagesError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SBOM).read_to_end(&mut bytes));
    read.map(|_len| bytes).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> PackagesError {
    PackagesError { path: path.to_owned(), source: source.into() }
}
