//! What a trust store knows of keys that were revoked, and of what the log held before they were.

use super::TrustStore;
use super::revocation::{RevocationList, RevocationListError, RevokedKey};
use crate::digest::Sha256Digest;
use crate::envelope::Envelope;
use crate::key::KeyId;
use crate::ledger::Held;

/// A revocation list that was believed, and the envelope that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) envelope: Envelope,
    pub(super) list: RevocationList,
}

/// Why a trust store does not take a revocation list; it is then as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TakeListError {
    /// It is not believed.
    #[error("the revocation list is not believed")]
    List(#[source] RevocationListError),
    /// A newer one was taken before: somebody plays back an old list.
    #[error("revocation list {found} is older than list {taken}, which was taken before")]
    Older {
        /// Its sequence number.
        found: u64,
        /// The one that was taken.
        taken: u64,
    },
    /// Another one of the same number was taken before.
    #[error("revocation list {sequence} is another than the list {sequence} that was taken before")]
    Conflict {
        /// The sequence number of both.
        sequence: u64,
    },
    /// It does not hold a key that was revoked before.
    #[error("revocation list {found} says nothing of the key {key_id}, which list {taken} revoked")]
    Forgets {
        /// Its sequence number.
        found: u64,
        /// The one that was taken.
        taken: u64,
        /// The key.
        key_id: KeyId,
    },
}

impl TrustStore {
    /// Takes a signed revocation list. From then on what a revoked key signed is refused, unless the store holds proof
    /// that the log had it in time. Returns whether the list was new; taking the very same again changes nothing.
    ///
    /// # Errors
    /// [`TakeListError`] says why it is not taken.
    pub fn take_revocations(&mut self, envelope: &Envelope) -> Result<bool, TakeListError> {
        let list = RevocationList::open(envelope, self).map_err(TakeListError::List)?.into_inner();
        if let Some(Taken { list: taken, .. }) = self.taken.as_deref() {
            if list == *taken {
                return Ok(false);
            }
            let (found, taken_sequence) = (list.sequence, taken.sequence);
            if found < taken_sequence {
                return Err(TakeListError::Older { found, taken: taken_sequence });
            }
            if found == taken_sequence {
                return Err(TakeListError::Conflict { sequence: found });
            }
            if let Some(key_id) = RevokedKey::missing(&taken.revoked, &list.revoked).next() {
                return Err(TakeListError::Forgets { found, taken: taken_sequence, key_id: *key_id });
            }
        }
        self.taken = Some(Box::new(Taken { envelope: envelope.clone(), list }));
        Ok(true)
    }

    /// The revocation list that was taken last.
    #[must_use]
    pub fn revocations(&self) -> Option<&RevocationList> {
        self.taken.as_ref().map(|taken| &taken.list)
    }

    /// The envelope of that list, to be handed on.
    #[must_use]
    pub fn revocations_envelope(&self) -> Option<&Envelope> {
        self.taken.as_ref().map(|taken| &taken.envelope)
    }

    /// What is known of this key's revocation; `None` where it is not revoked.
    #[must_use]
    pub fn revoked(&self, key_id: &KeyId) -> Option<&RevokedKey> {
        self.revocations()?.get(key_id)
    }

    /// The same store, with proof of what an audit log held. It counts for this payload alone and is not part of the
    /// trust file. Whether the log's key is to be believed was decided by whoever verified the proof.
    #[must_use]
    pub fn holding(mut self, held: impl IntoIterator<Item = Held>) -> Self {
        self.held.extend(held);
        self
    }

    /// Proof that a log held what this key signed before the key was in other hands.
    pub(crate) fn held_before(&self, revoked: &RevokedKey, payload: &Sha256Digest) -> Option<&Held> {
        self.held.iter().find(|held| {
            let key_use = held.key_use();
            let window = revoked.windows.iter().find(|window| window.log == held.origin());
            key_use.payload == *payload
                && key_use.key_id == revoked.key_id
                && window.is_some_and(|window| held.index() < window.from)
        })
    }
}
