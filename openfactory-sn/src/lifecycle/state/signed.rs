//! What a key has signed, and what runs it: read from the state store.

use std::collections::BTreeMap;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;

use super::super::entity::{Entity, EntityKey, EntityKind};
use super::super::id::{BuildId, DeviceId, FleetId};
use super::{StateError, StateStore};

/// Entities read at a time.
const PAGE: usize = 500;

/// A build whose document a key has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedBuild {
    /// The build's fleet.
    pub fleet: FleetId,
    /// The digest of the build's document.
    pub document_digest: Sha256Digest,
    /// Devices that run it.
    pub devices: Vec<DeviceId>,
}

/// All builds whose documents a key has signed.
pub type SignedBuilds = BTreeMap<BuildId, SignedBuild>;

/// What the key has signed, as far as the store knows.
///
/// # Errors
/// The store's own.
pub async fn by_key(store: &dyn StateStore, key: &KeyId) -> Result<SignedBuilds, StateError> {
    let mut uses = SignedBuilds::new();
    each(store, EntityKind::Build, |id, entity| {
        if let (EntityKey::Build(id), Entity::Build(build)) = (id, entity)
            && build.signed_by == Some(*key)
            && let Some(document_digest) = build.document_digest
        {
            uses.insert(id, SignedBuild { fleet: build.fleet, document_digest, devices: Vec::new() });
        }
    })
    .await?;
    each(store, EntityKind::Device, |id, entity| {
        if let (EntityKey::Device(id), Entity::Device(device)) = (id, entity)
            && let Some(used) = uses.get_mut(&device.build_id)
        {
            used.devices.push(id);
        }
    })
    .await?;
    Ok(uses)
}

async fn each(
    store: &dyn StateStore,
    kind: EntityKind,
    mut take: impl FnMut(EntityKey, Entity),
) -> Result<(), StateError> {
    let mut after = None;
    loop {
        let page = store.list(kind, after.as_ref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for (key, versioned) in page {
            take(key, versioned.value);
        }
    }
}
