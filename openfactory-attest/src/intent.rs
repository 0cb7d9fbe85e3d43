//! Build intents: what was asked for, signed at request time, before anything is built.
//!
//! Attached to the change request before its gate can open; the verification document of the finished build refers
//! to it (integration guide, Stage 1).

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::envelope::{Envelope, Verified};
use crate::key::{KeyKind, Signer};
use crate::statement::{Predicate, SignStatementError, Statement, StatementError, Subject, check_texts};
use crate::trust::TrustStore;

/// Keys of these kinds may sign build intents.
pub const SIGNER_KINDS: &[KeyKind] = &[KeyKind::BuildPlatformSigning];

/// The name of the intent's subject.
const SUBJECT: &str = "recipe";

/// That somebody asked for a build: of which recipe, in which words, on which base, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BuildIntent {
    /// SHA-256 over the recipe's RFC 8785 form.
    pub recipe_hash: Sha256Digest,
    /// SHA-256 of the request in the requester's own words.
    pub request_digest: Sha256Digest,
    /// Who asked; an e-mail address.
    pub requester: String,
    /// The version of the base image to build on.
    pub base_version: String,
    /// When it was asked for.
    #[serde(with = "crate::instant")]
    pub time: SystemTime,
}

impl Predicate for BuildIntent {
    const TYPE: &'static str = "https://openfactory.tech/attest/build-intent/v1";
}

impl BuildIntent {
    /// An intent to build this recipe, asked for in these words.
    pub fn new(
        recipe_hash: Sha256Digest,
        request_text: &str,
        requester: impl Into<String>,
        base_version: impl Into<String>,
        time: SystemTime,
    ) -> Self {
        Self {
            recipe_hash,
            request_digest: Sha256Digest::of(request_text.as_bytes()),
            requester: requester.into(),
            base_version: base_version.into(),
            time,
        }
    }

    /// Signs the intent.
    ///
    /// # Errors
    /// [`SignStatementError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignStatementError> {
        self.check().map_err(|reason| SignStatementError::Predicate { reason })?;
        Statement::new(vec![Subject::new(SUBJECT, &self.recipe_hash)], self.clone()).sign(signer)
    }

    /// Somebody asked for something.
    fn check(&self) -> Result<(), String> {
        check_texts(&[("requester", &self.requester), ("base version", &self.base_version)])?;
        if self.request_digest == Sha256Digest::of(b"") {
            Err("the request is empty".to_owned())
        } else {
            Ok(())
        }
    }

    /// Opens a signed intent.
    ///
    /// # Errors
    /// [`StatementError`] says why it is not believed.
    pub fn open(envelope: &Envelope, trust: &TrustStore) -> Result<Verified<Self>, StatementError> {
        let statement = Statement::<Self>::open(envelope, trust, SIGNER_KINDS)?;
        statement.try_map(|statement| {
            let subject = statement.subjects.iter().find(|subject| subject.name == SUBJECT);
            statement.predicate.check().map_err(|reason| StatementError::Predicate { reason })?;
            if subject.and_then(Subject::sha256) == Some(statement.predicate.recipe_hash) {
                Ok(statement.predicate)
            } else {
                let reason = "the subject is not the recipe that the predicate names".to_owned();
                Err(StatementError::Subjects { reason })
            }
        })
    }
}
