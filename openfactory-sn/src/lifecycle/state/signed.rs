//! What a key has signed, and what runs it: read from the state store.
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Signer as _};
//! use openfactory_sn::lifecycle::entity::Entity;
//! use openfactory_sn::lifecycle::state::commit::{Commit, Write};
//! use openfactory_sn::lifecycle::state::memory::MemoryStateStore;
//! use openfactory_sn::lifecycle::state::signed::{SignedBuild, by_key};
//! use openfactory_sn::lifecycle::state::StateStore as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (stolen, other) = (*Ed25519Key::generate()?.key_id(), *Ed25519Key::generate()?.key_id());
//! let (store, mut commit) = (MemoryStateStore::new(), Commit::new("e-1".parse()?));
//! for (build, key) in [("b-1", stolen), ("b-2", other)] {
//! #   let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
//! #   let document = serde_json::json!({"kind": "build", "format": 1, "data": {
//! #       "fleet": "line-7", "change_request": "6b566b0977684da34ed046d34287f7ec", "stage": "verified",
//! #       "root_hash": hex, "manifest_digest": hex, "document_digest": hex, "signed_by": key,
//! #   }}).to_string();
//!     commit.writes.push(Write::new(format!("build/{build}").parse()?, 0, Entity::parse_document(&document)?));
//! }
//! store.commit(&commit).await?;
//!
//! // What has to be held when the key is stolen.
//! let uses = by_key(&store, &stolen).await?;
//! let touched: Vec<&str> = uses.keys().map(|build| build.as_str()).collect();
//! assert_eq!(touched, ["b-1"]);
//! assert!(uses.values().all(|build: &SignedBuild| build.fleet.as_str() == "line-7" && build.devices.is_empty()));
//! # Ok(())
//! # }
//! ```

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
