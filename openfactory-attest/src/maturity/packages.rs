//! Whether a bundle's inventories list what its image holds.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::bundle::{BundleLinkName, BundleReport};
use crate::chain::{LinkName, LinkStatus, broken, whole};
use crate::manifest::Manifest;
use crate::sbom::{Compared, Inventory, InventoryError, ListedPackage, Listing};
use crate::squashfs::SquashfsError;
use crate::work::Work;

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

/// Lists the packages of the bundle's image anew and holds each inventory against them, and so the files that are not as
/// their packages had them: an inventory that does not name one of those, configuration files left aside, hides it. What
/// the bundle's report does not call proved is not looked at: verify first.
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
    let (inventory, tampered) = match look(&image) {
        Ok(found) => found,
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
        let told: BTreeSet<&str> = listing.modified().collect();
        let hidden: Vec<String> =
            tampered.iter().filter(|path| !told.contains(path.as_str())).cloned().collect();
        if !hidden.is_empty() {
            let (names, have) = (shortened(hidden), "are not as their packages had them");
            return Ok(broken(format!("{} does not say that these {have}: {names}", sbom.name)));
        }
    }
    Ok(LinkStatus::Proved)
}

/// The packages of the image, and the files that are not as these had them, configuration files left aside.
fn look(image: &File) -> Result<(Inventory, Vec<String>), InventoryError> {
    let work = Work::on_all_cores();
    let inventory = Inventory::of_squashfs(image)?;
    let manifest = Manifest::of_squashfs(image, &work).map_err(InventoryError::Image)?;
    let coverage = inventory.coverage_of_squashfs(image, &manifest, &work)?;
    let tampered = coverage.compared().into_iter().flat_map(Compared::tampered);
    let tampered = tampered.map(|file| file.path.to_string()).collect();
    Ok((inventory, tampered))
}

fn named(packages: &[ListedPackage]) -> String {
    shortened(packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect())
}

fn shortened(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

fn read(path: &Path) -> Result<Vec<u8>, PackagesError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SBOM).read_to_end(&mut bytes));
    read.map(|_len| bytes).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> PackagesError {
    PackagesError { path: path.to_owned(), source: source.into() }
}
