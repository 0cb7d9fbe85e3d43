//! The verification document: every hash of a build under one signature (`docs/formats/verification-document.md`).
//!
//! An in-toto statement about the image. Its predicate carries all that is needed to check the image, its files and
//! where it came from, every dm-verity parameter included: nothing is taken from what is on the disk.

mod part;
mod reissue;

pub use part::{
    Builder, Container, FileDigest, HashArea, ImageFile, ManifestDigest, NamedDigest, Signature, VerityTree,
};
pub use reissue::{MeasuredImage, ReissueError, Replaced};

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::envelope::{Envelope, Verified};
use crate::key::{KeyKind, Signer};
use crate::statement::{Predicate, SignStatementError, Statement, StatementError, Subject, check_texts};
use crate::test_report::TestSummary;
use crate::trust::TrustStore;
use crate::verity::Tree;

/// Keys of these kinds may sign verification documents.
pub const SIGNER_KINDS: &[KeyKind] = &[KeyKind::BuildPlatformSigning];

/// The version of the predicate that is written and read here.
pub const VERSION: u32 = 1;

/// What the build platform vouches for: the predicate of the verification document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VerificationDocument {
    /// [`VERSION`].
    pub version: u32,
    /// The build.
    pub build_id: String,
    /// The image as a file.
    pub image: ImageFile,
    /// The ISO image that it is shipped in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The image as a dm-verity device.
    pub verity: VerityTree,
    /// The image as a tree of files.
    pub manifest: ManifestDigest,
    /// SHA-256 over the RFC 8785 form of the recipe.
    pub recipe_hash: Sha256Digest,
    /// SHA-256 of the payload of the signed build intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_digest: Option<Sha256Digest>,
    /// The build log.
    pub build_log: FileDigest,
    /// The report of the tests in a virtual machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_report: Option<FileDigest>,
    /// What that report says of each category of tests. Without it no category is known to have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestSummary>,
    /// The package inventories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sboms: Vec<NamedDigest>,
    /// The document that this one takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced>,
    /// Who built it.
    pub builder: Builder,
    /// Who signs, meaning what, when (21 CFR 11.50).
    pub signature: Signature,
}

impl Predicate for VerificationDocument {
    const TYPE: &'static str = "https://openfactory.tech/attest/image-verification/v1";
}

impl VerificationDocument {
    /// A document with all that it can't be without; tests, inventories and intent are added to it.
    #[expect(clippy::too_many_arguments, reason = "each is a different required fact, none has a default")]
    pub fn new(
        build_id: impl Into<String>,
        image: ImageFile,
        verity: VerityTree,
        manifest: ManifestDigest,
        recipe_hash: Sha256Digest,
        build_log: FileDigest,
        builder: Builder,
        signature: Signature,
    ) -> Self {
        Self {
            version: VERSION,
            build_id: build_id.into(),
            image,
            container: None,
            verity,
            manifest,
            recipe_hash,
            intent_digest: None,
            build_log,
            test_report: None,
            tests: None,
            sboms: Vec::new(),
            replaces: None,
            builder,
            signature,
        }
    }

    /// The same document, referring to this signed build intent.
    #[must_use]
    pub fn with_intent(self, intent: &Envelope) -> Self {
        Self { intent_digest: Some(intent.payload_digest()), ..self }
    }

    /// The same document of an image that is shipped in this.
    #[must_use]
    pub fn with_container(self, container: Container) -> Self {
        Self { container: Some(container), ..self }
    }

    /// The same document with this test report.
    #[must_use]
    pub fn with_test_report(self, report: FileDigest) -> Self {
        Self { test_report: Some(report), ..self }
    }

    /// The same document with what its test report says of each category.
    #[must_use]
    pub fn with_tests(self, tests: TestSummary) -> Self {
        Self { tests: Some(tests), ..self }
    }

    /// The same document with one more package inventory.
    #[must_use]
    pub fn with_sbom(mut self, sbom: NamedDigest) -> Self {
        self.sboms.push(sbom);
        self
    }

    /// The tree to check the image against, from the signed parameters.
    ///
    /// # Errors
    /// [`DocumentError::Verity`] where they are none; never for a document that was opened.
    pub fn verity_tree(&self) -> Result<Tree, DocumentError> {
        self.verity.tree().map_err(|reason| DocumentError::Verity { reason })
    }

    /// What the document is about: the image as a file, and as a dm-verity device.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        vec![
            Subject::new(&self.image.name, &self.image.sha256),
            Subject::new(self.verity_subject(), &self.verity.root_hash),
        ]
    }

    fn verity_subject(&self) -> String {
        format!("{}#dm-verity", self.image.name)
    }

    /// Signs the document.
    ///
    /// # Errors
    /// [`SignStatementError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignStatementError> {
        self.check().map_err(|reason| SignStatementError::Predicate { reason })?;
        Statement::new(self.subjects(), self.clone()).sign(signer)
    }

    /// Who signs, meaning what, and who built what are said; no two inventories have one name.
    fn check(&self) -> Result<(), String> {
        check_texts(&[
            ("signer's name", &self.signature.name),
            ("meaning of the signature", &self.signature.meaning),
            ("builder", &self.builder.id),
            ("build id", &self.build_id),
        ])?;
        let mut names = HashSet::new();
        match self.sboms.iter().find(|sbom| !names.insert(&sbom.name)) {
            Some(sbom) => Err(format!("two package inventories are called {:?}", sbom.name)),
            None => Ok(()),
        }
    }

    /// Opens a signed document: signed by a build platform key, of a version that is known, its subjects those that
    /// its predicate speaks of.
    ///
    /// # Errors
    /// [`DocumentError`] says why it is not believed.
    pub fn open(envelope: &Envelope, trust: &TrustStore) -> Result<Verified<Self>, DocumentError> {
        let statement =
            Statement::<Self>::open(envelope, trust, SIGNER_KINDS).map_err(DocumentError::Statement)?;
        statement.try_map(|statement| {
            let document = statement.predicate;
            if document.version != VERSION {
                return Err(DocumentError::Version { found: document.version });
            }
            if statement.subjects != document.subjects() {
                return Err(DocumentError::Subjects);
            }
            document
                .check()
                .map_err(|reason| DocumentError::Statement(StatementError::Predicate { reason }))?;
            let tree = document.verity.tree().map_err(|reason| DocumentError::Verity { reason })?;
            let nonsense = |reason: &str| Err(DocumentError::Verity { reason: reason.to_owned() });
            if tree.data_size() != document.image.size {
                return nonsense("the tree does not cover the whole image and nothing else");
            }
            if tree.hash_device_size() != document.verity.hash_area.size {
                return nonsense("a hash device of this tree has another size");
            }
            let tests = document.tests.as_ref();
            if tests.is_some_and(|tests| document.test_report.is_none() || !tests.is_consistent()) {
                return Err(DocumentError::Tests);
            }
            Ok(document)
        })
    }
}

/// Why a verification document is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not signed by a build platform key, or no such statement.
    #[error("not a verification document of a trusted build platform")]
    Statement(#[source] StatementError),
    /// It is of a version that is not known here.
    #[error("the document is of version {found}, version {VERSION} is known")]
    Version {
        /// The version it has.
        found: u32,
    },
    /// Its subjects are not those that its predicate speaks of.
    #[error("the document's subjects are not the image and the root hash of its predicate")]
    Subjects,
    /// What it says of the tests contradicts itself, or is of no report.
    #[error("the document's verdicts on the tests do not follow from their numbers, or from no report")]
    Tests,
    /// Its dm-verity parameters are none.
    #[error("the document's dm-verity parameters are not usable: {reason}")]
    Verity {
        /// What is wrong with them.
        reason: String,
    },
}
