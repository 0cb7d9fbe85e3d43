//! What guards a device's image, block by block.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// How it was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum VerityProof {
    /// The kernel's dm-verity target serves the root file system and checks every block that is read
    /// (Documentation/admin-guide/device-mapper/verity.rst).
    Kernel,
    /// The agent hashed the slot's image against its hash tree.
    File,
}

/// Whether the device's image is the one with the signed dm-verity root hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum VerityState {
    /// It is.
    Proved {
        /// The root hash under which it was checked.
        root_hash: Sha256Digest,
        /// How.
        by: VerityProof,
    },
    /// It is not: a block differs, or another root hash is in force.
    Broken {
        /// The root hash that was found in force, or against which it was checked.
        root_hash: Sha256Digest,
        /// How.
        by: VerityProof,
        /// What differs, for a person.
        reason: String,
    },
    /// Nobody could look. Says nothing about the image.
    NotChecked {
        /// What stood in the way.
        reason: String,
    },
}

impl VerityState {
    /// The root hash that is proved to be in force.
    #[must_use]
    pub const fn proved(&self) -> Option<&Sha256Digest> {
        match self {
            Self::Proved { root_hash, .. } => Some(root_hash),
            Self::Broken { .. } | Self::NotChecked { .. } => None,
        }
    }
}
