//! What an inventory is of.

use crate::digest::{Sha256, Sha256Digest};
use crate::document::{Container, ImageFile};
use crate::verity::RootHash;

/// What an inventory is of: an image or a tree, by name and digest.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) digest: Sha256Digest,
    pub(super) root_hash: Option<String>,
    pub(super) container: Option<Container>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Tree,
}

impl Subject {
    /// An image, with the SHA-256 of its bytes.
    #[must_use]
    pub fn image(image: &ImageFile) -> Self {
        Self {
            name: image.name.clone(),
            kind: Kind::Image,
            digest: image.sha256,
            root_hash: None,
            container: None,
        }
    }

    /// A directory tree, with the digest of its manifest ([`Manifest::digest`](crate::Manifest::digest)).
    #[must_use]
    pub fn tree(name: impl Into<String>, manifest: Sha256Digest) -> Self {
        Self { name: name.into(), kind: Kind::Tree, digest: manifest, root_hash: None, container: None }
    }

    /// Names the image's dm-verity root hash too.
    #[must_use]
    pub fn with_root_hash(self, root_hash: &RootHash) -> Self {
        Self { root_hash: Some(root_hash.to_string()), ..self }
    }

    /// Names the ISO image that it is shipped in.
    #[must_use]
    pub fn with_container(self, container: &Container) -> Self {
        Self { container: Some(container.clone()), ..self }
    }

    /// A UUID of version 8 (RFC 9562) for a document of this form: the first 122 free bits of a SHA-256 over the form,
    /// what the digest is of, and the digest.
    pub(super) fn uuid(&self, form: &str) -> uuid::Uuid {
        let mut hasher = Sha256::new();
        hasher.update(b"openfactory.tech/attest/sbom/");
        hasher.update(form.as_bytes());
        hasher.update(match self.kind {
            Kind::Image => b"\0image\0".as_slice(),
            Kind::Tree => b"\0tree\0",
        });
        hasher.update(self.digest.as_bytes());
        let mut bytes = [0; 16];
        let digest = hasher.digest();
        bytes.copy_from_slice(digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}
