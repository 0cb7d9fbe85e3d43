//! Whose signatures count, and for what; and whose no longer do.

pub mod registry;
pub mod revocation;

mod registered;
mod take;

pub use registered::{ExpiredRegistryError, TakeRegistryError};
pub use take::TakeListError;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::{self, Limits};
use crate::envelope::Envelope;
use crate::key::{KeyId, KeyKind, ParsePublicKeyError, PublicKey};
use crate::ledger::Held;
use registered::Registered;
use take::Taken;

/// Bytes of a trust file at most.
pub const MAX_FILE: usize = 16 << 20;

/// A public key that is trusted for one kind of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrustedKey {
    /// What people call it.
    pub name: String,
    /// What it may sign.
    pub kind: KeyKind,
    /// The key; PEM in files.
    pub public_key: PublicKey,
}

impl TrustedKey {
    /// A key, what it is called and what it may sign.
    pub fn new(name: impl Into<String>, kind: KeyKind, public_key: PublicKey) -> Self {
        Self { name: name.into(), kind, public_key }
    }

    /// The key's id.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        self.public_key.key_id()
    }
}

/// The keys whose signatures count.
///
/// ```
/// use openfactory_attest::key::{Ed25519Key, KeyKind, Signer};
/// use openfactory_attest::trust::{TrustStore, TrustedKey};
///
/// let key = Ed25519Key::generate()?;
/// let mut trust = TrustStore::new();
/// trust.add(TrustedKey::new("platform", KeyKind::BuildPlatformSigning, key.public_key().clone()))?;
/// assert_eq!(TrustStore::parse(&trust.to_json())?.get(key.key_id()), trust.get(key.key_id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustStore {
    keys: BTreeMap<KeyId, TrustedKey>,
    threshold: Option<usize>,
    registered: Option<Box<Registered>>,
    taken: Option<Box<Taken>>,
    held: Vec<Held>,
}

/// A key that is there already, as something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key {key_id} is already trusted as {name:?} of kind {kind}; one key has one name and one kind")]
pub struct AddKeyError {
    /// The key.
    pub key_id: KeyId,
    /// Its name in the store.
    pub name: String,
    /// Its kind in the store.
    pub kind: KeyKind,
}

/// Why something is not a trust file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseTrustError {
    /// It is neither JSON nor a PEM public key: not even text.
    #[error("a trust file is JSON or a PEM public key, this is neither")]
    NotText,
    /// It looks like PEM, but holds no usable public key.
    #[error("the trust file holds no usable public key")]
    PublicKey(#[source] ParsePublicKeyError),
    /// Not JSON, or not within the limits.
    #[error("the trust file is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// JSON of another shape than `{"keys": [{"name", "kind", "public_key"}]}`.
    #[error("the trust file does not list keys with name, kind and public_key ({reason})")]
    Shape {
        /// What is missing or too much.
        reason: String,
    },
    /// The same key twice.
    #[error("the trust file contradicts itself")]
    Key(#[source] AddKeyError),
    /// Its revocation list is not one that its own root keys vouch for.
    #[error("the trust file's revocation list is not usable")]
    Revocations(#[source] TakeListError),
    /// Its key registry is not one that its own root keys vouch for.
    #[error("the trust file's key registry is not usable")]
    Registry(#[source] TakeRegistryError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Vec<TrustedKey>,
    #[serde(default)]
    threshold: Option<usize>,
    #[serde(default)]
    registry: Option<Envelope>,
    #[serde(default)]
    revocations: Option<Envelope>,
}

impl TrustStore {
    /// The name that a key has which was given as a bare PEM file.
    pub const BARE_KEY_NAME: &'static str = "public key file";

    /// Trusts nobody yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: BTreeMap::new(), threshold: None, registered: None, taken: None, held: Vec::new() }
    }

    /// Trusts a key. Adding the very same again changes nothing.
    ///
    /// # Errors
    /// [`AddKeyError`] where the key is there under another name or kind.
    pub fn add(&mut self, key: TrustedKey) -> Result<(), AddKeyError> {
        let key_id = *key.key_id();
        match self.keys.get(&key_id) {
            Some(there) if *there != key => {
                Err(AddKeyError { key_id, name: there.name.clone(), kind: there.kind })
            }
            Some(_) => Ok(()),
            None => {
                self.keys.insert(key_id, key);
                Ok(())
            }
        }
    }

    /// How many root keys have to sign a key registry, whatever it says itself.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold.unwrap_or(1)
    }

    /// The same store, which asks for the signatures of so many root keys under each key registry that it takes from now
    /// on.
    #[must_use]
    pub fn with_threshold(self, threshold: usize) -> Self {
        Self { threshold: Some(threshold), ..self }
    }

    /// The key of this id, if it is trusted for anything: of one that the registry lists the registry's word counts.
    #[must_use]
    pub fn get(&self, key_id: &KeyId) -> Option<&TrustedKey> {
        self.registered_key(key_id).unwrap_or_else(|| self.keys.get(key_id))
    }

    /// All keys: first those that the store itself has, in the order of their ids, then those of the registry, in the same
    /// order.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedKey> {
        let own = self.keys.values().filter(|key| self.registered_key(key.key_id()).is_none());
        own.chain(self.registered.iter().flat_map(|registered| registered.alive.values()))
    }

    /// Reads a trust file: `{"keys": [{"name": ..., "kind": ..., "public_key": PEM}]}`, or one bare PEM public key,
    /// which then is a key of kind [`KeyKind::BuildPlatformSigning`]. At most 16 MiB. A member `revocations` is the
    /// envelope of a revocation list, which a root key among `keys` has to have signed, `registry` that of a key registry,
    /// which as many of them have to have signed as the member `threshold` says (1, if it is not there).
    ///
    /// # Errors
    /// [`ParseTrustError`] says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseTrustError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ParseTrustError::NotText)?;
        let mut store = Self::new();
        if text.trim_start().starts_with("-----") {
            let key = PublicKey::from_pem(text).map_err(ParseTrustError::PublicKey)?;
            let key = TrustedKey::new(Self::BARE_KEY_NAME, KeyKind::BuildPlatformSigning, key);
            store.add(key).map_err(ParseTrustError::Key)?;
            return Ok(store);
        }
        let limits = Limits { max_bytes: MAX_FILE, ..Limits::SIGNED };
        let value = canonical::parse(bytes, &limits).map_err(ParseTrustError::Json)?;
        let file: File = canonical::from_value(value)
            .map_err(|error| ParseTrustError::Shape { reason: error.to_string() })?;
        for key in file.keys {
            store.add(key).map_err(ParseTrustError::Key)?;
        }
        if let Some(threshold) = file.threshold {
            store = store.with_threshold(threshold);
        }
        if let Some(envelope) = &file.revocations {
            store.take_revocations(envelope).map_err(ParseTrustError::Revocations)?;
        }
        // After the list: a root key that was revoked vouches for none.
        if let Some(envelope) = &file.registry {
            store.take_registry(envelope).map_err(ParseTrustError::Registry)?;
        }
        Ok(store)
    }

    /// The trust file, as indented JSON with a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let keys = self.keys.values().map(|key| {
            serde_json::json!({"name": key.name, "kind": key.kind.as_str(), "public_key": key.public_key.to_pem()})
        });
        let mut file = serde_json::json!({ "keys": keys.collect::<Vec<_>>() });
        let envelopes =
            [("revocations", self.revocations_envelope()), ("registry", self.registry_envelope())];
        if let Some(file) = file.as_object_mut() {
            let envelopes = envelopes.into_iter();
            file.extend(envelopes.filter_map(|(name, it)| Some((name.to_owned(), it?.to_value()))));
            file.extend(self.threshold.map(|threshold| ("threshold".to_owned(), threshold.into())));
        }
        format!("{file:#}\n").into_bytes()
    }
}

/// Says of a list that is to be sorted by a key, each once, which item is not behind the one before.
fn check_sorted<T, K: Ord + std::fmt::Display>(list: &[T], key: impl Fn(&T) -> &K) -> Result<(), String> {
    match list.array_windows::<2>().find(|[one, next]| key(one) >= key(next)) {
        Some([_, next]) => {
            Err(format!("its keys are not sorted by their ids, each once: {} is out of place", key(next)))
        }
        None => Ok(()),
    }
}

/// Puts an item in its place in a list that is sorted by a key, instead of what was there by the same key.
fn put<T, K: Ord>(sorted: &mut Vec<T>, item: T, key: impl Fn(&T) -> &K) {
    match sorted.binary_search_by(|there| key(there).cmp(key(&item))) {
        Ok(at) => drop(sorted.splice(at..=at, [item])),
        Err(at) => sorted.insert(at, item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Ed25519Key, Signer as _};

    fn key(seed: u8) -> PublicKey {
        Ed25519Key::from_seed(&[seed; 32]).public_key().clone()
    }

    #[test]
    fn files_round_trip() {
        let mut store = TrustStore::new();
        for (index, kind) in KeyKind::ALL.into_iter().enumerate() {
            let seed = u8::try_from(index).unwrap();
            store.add(TrustedKey::new(format!("key {seed}"), kind, key(seed))).unwrap();
        }
        assert_eq!(TrustStore::parse(&store.to_json()).unwrap(), store);
    }

    #[test]
    fn a_bare_public_key_is_a_build_platform_key() {
        let store = TrustStore::parse(key(1).to_pem().as_bytes()).unwrap();
        assert_eq!(store.get(key(1).key_id()).unwrap().kind, KeyKind::BuildPlatformSigning);
    }

    #[test]
    fn one_key_has_one_kind() {
        let mut store = TrustStore::new();
        store.add(TrustedKey::new("a", KeyKind::Integration, key(1))).unwrap();
        store.add(TrustedKey::new("a", KeyKind::Integration, key(1))).unwrap();
        let error = store.add(TrustedKey::new("a", KeyKind::RootSigning, key(1))).unwrap_err();
        assert_eq!(error.kind, KeyKind::Integration);
    }

    #[test]
    fn foreign_files_are_refused_each_with_its_reason() {
        let parse = |bytes: &[u8]| TrustStore::parse(bytes).unwrap_err();
        assert!(matches!(parse(b"\xff"), ParseTrustError::NotText));
        assert!(matches!(parse(b"-----BEGIN X-----"), ParseTrustError::PublicKey(_)));
        assert!(matches!(parse(b"{"), ParseTrustError::Json(_)));
        assert!(matches!(parse(br#"{"keys":[],"keys":[]}"#), ParseTrustError::Json(_)));
        assert!(matches!(parse(br#"{"keys":[{"name":"x"}]}"#), ParseTrustError::Shape { .. }));
        assert!(matches!(parse(br#"{"keys":[],"more":1}"#), ParseTrustError::Shape { .. }));
        assert!(matches!(parse(&vec![b' '; MAX_FILE + 1]), ParseTrustError::Json(_)));
        let two_kinds = serde_json::json!({"keys": [
            {"name": "a", "kind": "integration", "public_key": key(1).to_pem()},
            {"name": "a", "kind": "root-signing", "public_key": key(1).to_pem()},
        ]});
        assert!(matches!(parse(two_kinds.to_string().as_bytes()), ParseTrustError::Key(_)));
    }
}
