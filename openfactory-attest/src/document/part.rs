//! What a verification document says of each artifact.

use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::DocumentError;
use crate::digest::{Sha256, Sha256Digest};
use crate::manifest::{Manifest, StructureError};
use crate::read_at::ReadAt;
use crate::verity::{Algorithm, BlockSize, HashType, Params, RootHash, Salt, Tree, Uuid};

/// A file by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileDigest {
    /// In bytes.
    pub size: u64,
    /// SHA-256 of all bytes.
    pub sha256: Sha256Digest,
}

impl FileDigest {
    /// A file of this size and digest.
    #[must_use]
    pub const fn new(size: u64, sha256: Sha256Digest) -> Self {
        Self { size, sha256 }
    }

    /// The file that has these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(bytes.len() as u64, Sha256Digest::of(bytes))
    }

    /// The file that has the bytes of this device, which are read.
    ///
    /// # Errors
    /// The device's own.
    pub fn of_device<D: ReadAt + ?Sized>(device: &D) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        device.copy_to(&mut hasher)?;
        Ok(Self::new(hasher.len(), hasher.digest()))
    }
}

/// A named file by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NamedDigest {
    /// The file's name, without directories.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of all bytes.
    pub sha256: Sha256Digest,
}

impl NamedDigest {
    /// A file of this name and digest.
    pub fn new(name: impl Into<String>, file: FileDigest) -> Self {
        Self { name: name.into(), size: file.size, sha256: file.sha256 }
    }

    /// The file without its name.
    #[must_use]
    pub const fn file(&self) -> FileDigest {
        FileDigest::new(self.size, self.sha256)
    }
}

/// The image as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageFile {
    /// Its name, without directories.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of all bytes.
    pub sha256: Sha256Digest,
}

impl ImageFile {
    /// An image of this name and digest.
    pub fn new(name: impl Into<String>, file: FileDigest) -> Self {
        Self { name: name.into(), size: file.size, sha256: file.sha256 }
    }
}

/// The image that the image is shipped in: an ISO image, with the squashfs in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Container {
    /// Its name, without directories.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of all bytes.
    pub sha256: Sha256Digest,
    /// Where the image is in it: `live/filesystem.squashfs`.
    pub path: String,
}

impl Container {
    /// A container of this name and digest, with the image at this path.
    pub fn new(name: impl Into<String>, file: FileDigest, path: impl Into<String>) -> Self {
        Self { name: name.into(), size: file.size, sha256: file.sha256, path: path.into() }
    }
}

/// The hash device as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HashArea {
    /// In bytes, superblock included.
    pub size: u64,
    /// SHA-256 of all bytes.
    pub sha256: Sha256Digest,
}

/// The image as a dm-verity device: the root hash and every parameter it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VerityTree {
    /// 1: the salt is hashed before each block.
    pub hash_type: u32,
    /// `sha256`.
    pub algorithm: String,
    /// In bytes.
    pub data_block_size: u32,
    /// In bytes.
    pub hash_block_size: u32,
    /// Blocks of the image that the tree covers; all of them.
    pub data_blocks: u64,
    /// Lower-case hex; `-` for none.
    pub salt: String,
    /// The UUID in the superblock.
    pub uuid: String,
    /// The root hash.
    pub root_hash: Sha256Digest,
    /// The hash device as a file.
    pub hash_area: HashArea,
}

impl VerityTree {
    /// What is to be signed of a tree and its hash device's bytes.
    ///
    /// # Errors
    /// [`DocumentError::Verity`] for a tree that is not of hash type 1 with SHA-256 at the start of a hash device of its
    /// own: others are for images that were made elsewhere.
    pub fn new(tree: &Tree, hash_area: FileDigest) -> Result<Self, DocumentError> {
        let params = tree.params();
        let usual =
            params.hash_type() == HashType::Normal && params.has_superblock() && params.hash_offset() == 0;
        let root_hash = tree.root_hash().sha256().filter(|_| usual).ok_or_else(|| DocumentError::Verity {
            reason: "a document is for a tree of hash type 1 with sha256, at the start of a hash device, with a superblock"
                .to_owned(),
        })?;
        Ok(Self {
            hash_type: HashType::Normal.number(),
            algorithm: Algorithm::Sha256.to_string(),
            data_block_size: params.data_block_size().get(),
            hash_block_size: params.hash_block_size().get(),
            data_blocks: tree.data_blocks(),
            salt: params.salt().to_string(),
            uuid: params.uuid().to_string(),
            root_hash,
            hash_area: HashArea { size: hash_area.size, sha256: hash_area.sha256 },
        })
    }

    /// Parameters that follow from the image alone: blocks of 4,096 bytes, salt and UUID derived from its SHA-256, so
    /// that the same image always has the same root hash.
    ///
    /// Salt is SHA-256 over `openfactory/verity-salt/v1`, a zero byte and the 32 bytes of the image's digest; the
    /// UUID's 16 bytes begin such a hash over `openfactory/verity-uuid/v1`, made a version 4 UUID.
    #[must_use]
    pub fn params_for(image: &Sha256Digest) -> Params {
        let derive = |label: &str| Sha256Digest::of(&[label.as_bytes(), &[0], image.as_bytes()].concat());
        let mut uuid = [0; 16];
        uuid.copy_from_slice(derive("openfactory/verity-uuid/v1").as_bytes().split_at(16).0);
        // 32 bytes are less than the longest salt.
        let salt = Salt::new(*derive("openfactory/verity-salt/v1").as_bytes()).unwrap_or_default();
        Params::new(Uuid::from_random(uuid)).with_salt(salt)
    }

    /// The tree to check an image against.
    ///
    /// # Errors
    /// Says what of the parameters is not known or not possible.
    pub(crate) fn tree(&self) -> Result<Tree, String> {
        if self.hash_type != 1 || self.algorithm != "sha256" {
            return Err(format!(
                "hash type {} with {}; type 1 with sha256 is known",
                self.hash_type, self.algorithm
            ));
        }
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let block_size = |bytes| BlockSize::new(bytes).map_err(|error| text(&error));
        let params = Params::new(self.uuid.parse().map_err(|error| text(&error))?)
            .with_data_block_size(block_size(self.data_block_size)?)
            .with_hash_block_size(block_size(self.hash_block_size)?)
            .with_salt(self.salt.parse().map_err(|error| text(&error))?);
        Tree::new(params, self.data_blocks, RootHash::new(self.root_hash)).map_err(|error| text(&error))
    }
}

/// The per-file manifest of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ManifestDigest {
    /// [`Self::JSON`].
    pub format: String,
    /// SHA-256 of the manifest in that format.
    pub sha256: Sha256Digest,
    /// Entries in the manifest.
    pub entries: u64,
}

impl ManifestDigest {
    /// The canonical JSON of [`Manifest`](crate::Manifest).
    pub const JSON: &'static str = "openfactory-manifest-json";

    /// This manifest.
    ///
    /// # Errors
    /// [`StructureError`] where it has no JSON form.
    pub fn of(manifest: &Manifest) -> Result<Self, StructureError> {
        Ok(Self::json(manifest.digest()?, manifest.entries().len() as u64))
    }

    /// A manifest in canonical JSON, of this digest and as many entries.
    #[must_use]
    pub fn json(sha256: Sha256Digest, entries: u64) -> Self {
        Self { format: Self::JSON.to_owned(), sha256, entries }
    }
}

/// Who built the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Builder {
    /// The builder's identity, a URI or a host's name.
    pub id: String,
}

impl Builder {
    /// The builder of this identity.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

/// The signature as 21 CFR 11.50 wants it to be read: who, when, meaning what. Signed like everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Signature {
    /// The signer's printed name.
    pub name: String,
    /// What is meant by signing, such as `build verified`.
    pub meaning: String,
    /// When it was signed, as the signer says. No proof of time: that is the audit log's affair.
    #[serde(with = "crate::instant")]
    pub time: SystemTime,
}

impl Signature {
    /// Signed by this person or service, meaning this, at this time.
    pub fn new(name: impl Into<String>, meaning: impl Into<String>, time: SystemTime) -> Self {
        Self { name: name.into(), meaning: meaning.into(), time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_parameters_are_frozen() {
        let params = VerityTree::params_for(&Sha256Digest::of(b"image"));
        assert_eq!(
            params.salt().to_string(),
            "3acc4d6e5275a4bf6145ec2e2c0ced6bc1440ded97d403dd0b2a3cff22ed0f01"
        );
        assert_eq!(params.uuid().to_string(), "a0012bcc-a8a4-44de-abbb-830aea8012b1");
    }
}
