//! SLSA provenance v1 of a build (<https://slsa.dev/spec/v1.0/provenance>): what the verification document says of the
//! build, in the words that other tools read.
//!
//! It follows from the document and says nothing more; what is not known, such as when the build began, is left out. The
//! document stays the evidence: it has what SLSA has no place for, the dm-verity parameters above all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::document::VerificationDocument;
use crate::envelope::{Envelope, Verified};
use crate::key::{KeyKind, Signer};
use crate::statement::{Predicate, SignStatementError, Statement, StatementError, Subject};
use crate::trust::TrustStore;

/// Keys of these kinds may sign provenance.
pub const SIGNER_KINDS: &[KeyKind] = &[KeyKind::BuildPlatformSigning];

/// What kind of build it is: an image, from a recipe (`docs/formats/provenance.md`).
pub const BUILD_TYPE: &str = "https://openfactory.tech/attest/image-build/v1";

/// The predicate: how an image came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Provenance {
    /// What was asked for.
    pub build_definition: BuildDefinition,
    /// Who did it, and what else came of it.
    pub run_details: RunDetails,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BuildDefinition {
    /// [`BUILD_TYPE`].
    pub build_type: String,
    /// What the requester chose: the recipe, by the SHA-256 of its RFC 8785 form.
    pub external_parameters: BTreeMap<String, Resource>,
    /// What it was built from: the recipe, and the signed build intent by the SHA-256 of its payload.
    pub resolved_dependencies: Vec<Resource>,
}

/// Something by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resource {
    /// What it is called.
    pub name: String,
    /// Its digests by algorithm; lower-case hex.
    pub digest: BTreeMap<String, String>,
}

/// Who did it, and what else came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunDetails {
    /// Who built it.
    pub builder: BuilderId,
    /// Which build it was.
    pub metadata: BuildMetadata,
    /// Build log, test report, manifest and inventories.
    pub byproducts: Vec<Resource>,
}

/// Who built it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BuilderId {
    /// The builder's identity, as in the verification document. SLSA wants a URI here: name builders by one.
    pub id: String,
}

/// Which build it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BuildMetadata {
    /// The build's id.
    pub invocation_id: String,
}

impl Predicate for Provenance {
    const TYPE: &'static str = "https://slsa.dev/provenance/v1";
}

impl Resource {
    fn new(name: impl Into<String>, sha256: &Sha256Digest) -> Self {
        let Subject { name, digest, .. } = Subject::new(name, sha256);
        Self { name, digest }
    }
}

impl Provenance {
    /// What this document says of its build.
    #[must_use]
    pub fn of(document: &VerificationDocument) -> Self {
        let recipe = Resource::new("recipe", &document.recipe_hash);
        let intent = document.intent_digest.iter().map(|digest| Resource::new("build-intent", digest));
        let report = document.test_report.iter().map(|report| Resource::new("test-report", &report.sha256));
        let sboms = document.sboms.iter().map(|sbom| Resource::new(&sbom.name, &sbom.sha256));
        let log = Resource::new("build-log", &document.build_log.sha256);
        let manifest = Resource::new("manifest", &document.manifest.sha256);
        Self {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters: BTreeMap::from([("recipe".to_owned(), recipe.clone())]),
                resolved_dependencies: std::iter::once(recipe).chain(intent).collect(),
            },
            run_details: RunDetails {
                builder: BuilderId { id: document.builder.id.clone() },
                metadata: BuildMetadata { invocation_id: document.build_id.clone() },
                byproducts: [log, manifest].into_iter().chain(report).chain(sboms).collect(),
            },
        }
    }

    /// Signs the provenance of this document's build, about the same subjects.
    ///
    /// # Errors
    /// [`SignStatementError`].
    pub fn sign(
        document: &VerificationDocument,
        signer: &dyn Signer,
    ) -> Result<Envelope, SignStatementError> {
        Statement::new(document.subjects(), Self::of(document)).sign(signer)
    }

    /// Opens signed provenance, if it is about the image and the root hash of this document and says
    /// of its build what the document says.
    ///
    /// # Errors
    /// [`ProvenanceError`] says why it is not believed.
    pub fn open(
        envelope: &Envelope,
        trust: &TrustStore,
        document: &VerificationDocument,
    ) -> Result<Verified<Self>, ProvenanceError> {
        let statement =
            Statement::<Self>::open(envelope, trust, SIGNER_KINDS).map_err(ProvenanceError::Statement)?;
        statement.try_map(|statement| {
            if statement.subjects != document.subjects() {
                Err(ProvenanceError::Subjects)
            } else if statement.predicate != Self::of(document) {
                Err(ProvenanceError::Differs)
            } else {
                Ok(statement.predicate)
            }
        })
    }
}

/// Why provenance is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// It is not signed by a build platform key, or no such statement.
    #[error("not the provenance of a trusted build platform")]
    Statement(#[source] StatementError),
    /// It is about another image.
    #[error("the provenance is about something else than the document")]
    Subjects,
    /// It says something else of the build.
    #[error("the provenance says something else of the build than the document")]
    Differs,
}
