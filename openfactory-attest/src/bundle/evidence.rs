//! What a bundle holds of its build, measured.

use super::files::{Files, ReadBundleError};
use super::{BUILD_LOG, RECIPE, TEST_REPORT};
use crate::chain::{Evidence, LinkName, whole};
use crate::document::{FileDigest, ManifestDigest, NamedDigest, VerificationDocument};
use crate::iso9660::{Iso, IsoError};
use crate::manifest::{Manifest, TreePath};
use crate::recipe::{BuildRecipe, MAX_RECIPE};
use crate::squashfs::SquashfsError;
use crate::test_report::{MAX_REPORT, TestReport, TestReportError};
use crate::verity::{self, FormatError};
use crate::work::Work;

/// What was measured, and what of it is not even what it should be.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) evidence: Evidence,
    /// Links that are broken because what the bundle holds for them can't be read as such.
    pub(super) flaws: Vec<(LinkName, String)>,
    /// The image's files, for `sha256sum -c`.
    pub(super) file_sums: Option<FileDigest>,
}

impl Measured {
    /// All but the intent, which is read before the document is opened.
    pub(super) fn of(
        files: &Files,
        document: &VerificationDocument,
        work: &Work<'_>,
    ) -> Result<Self, ReadBundleError> {
        let mut measured = Self::default();
        measured.recipe(files)?;
        let evidence = &mut measured.evidence;
        evidence.build_log = files.measured(BUILD_LOG);
        evidence.test_report = files.measured(TEST_REPORT);
        evidence.container = document.container.as_ref().and_then(|iso| files.measured(&iso.name));
        let named = |sbom: &NamedDigest| Some(NamedDigest::new(&sbom.name, files.measured(&sbom.name)?));
        evidence.sboms = document.sboms.iter().filter_map(named).collect();
        measured.contained(files, document)?;
        measured.tests(files, document)?;
        measured.image(files, document, work)?;
        Ok(measured)
    }

    /// What the ISO image has at the document's path. One that has no such file, or is damaged, does not have the image in it.
    fn contained(&mut self, files: &Files, document: &VerificationDocument) -> Result<(), ReadBundleError> {
        let Some(container) = &document.container else { return Ok(()) };
        let Some(iso) = files.open_file(&container.name)? else { return Ok(()) };
        let unread = |source| ReadBundleError::Image { path: files.path(&container.name), source };
        let inside = match TreePath::new(container.path.as_bytes()) {
            Ok(path) => Iso::open(iso).and_then(|iso| iso.file(&path)),
            Err(error) => {
                self.flaws.push((LinkName::Container, whole(&error)));
                return Ok(());
            }
        };
        match inside {
            Ok(file) => {
                let found = FileDigest::of_device(&file).map_err(|error| unread(error.into()))?;
                self.evidence.contained = Some(found);
            }
            Err(error @ IsoError::Read { .. }) => return Err(unread(error.into())),
            Err(error) => self.flaws.push((LinkName::Container, whole(&error))),
        }
        Ok(())
    }

    /// What the test report says, if the document says anything of it.
    fn tests(&mut self, files: &Files, document: &VerificationDocument) -> Result<(), ReadBundleError> {
        if document.tests.is_none() {
            return Ok(());
        }
        let Some(bytes) = files.read(TEST_REPORT, MAX_REPORT)? else { return Ok(()) };
        match bytes.and_then(|bytes| read_report(&bytes).map_err(|error| whole(&error))) {
            Ok(report) => self.evidence.tests = Some(report.summary()),
            Err(reason) => self.flaws.push((LinkName::TestReport, reason)),
        }
        Ok(())
    }

    fn recipe(&mut self, files: &Files) -> Result<(), ReadBundleError> {
        let read = match files.read(RECIPE, MAX_RECIPE)? {
            None => return Ok(()),
            Some(bytes) => bytes.and_then(|bytes| BuildRecipe::parse(&bytes).map_err(|error| whole(&error))),
        };
        match read {
            Ok(recipe) => self.evidence.recipe_hash = Some(recipe.recipe_hash()),
            Err(reason) => self.flaws.push((LinkName::Recipe, reason)),
        }
        Ok(())
    }

    /// The image's bytes, its root hash under the document's parameters, and its files.
    fn image(
        &mut self,
        files: &Files,
        document: &VerificationDocument,
        work: &Work<'_>,
    ) -> Result<(), ReadBundleError> {
        let name = &document.image.name;
        let Some(image) = files.open_file(name)? else { return Ok(()) };
        let unread = |source: Box<dyn std::error::Error + Send + Sync>| ReadBundleError::Image {
            path: files.path(name),
            source,
        };
        self.evidence.image = files.measured(name);
        // An image that is another need not even be one; the document's own is as it was when it was signed.
        let is_other = self.evidence.image.is_some_and(|image| image.sha256 != document.image.sha256);
        let mut failed = |link, error: &dyn std::error::Error| {
            let list = if is_other { &mut self.flaws } else { &mut self.evidence.unmeasured };
            list.push((link, whole(error)));
        };
        match document.verity_tree() {
            Err(error) => failed(LinkName::VerityRoot, &error),
            Ok(tree) => match verity::root_hash(&image, None, tree.params(), work) {
                Ok(found) => self.evidence.root_hash = Some(found.root_hash()),
                Err(error @ FormatError::Read { .. }) if !is_other => return Err(unread(error.into())),
                Err(error) => failed(LinkName::VerityRoot, &error),
            },
        }
        match Manifest::of_squashfs(&image, work) {
            Ok(manifest) => match ManifestDigest::of(&manifest) {
                Ok(digest) => {
                    self.evidence.manifest = Some(digest);
                    self.file_sums = Some(FileDigest::of(&manifest.to_sha256sum()));
                }
                Err(error) => failed(LinkName::Manifest, &error),
            },
            Err(error @ SquashfsError::Read { .. }) if !is_other => return Err(unread(error.into())),
            Err(error) => failed(LinkName::Manifest, &error),
        }
        Ok(())
    }
}

#[cfg(feature = "test-report")]
fn read_report(bytes: &[u8]) -> Result<TestReport, TestReportError> {
    TestReport::read(bytes, None)
}

#[cfg(not(feature = "test-report"))]
fn read_report(bytes: &[u8]) -> Result<TestReport, TestReportError> {
    TestReport::parse(bytes)
}
