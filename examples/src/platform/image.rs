//! Stored images: what may be unpacked is what a trusted key has signed, byte for byte.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use openfactory_attest::Work;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::manifest::{Compare, DifferenceKind, Manifest};
use openfactory_attest::squashfs::{ExtractError, SquashfsError, extract};
use openfactory_attest::trust::TrustStore;
use openfactory_attest::verity::{self, Tree};
use openfactory_sn::lifecycle::id::BuildId;

use super::error::{Io as _, LocalError};
use super::slot::ROOTFS;
use crate::write_once::{Part, write_atomically};

/// The image that a slot was filled from.
pub(super) const IMAGE: &str = "image.squashfs";
/// The image's dm-verity hash tree.
pub(super) const HASH_TREE: &str = "image.verity";
/// The signed verification document of what a slot holds.
pub(super) const DOCUMENT: &str = "verification.json";
/// The manifest that the document names.
pub(super) const MANIFEST: &str = "manifest.json";
/// Whose signatures count on the device, and which keys were revoked.
pub(super) const TRUST: &str = "trust.json";

/// A stored image that was just proved to be the signed one.
#[derive(Debug)]
pub(super) struct ProvedImage {
    build: BuildId,
    path: PathBuf,
    file: File,
    document: Vec<u8>,
    trust: Vec<u8>,
    verity: Tree,
    manifest: Manifest,
}

/// Proves document and image, then stores both; the image last, so that a stored image always has its document.
pub(super) fn store(
    images: &Path,
    build: &BuildId,
    image: &Path,
    document: &[u8],
    trust: &TrustStore,
) -> Result<(), LocalError> {
    if is_renewed(images, build, document, trust) {
        return Ok(());
    }
    let signed = read_document(build, document, trust)?;
    let stored = image_path(images, build);
    if matches!(hash(&stored), Ok(found) if found == signed.image.sha256) {
        return Ok(());
    }
    let document_path = document_path(images, build);
    write_atomically(&document_path, document, 0o600).at(&document_path)?;
    // Hashed is what was copied, not what lay there before: the source may change meanwhile.
    let mut part = Part::beside(&stored, 0o644).at(&stored)?;
    File::open(image).and_then(|mut image| io::copy(&mut image, part.file())).at(image)?;
    let found = hash(part.path()).at(&stored)?;
    if found != signed.image.sha256 {
        return Err(LocalError::ImageChanged { build: build.clone(), expected: signed.image.sha256, found });
    }
    part.commit().at(&stored)
}

/// Whether the document was stored before, and was signed anew since: then there is nothing to be stored.
fn is_renewed(images: &Path, build: &BuildId, document: &[u8], trust: &TrustStore) -> bool {
    let Ok(given) = Envelope::parse(document) else { return false };
    let Ok(stored) = fs::read(document_path(images, build)) else { return false };
    read_document(build, &stored, trust)
        .is_ok_and(|stored| stored.replaces.is_some_and(|old| old.document_digest == given.payload_digest()))
}

/// Replaces the document of a stored build by one that was signed anew: about the very same image.
pub(super) fn store_document(
    images: &Path,
    build: &BuildId,
    document: &[u8],
    trust: &TrustStore,
) -> Result<(), LocalError> {
    let anew = read_document(build, document, trust)?;
    let stored = hash(&image_path(images, build)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LocalError::NoImage { build: build.clone() },
        _ => LocalError::Io { path: image_path(images, build), source: error },
    })?;
    if stored != anew.image.sha256 {
        let (expected, found) = (anew.image.sha256, stored);
        return Err(LocalError::ImageChanged { build: build.clone(), expected, found });
    }
    let path = document_path(images, build);
    write_atomically(&path, document, 0o600).at(&path)
}

/// Gives a slot the stored document of the build that it holds, and whose signatures count now.
pub(super) fn push_document(
    images: &Path,
    slot: &Path,
    build: &BuildId,
    digest: &Sha256Digest,
    trust: &TrustStore,
) -> Result<(), LocalError> {
    let path = document_path(images, build);
    let document = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LocalError::NoImage { build: build.clone() },
        _ => LocalError::Io { path: path.clone(), source: error },
    })?;
    read_document(build, &document, trust)?;
    let found = Envelope::parse(&document)
        .map_err(|error| LocalError::Document { build: build.clone(), source: error.into() })?
        .payload_digest();
    if found != *digest {
        return Err(LocalError::OtherDocument { build: build.clone(), expected: *digest, found });
    }
    for (name, bytes) in [(DOCUMENT, &document), (TRUST, &trust.to_json())] {
        let path = slot.join(name);
        write_atomically(&path, bytes, 0o600).at(&path)?;
    }
    Ok(())
}

/// Proves a stored image afresh: signature of the document, SHA-256 of the image, digest of its manifest.
pub(super) fn prove(images: &Path, build: &BuildId, trust: &TrustStore) -> Result<ProvedImage, LocalError> {
    let document = document_path(images, build);
    let missing = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => LocalError::NoImage { build: build.clone() },
        _ => LocalError::Io { path: path.to_owned(), source: error },
    };
    let bytes = fs::read(&document).map_err(|error| missing(&document, error))?;
    let signed = read_document(build, &bytes, trust)?;
    let path = image_path(images, build);
    let file = File::open(&path).map_err(|error| missing(&path, error))?;
    let (found, _length) = Sha256Digest::of_reader(&file).at(&path)?;
    if found != signed.image.sha256 {
        return Err(LocalError::ImageChanged { build: build.clone(), expected: signed.image.sha256, found });
    }
    let manifest =
        Manifest::of_squashfs(&file, &Work::on_all_cores()).map_err(|error| image_error(build, error))?;
    let found = manifest
        .digest()
        .map_err(|source| LocalError::BadImage { build: build.clone(), source: Box::new(source) })?;
    if found != signed.manifest.sha256 {
        let expected = signed.manifest.sha256;
        return Err(LocalError::ManifestDiffers { build: build.clone(), expected, found });
    }
    let verity = signed
        .verity_tree()
        .map_err(|source| LocalError::BadImage { build: build.clone(), source: Box::new(source) })?;
    let (build, trust) = (build.clone(), trust.to_json());
    Ok(ProvedImage { build, path, file, document: bytes, trust, verity, manifest })
}

impl ProvedImage {
    /// Fills a slot: the tree, and beside it what the device's agent checks the tree against.
    pub(super) fn fill(&self, slot: &Path) -> Result<(), LocalError> {
        self.unpack(&slot.join(ROOTFS))?;
        let manifest = self
            .manifest
            .to_json()
            .map_err(|source| LocalError::BadImage { build: self.build.clone(), source: Box::new(source) })?;
        for (name, bytes) in [(DOCUMENT, &self.document), (MANIFEST, &manifest), (TRUST, &self.trust)] {
            let path = slot.join(name);
            write_atomically(&path, bytes, 0o600).at(&path)?;
        }
        let image = slot.join(IMAGE);
        // A link where the file system can; the stored image is never written to, only replaced.
        if fs::hard_link(&self.path, &image).is_err() {
            fs::copy(&self.path, &image).at(&image)?;
        }
        self.hash(&slot.join(HASH_TREE))
    }

    /// Writes the hash tree, which must come to the signed root hash.
    fn hash(&self, path: &Path) -> Result<(), LocalError> {
        let bad = |source| LocalError::BadImage { build: self.build.clone(), source };
        let mut out = File::create(path).at(path)?;
        let work = Work::on_all_cores();
        let tree = verity::format(
            &self.file,
            Some(self.verity.data_blocks()),
            &mut out,
            self.verity.params(),
            &work,
        )
        .map_err(|error| bad(error.into()))?;
        if tree.root_hash() != self.verity.root_hash() {
            return Err(bad("its dm-verity root hash is not the signed one".into()));
        }
        Ok(())
    }

    /// Unpacks it to `target`, which must not exist yet, and compares what is there then with its manifest.
    /// Owners are compared when this process is root, for only then they can be set; for the same reason devices
    /// that could not be made are not missed then.
    fn unpack(&self, target: &Path) -> Result<(), LocalError> {
        let build = || self.build.clone();
        let unpacked = extract(&self.file, target).map_err(|error| match error {
            ExtractError::Image(error) => image_error(&self.build, error),
            error => LocalError::Unpack { build: build(), source: Box::new(error) },
        })?;
        let found = Manifest::of_directory(target, &Work::on_all_cores())
            .map_err(|source| LocalError::Unpack { build: build(), source: Box::new(source) })?;
        let compare = Compare::content().ownership(rustix::process::geteuid().is_root());
        let mut differences = self.manifest.diff(&found, &compare);
        differences.retain(|difference| {
            difference.kind != DifferenceKind::Removed || !unpacked.skipped.contains(&difference.path)
        });
        match differences.first() {
            None => Ok(()),
            Some(first) => Err(LocalError::TreeDiffers {
                build: build(),
                count: differences.len(),
                first: format!("{} ({})", first.path, first.kind.name()),
            }),
        }
    }
}

/// A disk that can't be read may be readable later; an image that makes no sense never does.
fn image_error(build: &BuildId, error: SquashfsError) -> LocalError {
    let build = build.clone();
    match error {
        SquashfsError::Read { .. } => LocalError::Unpack { build, source: Box::new(error) },
        _ => LocalError::BadImage { build, source: Box::new(error) },
    }
}

fn read_document(
    build: &BuildId,
    bytes: &[u8],
    trust: &TrustStore,
) -> Result<VerificationDocument, LocalError> {
    let refused = |source| LocalError::Document { build: build.clone(), source };
    let envelope = Envelope::parse(bytes).map_err(|error| refused(error.into()))?;
    let document =
        VerificationDocument::open(&envelope, trust).map_err(|error| refused(error.into()))?.into_inner();
    if document.build_id != build.as_str() {
        return Err(LocalError::OtherBuild { build: build.clone(), found: document.build_id });
    }
    Ok(document)
}

fn hash(path: &Path) -> io::Result<Sha256Digest> {
    Ok(Sha256Digest::of_reader(File::open(path)?)?.0)
}

fn image_path(images: &Path, build: &BuildId) -> PathBuf {
    images.join(format!("{build}.squashfs"))
}

fn document_path(images: &Path, build: &BuildId) -> PathBuf {
    images.join(format!("{build}.verification.json"))
}
