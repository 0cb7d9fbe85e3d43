//! A document signed anew by a successor's key, after the first one's key was revoked.

use serde::{Deserialize, Serialize};

use super::{DocumentError, FileDigest, Signature, VerificationDocument};
use crate::digest::Sha256Digest;
use crate::envelope::{Acceptance, Envelope};
use crate::key::{KeyId, Signer};
use crate::statement::SignStatementError;
use crate::trust::TrustStore;
use crate::verity::RootHash;

/// Which document another one takes the place of, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Replaced {
    /// SHA-256 of its payload.
    pub document_digest: Sha256Digest,
    /// The key that signed it.
    pub key_id: KeyId,
    /// The incident that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

/// The stored image as it was measured now: what a document is signed anew for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MeasuredImage {
    /// Its bytes.
    pub file: FileDigest,
    /// Its root hash under the document's parameters.
    pub root_hash: RootHash,
}

impl MeasuredImage {
    /// An image of this digest and root hash.
    #[must_use]
    pub const fn new(file: FileDigest, root_hash: RootHash) -> Self {
        Self { file, root_hash }
    }
}

/// Why a document is not signed anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReissueError {
    /// It is not believed, above all not proved to have been in the audit log in time: the image is to be rebuilt.
    #[error("the document is not believed, so the image has to be rebuilt")]
    NotBelieved(#[source] DocumentError),
    /// Its key was not revoked: there is nothing to be done anew.
    #[error("the document's key was not revoked")]
    NotRevoked,
    /// The stored image is not the document's: it has to be rebuilt.
    #[error("the stored image is not the one that was signed ({what}), so it has to be rebuilt")]
    Image {
        /// `size and sha256` or `root hash`.
        what: &'static str,
    },
    /// The successor's key is not trusted for documents, or revoked itself.
    #[error("the successor's key {key_id} is not trusted to sign documents")]
    Successor {
        /// The key.
        key_id: KeyId,
    },
    /// Nothing was signed.
    #[error("the document could not be signed")]
    Sign(#[source] SignStatementError),
}

impl VerificationDocument {
    /// Signs a document anew with a successor's key: the same facts, naming what it takes the place of.
    ///
    /// `trust` knows that the first key was revoked and holds the proof that the log had the document before
    /// ([`TrustStore::holding`]); without that, nothing in it is believed. `image` is what the stored image was
    /// measured to be now. `signature` says who signs anew, and when.
    ///
    /// # Errors
    /// [`ReissueError`] says why not, which mostly means that the image has to be rebuilt.
    pub fn reissue(
        original: &Envelope,
        trust: &TrustStore,
        image: &MeasuredImage,
        signature: Signature,
        successor: &dyn Signer,
    ) -> Result<Envelope, ReissueError> {
        let opened = Self::open(original, trust).map_err(ReissueError::NotBelieved)?;
        if *opened.acceptance() == Acceptance::Trusted {
            return Err(ReissueError::NotRevoked);
        }
        let key_id = *opened.signer().key_id();
        let incident = trust.revoked(&key_id).and_then(|revoked| revoked.incident.clone());
        let document = opened.into_inner();
        if image.file != FileDigest::new(document.image.size, document.image.sha256) {
            return Err(ReissueError::Image { what: "size and sha256" });
        }
        if image.root_hash != RootHash::new(document.verity.root_hash) {
            return Err(ReissueError::Image { what: "root hash" });
        }
        let replaces = Replaced { document_digest: original.payload_digest(), key_id, incident };
        let envelope = Self { replaces: Some(replaces), signature, ..document }
            .sign(successor)
            .map_err(ReissueError::Sign)?;
        // What nobody would believe is not handed out.
        match Self::open(&envelope, trust) {
            Ok(_) => Ok(envelope),
            Err(_) => Err(ReissueError::Successor { key_id: *successor.key_id() }),
        }
    }
}
