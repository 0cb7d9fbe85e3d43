//! What a trust store knows of registered keys, and at which time it is asked.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::registry::{KeyRegistry, RegistryError};
use super::{TrustStore, TrustedKey};
use crate::envelope::Envelope;
use crate::key::{KeyId, KeyKind};

/// A registry that was believed, the envelope that it came in, and which of its keys count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) envelope: Envelope,
    pub(super) registry: KeyRegistry,
    /// None, until it was said for which time.
    pub(super) alive: BTreeMap<KeyId, TrustedKey>,
}

/// Why a trust store does not take a key registry; it is then as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TakeRegistryError {
    /// It is not believed.
    #[error("the key registry is not believed")]
    Registry(#[source] RegistryError),
    /// A newer one was taken before: somebody plays back an old registry.
    #[error("key registry {found} is older than registry {taken}, which was taken before")]
    Older {
        /// Its sequence number.
        found: u64,
        /// The one that was taken.
        taken: u64,
    },
    /// Another one of the same number was taken before.
    #[error("key registry {sequence} is another than the registry {sequence} that was taken before")]
    Conflict {
        /// The sequence number of both.
        sequence: u64,
    },
    /// A key that was registered before is missing, or has become another.
    #[error(
        "key registry {found} does not say of the key {id} what registry {taken} said: kind and public key stay"
    )]
    Forgets {
        /// Its sequence number.
        found: u64,
        /// The one that was taken.
        taken: u64,
        /// The key.
        id: String,
    },
}

/// The registry of a trust store is too old to go by. Nobody can say yet whether anything is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key registry {sequence} has expired at {}: a renewed one has to be taken", crate::instant::format(*.expired).unwrap_or_default())]
pub struct ExpiredRegistryError {
    /// Its sequence number.
    pub sequence: u64,
    /// When it expired.
    pub expired: SystemTime,
}

impl TrustStore {
    /// Takes a signed key registry. Its keys count from when it was said for which time ([`as_of`](Self::as_of)); of keys
    /// that it lists its word alone counts. Root keys are the exception: those of the store itself are its anchors, and no
    /// registry adds one. Returns whether it was new; taking the very same again changes nothing.
    ///
    /// As many root keys have to have signed it as the store, the registry before and the registry itself ask for.
    ///
    /// # Errors
    /// [`TakeRegistryError`] says why it is not taken.
    pub fn take_registry(&mut self, envelope: &Envelope) -> Result<bool, TakeRegistryError> {
        let before = self.registry();
        let threshold = before.map_or(1, |registry| registry.threshold).max(self.threshold());
        let registry = KeyRegistry::open(envelope, self, threshold);
        let registry = registry.map_err(TakeRegistryError::Registry)?.into_inner();
        if let Some(taken) = before {
            if registry == *taken {
                return Ok(false);
            }
            let (found, taken_sequence) = (registry.sequence, taken.sequence);
            if found < taken_sequence {
                return Err(TakeRegistryError::Older { found, taken: taken_sequence });
            }
            if found == taken_sequence {
                return Err(TakeRegistryError::Conflict { sequence: found });
            }
            let forgotten = taken.keys.iter().find(|old| {
                registry
                    .get(&old.id)
                    .is_none_or(|new| (new.kind, &new.public_key) != (old.kind, &old.public_key))
            });
            if let Some(key) = forgotten {
                return Err(TakeRegistryError::Forgets { found, taken: taken_sequence, id: key.id.clone() });
            }
        }
        let registered = Registered { envelope: envelope.clone(), registry, alive: BTreeMap::new() };
        self.registered = Some(Box::new(registered));
        Ok(true)
    }

    /// The key registry that was taken last.
    #[must_use]
    pub fn registry(&self) -> Option<&KeyRegistry> {
        self.registered.as_ref().map(|registered| &registered.registry)
    }

    /// The envelope of that registry, to be handed on.
    #[must_use]
    pub fn registry_envelope(&self) -> Option<&Envelope> {
        self.registered.as_ref().map(|registered| &registered.envelope)
    }

    /// The same store for this time: of registered keys those count that are alive then. Before this was asked none does.
    /// A store without a registry is the same at all times.
    ///
    /// # Errors
    /// [`ExpiredRegistryError`] where the registry is too old to go by.
    pub fn as_of(mut self, now: SystemTime) -> Result<Self, ExpiredRegistryError> {
        let Some(registered) = &mut self.registered else { return Ok(self) };
        let registry = &registered.registry;
        if registry.expires <= now {
            return Err(ExpiredRegistryError { sequence: registry.sequence, expired: registry.expires });
        }
        let alive = registry.keys.iter().filter(|key| key.kind != KeyKind::RootSigning && key.is_alive(now));
        let alive = alive.filter_map(|key| key.to_trusted().map(|key| (*key.key_id(), key))).collect();
        registered.alive = alive;
        Ok(self)
    }

    /// The next time after this one at which [`as_of`](Self::as_of) gives another answer.
    #[must_use]
    pub fn changes_after(&self, now: SystemTime) -> Option<SystemTime> {
        let registry = self.registry()?;
        let lives = registry.keys.iter().flat_map(|key| [Some(key.not_before), key.not_after]);
        lives.flatten().chain([registry.expires]).filter(|time| *time > now).min()
    }

    /// What the registry says of this key, if it says anything: whether it counts.
    pub(super) fn registered_key(&self, key_id: &KeyId) -> Option<Option<&TrustedKey>> {
        let registered = self.registered.as_ref()?;
        let key = registered.registry.get(&key_id.to_string())?;
        if key.kind == KeyKind::RootSigning {
            return None;
        }
        Some(registered.alive.get(key_id))
    }
}
