//! The image's package inventory: made once, before the document that names it is signed.

use std::fs::File;
use std::time::SystemTime;

use openfactory_attest::document::{FileDigest, ImageFile, NamedDigest};
use openfactory_attest::sbom::{Inventory, InventoryError, Subject, cyclonedx};
use openfactory_attest::verity::RootHash;
use openfactory_attest::{Manifest, Work};
use openfactory_sn::lifecycle::id::BuildId;

use super::build::once;
use super::error::{DemoError, During as _};
use super::site::Site;

/// Its file, in the directory of the build.
pub(crate) const NAME: &str = "sbom.cdx.json";

/// What became of it.
#[derive(Debug)]
pub(crate) enum Sbom {
    /// It was made.
    Made(Made),
    /// There is none, and why.
    Without(String),
}

/// An inventory, and what it says in short.
#[derive(Debug)]
pub(crate) struct Made {
    /// As the document names it.
    pub(crate) named: NamedDigest,
    /// Packages in the image.
    pub(crate) packages: usize,
    /// Files that belong to one, and files in all.
    pub(crate) owned: (u64, u64),
}

impl Sbom {
    pub(crate) const fn made(&self) -> Option<&Made> {
        match self {
            Self::Made(made) => Some(made),
            Self::Without(_) => None,
        }
    }
}

/// The image that is inventoried, and what is known of it.
pub(crate) struct Of<'a> {
    pub(crate) content: &'a File,
    pub(crate) image: &'a ImageFile,
    pub(crate) root_hash: &'a RootHash,
    pub(crate) manifest: &'a Manifest,
}

/// Makes the inventory, or reads the one that was made. An image whose packages can't be listed has none. Nor is
/// one made once the document is signed: what is signed is not added to.
pub(crate) fn make(site: &Site, id: &BuildId, of: &Of<'_>, now: SystemTime) -> Result<Sbom, DemoError> {
    let path = site.artifact(id, NAME);
    if !path.exists() && site.artifact(id, "verification.json").exists() {
        return Ok(Sbom::Without("it is not there, and the document is signed already".to_owned()));
    }
    let inventory = match Inventory::of_squashfs(of.content) {
        Ok(inventory) => inventory,
        Err(error) => return Ok(Sbom::Without(reason(&error))),
    };
    let coverage = inventory.coverage_of_squashfs(of.content, of.manifest, &Work::on_all_cores());
    let coverage = coverage.during("compare the files of the image with what its packages recorded")?;
    let bytes = once(&path, || {
        let subject = Subject::image(of.image).with_root_hash(of.root_hash);
        Ok(cyclonedx::document(&inventory, &subject, Some(&coverage), now)?)
    })?;
    Ok(Sbom::Made(Made {
        named: NamedDigest::new(NAME, FileDigest::of(&bytes)),
        packages: inventory.packages().len(),
        owned: (coverage.owned(), coverage.files()),
    }))
}

/// The inventory as it lies on disk, for whoever verifies.
pub(crate) fn measure(site: &Site, id: &BuildId) -> Result<NamedDigest, DemoError> {
    let path = site.artifact(id, NAME);
    let bytes = std::fs::read(&path).during(&format!("read {}", path.display()))?;
    Ok(NamedDigest::new(NAME, FileDigest::of(&bytes)))
}

fn reason(error: &InventoryError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
