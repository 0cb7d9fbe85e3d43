//! Statements about artifacts: in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md).
//!
//! What is said of the subjects is the predicate, a type of its own; [`build intents`](crate::intent) and
//! [`verification documents`](crate::document) are two.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::canonical::{self, CanonicalError, Limits};
use crate::digest::Sha256Digest;
use crate::envelope::{Envelope, OpenError, PayloadError, Verified};
use crate::key::{KeyKind, SignError, Signer};
use crate::trust::TrustStore;

/// The payload type of statements in envelopes.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The statement's own type.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Bytes of a text that people read at most.
const MAX_TEXT: usize = 1024;

/// Whether a text says something to whoever reads it, such as a signer's name: on one line, not only blanks, of at most 1024 bytes.
///
/// ```
/// use openfactory_attest::statement::is_text;
///
/// assert!(is_text("Q. A. Person"));
/// assert!(!is_text(" ") && !is_text("Q. A. Person\n"));
/// ```
#[must_use]
pub fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.contains(char::is_control)
}

/// The first of these, each with what it is, that says nothing.
pub(crate) fn check_texts(texts: &[(&str, &str)]) -> Result<(), String> {
    match texts.iter().find(|(_, text)| !is_text(text)) {
        Some((what, _)) => {
            Err(format!("the {what} has to be 1 to {MAX_TEXT} bytes on one line, and not only blanks"))
        }
        None => Ok(()),
    }
}

/// What can be said of artifacts.
pub trait Predicate: Serialize + DeserializeOwned {
    /// The predicate's type, a URI with a version.
    const TYPE: &'static str;
}

/// An artifact that something is said of: its name and its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subject {
    /// Its name, which is one of a kind among the statement's subjects.
    pub name: String,
    /// Its digests by algorithm; lower-case hex.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// An artifact of this SHA-256.
    pub fn new(name: impl Into<String>, sha256: &Sha256Digest) -> Self {
        Self { name: name.into(), digest: BTreeMap::from([("sha256".to_owned(), sha256.to_string())]) }
    }

    /// The SHA-256, where there is one.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256Digest> {
        self.digest.get("sha256")?.parse().ok()
    }
}

/// Something that is said of artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement<P> {
    /// What it is said of; at least one.
    pub subjects: Vec<Subject>,
    /// What is said.
    pub predicate: P,
}

/// Why a statement is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignStatementError {
    /// It has no canonical JSON: a number is too large or no integer.
    #[error("the statement has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// It would not be believed: a text says nothing, or two files have one name.
    #[error("the statement would not be believed: {reason}")]
    Predicate {
        /// What is wrong with it.
        reason: String,
    },
    /// The key would not.
    #[error("the statement could not be signed")]
    Sign(#[source] SignError),
}

/// Why a statement is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The envelope is not signed by whom it should be.
    #[error("the statement is not vouched for")]
    Envelope(#[source] OpenError),
    /// What is signed is no statement of this predicate.
    #[error("the signed payload is no such statement")]
    Payload(#[source] PayloadError),
    /// It is of another type.
    #[error("the statement's {what} is {found:?}, expected {expected:?}")]
    Type {
        /// `_type` or `predicateType`.
        what: &'static str,
        /// The type that was asked for.
        expected: &'static str,
        /// The type that it has.
        found: String,
    },
    /// It is about nothing, or about two artifacts of one name, or about one without a digest.
    #[error("the statement's subjects are not usable: {reason}")]
    Subjects {
        /// What is wrong with them.
        reason: String,
    },
    /// What it says is nothing that can be gone by: an empty text, two files of one name.
    #[error("what the statement says is not usable: {reason}")]
    Predicate {
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Serialize)]
struct WireOut<'s, P> {
    #[serde(rename = "_type")]
    statement_type: &'static str,
    subject: &'s [Subject],
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: &'s P,
}

#[derive(Deserialize)]
struct WireIn {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: serde_json::Value,
}

impl<P: Predicate> Statement<P> {
    /// Says this of these artifacts.
    #[must_use]
    pub const fn new(subjects: Vec<Subject>, predicate: P) -> Self {
        Self { subjects, predicate }
    }

    /// Signs the statement's canonical JSON (RFC 8785), integers only.
    ///
    /// # Errors
    /// [`SignStatementError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignStatementError> {
        let wire = WireOut {
            statement_type: STATEMENT_TYPE,
            subject: &self.subjects,
            predicate_type: P::TYPE,
            predicate: &self.predicate,
        };
        let payload = canonical::to_vec_signed(&wire).map_err(SignStatementError::Canonical)?;
        Envelope::sign(PAYLOAD_TYPE, &payload, signer).map_err(SignStatementError::Sign)
    }

    /// Opens an envelope with a statement of this predicate, signed by a trusted key of one of these kinds.
    ///
    /// # Errors
    /// [`StatementError`] says why it is not believed.
    pub fn open(
        envelope: &Envelope,
        trust: &TrustStore,
        kinds: &[KeyKind],
    ) -> Result<Verified<Self>, StatementError> {
        let payload = envelope.open(trust, PAYLOAD_TYPE, kinds).map_err(StatementError::Envelope)?;
        let wire = payload.parse_json_within::<WireIn>(&Limits::SIGNED).map_err(StatementError::Payload)?;
        wire.try_map(|wire| {
            expect("_type", STATEMENT_TYPE, wire.statement_type)?;
            expect("predicateType", P::TYPE, wire.predicate_type)?;
            check_subjects(&wire.subject)?;
            let predicate = canonical::from_value(wire.predicate).map_err(|error| {
                StatementError::Payload(PayloadError::Shape { reason: error.to_string() })
            })?;
            Ok(Self { subjects: wire.subject, predicate })
        })
    }
}

fn expect(what: &'static str, expected: &'static str, found: String) -> Result<(), StatementError> {
    if found == expected { Ok(()) } else { Err(StatementError::Type { what, expected, found }) }
}

fn check_subjects(subjects: &[Subject]) -> Result<(), StatementError> {
    let bad = |reason: String| Err(StatementError::Subjects { reason });
    if subjects.is_empty() {
        return bad("there are none".to_owned());
    }
    let mut names = std::collections::HashSet::new();
    for subject in subjects {
        if subject.digest.is_empty() {
            return bad(format!("{:?} has no digest", subject.name));
        }
        if !names.insert(&subject.name) {
            return bad(format!("{:?} occurs twice", subject.name));
        }
    }
    Ok(())
}
