use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;
use serde::{Deserialize, Serialize};

use super::super::id::FleetId;
use super::super::timestamp;
use crate::id::SysId;

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BuildStage {
    /// It was requested.
    Requested,
    /// Its image exists.
    Completed,
    /// Its image was verified and no link of the chain is broken.
    Verified,
    /// Its image was verified and a link of the chain is broken, or nothing was proved.
    Rejected,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Build {
    /// Its fleet.
    pub fleet: FleetId,
    /// Its change request.
    pub change_request: SysId,
    /// How far it has come.
    pub stage: BuildStage,
    /// Its dm-verity root hash, once known.
    pub root_hash: Option<Sha256Digest>,
    /// The digest of its manifest, once verified.
    pub manifest_digest: Option<Sha256Digest>,
    /// The digest of its verification document, once verified.
    pub document_digest: Option<Sha256Digest>,
    /// The key that signed that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<KeyId>,
    /// When it was verified, by its platform's clock: tells which of two builds is the newer one.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<SystemTime>,
}
