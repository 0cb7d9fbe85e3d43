//! The signed registry of keys (`docs/formats/key-registry.md`): every key and secret that there is, whose it is and how
//! long it lives; signed by root keys, and good until a date.

mod signed;

pub use signed::{RegistryError, SignRegistryError};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{TrustedKey, check_sorted, put};
use crate::key::{KeyKind, PublicKey};

/// The payload type of registries in envelopes.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.key-registry.v1+json";

/// Keys of these kinds may sign registries.
pub const SIGNER_KINDS: &[KeyKind] = &[KeyKind::RootSigning];

/// The version of the registry that is written and read here.
pub const VERSION: u32 = 1;

/// Bytes of a registry's JSON at most.
pub const MAX_REGISTRY: usize = 4 << 20;

/// Bytes of a name, an id or a holder at most.
const MAX_NAME: usize = 256;

/// Who or what has a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Holder {
    /// A device, by its id.
    Device(String),
    /// A service, such as a build platform or a router.
    Service(String),
    /// A source repository that the key opens.
    Repository(String),
    /// A person.
    Person(String),
}

impl Holder {
    fn name(&self) -> &str {
        match self {
            Self::Device(name) | Self::Service(name) | Self::Repository(name) | Self::Person(name) => name,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Device(_) => "device",
            Self::Service(_) => "service",
            Self::Repository(_) => "repository",
            Self::Person(_) => "person",
        };
        write!(f, "{kind}:{}", self.name())
    }
}

impl FromStr for Holder {
    type Err = String;

    /// `device:NAME`, `service:NAME`, `repository:NAME` or `person:NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((_, "")) => Err("a holder has a name".to_owned()),
            Some(("device", name)) => Ok(Self::Device(name.to_owned())),
            Some(("service", name)) => Ok(Self::Service(name.to_owned())),
            Some(("repository", name)) => Ok(Self::Repository(name.to_owned())),
            Some(("person", name)) => Ok(Self::Person(name.to_owned())),
            _ => Err(format!("{text:?} is none of device:, service:, repository:, person: and a name")),
        }
    }
}

/// A key or secret in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RegisteredKey {
    /// The key's id; for a secret that signs nothing a name of one's own for this very secret.
    pub id: String,
    /// What people call it; its successors are called the same.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
    /// The public half, where it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
    /// The id of the key that it stands under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Who has it; sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holders: BTreeSet<Holder>,
    /// From when it counts.
    #[serde(with = "crate::instant")]
    pub not_before: SystemTime,
    /// From when it counts no more.
    #[serde(default, with = "crate::instant::optional", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<SystemTime>,
    /// The id of the key that it took the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The incident for which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

impl RegisteredKey {
    /// A key that signs, from then on and without end.
    #[must_use]
    pub fn new(key: &TrustedKey, not_before: SystemTime) -> Self {
        let public_key = Some(key.public_key.clone());
        Self { public_key, ..Self::secret(key.key_id().to_string(), &key.name, key.kind, not_before) }
    }

    /// A secret that signs nothing, by an id of one's own.
    pub fn secret(
        id: impl Into<String>,
        name: impl Into<String>,
        kind: KeyKind,
        not_before: SystemTime,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind,
            public_key: None,
            parent: None,
            holders: BTreeSet::new(),
            not_before,
            not_after: None,
            replaces: None,
            incident: None,
        }
    }

    /// Under this key.
    #[must_use]
    pub fn under(self, parent: impl Into<String>) -> Self {
        Self { parent: Some(parent.into()), ..self }
    }

    /// In these hands too.
    #[must_use]
    pub fn held_by(mut self, holders: impl IntoIterator<Item = Holder>) -> Self {
        self.holders.extend(holders);
        self
    }

    /// Until then.
    #[must_use]
    pub fn until(self, not_after: SystemTime) -> Self {
        Self { not_after: Some(not_after), ..self }
    }

    /// In the place of this one, because of this incident.
    #[must_use]
    pub fn replacing(self, id: impl Into<String>, incident: Option<&str>) -> Self {
        Self { replaces: Some(id.into()), incident: incident.map(str::to_owned), ..self }
    }

    /// Whether it counts at this time.
    #[must_use]
    pub fn is_alive(&self, now: SystemTime) -> bool {
        self.not_before <= now && self.not_after.is_none_or(|end| now < end)
    }

    /// The key for a trust store; `None` for what signs nothing.
    #[must_use]
    pub fn to_trusted(&self) -> Option<TrustedKey> {
        Some(TrustedKey::new(&self.name, self.kind, self.public_key.clone()?))
    }
}

/// Every key and secret that there is, or was.
///
/// A later registry has a higher sequence number and lists all that the one before listed. It is a word of `threshold`
/// root keys at least, and only until `expires`: whoever withholds the next one does not keep the old one in force.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_attest::key::{Ed25519Key, KeyKind, Signer};
/// use openfactory_attest::trust::registry::{Holder, KeyRegistry, RegisteredKey};
/// use openfactory_attest::trust::{TrustStore, TrustedKey};
///
/// let (root, platform) = (Ed25519Key::generate()?, Ed25519Key::generate()?);
/// let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
/// let platform = TrustedKey::new("platform", KeyKind::BuildPlatformSigning, platform.public_key().clone());
/// let registry = KeyRegistry::new(1, now, now + 30 * day)
///     .with(RegisteredKey::new(&platform, now).held_by([Holder::Service("builder-1".to_owned())]).until(now + 20 * day));
/// let envelope = registry.sign(&[&root])?;
///
/// let mut trust = TrustStore::new();
/// trust.add(TrustedKey::new("root", KeyKind::RootSigning, root.public_key().clone()))?;
/// trust.take_registry(&envelope)?;
/// assert!(trust.clone().as_of(now)?.get(platform.key_id()).is_some());
/// assert!(trust.clone().as_of(now + 25 * day)?.get(platform.key_id()).is_none());
/// assert!(trust.as_of(now + 31 * day).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyRegistry {
    /// [`VERSION`].
    pub version: u32,
    /// Grows by each registry that is signed; from 1.
    pub sequence: u64,
    /// When it was signed, as the signers say; which registry is newer is the sequence's affair.
    #[serde(with = "crate::instant")]
    pub issued: SystemTime,
    /// From when on nobody may go by it.
    #[serde(with = "crate::instant")]
    pub expires: SystemTime,
    /// How many root keys have to sign this registry and the next one.
    pub threshold: usize,
    /// The keys, sorted by their ids.
    pub keys: Vec<RegisteredKey>,
}

/// What goes with a key: see [`KeyRegistry::touched_by`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Touched<'r> {
    /// The key and, where keys stand under it, those: sorted by their ids.
    pub keys: Vec<&'r RegisteredKey>,
    /// All who hold one of them.
    pub holders: BTreeSet<&'r Holder>,
}

impl KeyRegistry {
    /// An empty registry of this sequence number, good until `expires`, that one root key has to sign.
    #[must_use]
    pub const fn new(sequence: u64, issued: SystemTime, expires: SystemTime) -> Self {
        Self { version: VERSION, sequence, issued, expires, threshold: 1, keys: Vec::new() }
    }

    /// The registry that follows this one, with the same keys for now.
    #[must_use]
    pub fn next(&self, issued: SystemTime, expires: SystemTime) -> Self {
        Self { sequence: self.sequence.saturating_add(1), issued, expires, ..self.clone() }
    }

    /// That so many root keys have to sign.
    #[must_use]
    pub fn with_threshold(self, threshold: usize) -> Self {
        Self { threshold, ..self }
    }

    /// With one more key, in its place; what was registered by the same id is replaced.
    #[must_use]
    pub fn with(mut self, key: RegisteredKey) -> Self {
        put(&mut self.keys, key, |key| &key.id);
        self
    }

    /// The key of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&RegisteredKey> {
        let at = self.keys.binary_search_by(|there| there.id.as_str().cmp(id)).ok()?;
        self.keys.get(at)
    }

    /// What a compromise of this key touches by what is registered: the key, all that stand under it, and who holds them.
    /// `None` where it is not registered. What was signed by them is the ledger's affair
    /// ([`compromise`](crate::compromise)).
    #[must_use]
    pub fn touched_by(&self, id: &str) -> Option<Touched<'_>> {
        let mut below: BTreeMap<&str, Vec<&RegisteredKey>> = BTreeMap::new();
        for key in &self.keys {
            if let Some(parent) = &key.parent {
                below.entry(parent).or_default().push(key);
            }
        }
        let mut found: BTreeMap<&str, &RegisteredKey> = BTreeMap::new();
        let mut next = vec![self.get(id)?];
        while let Some(key) = next.pop() {
            if found.insert(&key.id, key).is_none() {
                next.extend(below.get(key.id.as_str()).into_iter().flatten());
            }
        }
        let keys: Vec<_> = found.into_values().collect();
        let holders = keys.iter().flat_map(|key| &key.holders).collect();
        Some(Touched { keys, holders })
    }

    /// Says what is not as it has to be.
    fn check(&self) -> Result<(), String> {
        if self.sequence == 0 {
            return Err("its sequence number is 0".to_owned());
        }
        if self.expires <= self.issued {
            return Err("it expires before it is issued".to_owned());
        }
        if !(1..=crate::envelope::MAX_SIGNATURES).contains(&self.threshold) {
            return Err(format!("{} keys can't be asked to sign it", self.threshold));
        }
        check_sorted(&self.keys, |key| &key.id)?;
        self.keys.iter().try_for_each(|key| {
            self.check_key(key).map_err(|reason| format!("of the key {} it says {reason}", key.id))
        })
    }

    fn check_key(&self, key: &RegisteredKey) -> Result<(), String> {
        let texts = [Some(&key.id), Some(&key.name), key.incident.as_ref()];
        let texts = texts.into_iter().flatten().map(String::as_str);
        for text in texts.chain(key.holders.iter().map(Holder::name)) {
            if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
                return Err(format!("{:?}, which is no name", text.chars().take(64).collect::<String>()));
            }
        }
        match &key.public_key {
            Some(public) if !key.kind.signs() => {
                return Err(format!(
                    "that a secret of kind {} has the public key {}",
                    key.kind,
                    public.key_id()
                ));
            }
            Some(public) if public.key_id().to_string() != key.id => {
                return Err(format!("another public key, {}", public.key_id()));
            }
            None if key.kind.signs() => return Err("no public key, although it signs".to_owned()),
            _ => {}
        }
        if key.not_after.is_some_and(|end| end <= key.not_before) {
            return Err("that it ends before it begins".to_owned());
        }
        let listed = |id: &Option<String>| id.as_ref().is_none_or(|id| self.get(id).is_some());
        if !listed(&key.parent) || !listed(&key.replaces) {
            return Err("that it follows from a key that is not listed".to_owned());
        }
        if key.replaces.as_ref() == Some(&key.id) {
            return Err("that it replaces itself".to_owned());
        }
        // Each key has one parent, so a way up that is longer than the list goes in a circle.
        let mut above = key.parent.as_ref();
        let mut steps = 0;
        while let Some(parent) = above {
            steps += 1;
            if steps > MAX_DEPTH || *parent == key.id {
                return Err(format!("that it stands under itself, or under more than {MAX_DEPTH} others"));
            }
            above = self.get(parent).and_then(|parent| parent.parent.as_ref());
        }
        Ok(())
    }
}

/// Keys between a key and its root at most.
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests;
