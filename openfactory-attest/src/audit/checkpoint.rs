//! Checkpoints: a log's origin, size and root under its own signature (c2sp.org/tlog-checkpoint).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{self, NoteError, VerifierKey};
use super::tree::TreeHead;
use crate::digest::Sha256Digest;
use crate::key::{SignError, Signer};

/// What a log has signed: this many entries, and this root over them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Its tree.
    pub head: TreeHead,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is not signed by the log's key.
    #[error("the checkpoint is not the log's")]
    Note(#[source] NoteError),
    /// It is signed, but no checkpoint.
    #[error("the signed note is not a checkpoint: {reason}")]
    Malformed {
        /// What it lacks.
        reason: &'static str,
    },
    /// It is the checkpoint of another log.
    #[error("a checkpoint of {found:?}, expected one of {expected:?}")]
    Origin {
        /// The log that was asked for.
        expected: String,
        /// The log that it is of.
        found: String,
    },
}

impl Checkpoint {
    pub(super) fn sign(head: TreeHead, key: &VerifierKey, signer: &dyn Signer) -> Result<String, SignError> {
        let text = format!("{}\n{}\n{}\n", key.name(), head.size, STANDARD.encode(head.root.as_bytes()));
        note::sign(&text, key, signer)
    }

    /// What a checkpoint says, whoever signed it: nothing to go by, but enough to ask for more.
    #[must_use]
    pub fn unverified(note: &[u8]) -> Option<TreeHead> {
        std::str::from_utf8(note).ok().and_then(Body::of_note).map(|body| body.head)
    }

    /// Reads a checkpoint that this key signed and whose origin is the key's name. Further lines are ignored.
    ///
    /// # Errors
    /// [`CheckpointError`] says why it is not believed.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let malformed = |reason| CheckpointError::Malformed { reason };
        let text = note::open(note, key).map_err(CheckpointError::Note)?;
        let origin = text.split('\n').next().unwrap_or_default();
        if origin != key.name() {
            return Err(CheckpointError::Origin {
                expected: key.name().to_owned(),
                found: origin.chars().take(200).collect(),
            });
        }
        let body = Body::parse(text).map_err(malformed)?;
        Ok(Self { origin: body.origin, head: body.head })
    }
}

/// What a checkpoint says, whoever signed it.
pub(super) struct Body {
    pub(super) origin: String,
    pub(super) head: TreeHead,
}

impl Body {
    /// Of a signed note whose signatures nobody has looked at.
    pub(super) fn of_note(note: &str) -> Option<Self> {
        let (text, _signatures) = note.rsplit_once("\n\n")?;
        Self::parse(text).ok()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.split('\n');
        let origin = lines.next().unwrap_or_default().to_owned();
        let size = lines.next().and_then(decimal).ok_or("the size is no decimal number")?;
        let root = lines.next().and_then(|line| STANDARD.decode(line).ok());
        let root = root.and_then(|root| <[u8; Sha256Digest::LEN]>::try_from(root).ok());
        let root = root.ok_or("the root is not base64 of 32 bytes")?;
        Ok(Self { origin, head: TreeHead::new(size, Sha256Digest::from_bytes(root)) })
    }
}

/// A decimal number without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|digit| digit.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Ed25519Key;

    #[test]
    fn round_trip_and_foreign_ones() {
        let signer = Ed25519Key::from_seed(&[3; 32]);
        let key = VerifierKey::new("example.com/log", signer.public_key().clone()).unwrap();
        let head = TreeHead::new(7, Sha256Digest::of(b"root"));
        let text = Checkpoint::sign(head, &key, &signer).unwrap();
        assert_eq!(Checkpoint::open(text.as_bytes(), &key).unwrap().head, head);

        for body in [
            "example.com/log\n07\nAAAA\n",
            "example.com/log\n7\nAAAA\n",
            "example.com/log\n",
            "example.com/log\n+7\n\n",
        ] {
            let note = note::sign(body, &key, &signer).unwrap();
            let error = Checkpoint::open(note.as_bytes(), &key).unwrap_err();
            assert!(matches!(error, CheckpointError::Malformed { .. }), "{body:?}: {error}");
        }
        let other = note::sign("example.com/other\n7\nAAAA\n", &key, &signer).unwrap();
        assert!(matches!(Checkpoint::open(other.as_bytes(), &key), Err(CheckpointError::Origin { .. })));
    }
}
