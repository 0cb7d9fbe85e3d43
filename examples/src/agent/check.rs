//! The check itself: is this tree what the signed document says was built? Reads only; decides nothing else.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::Work;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::manifest::{Compare, Manifest};
use openfactory_attest::report::DeviceReport;
use openfactory_attest::trust::TrustStore;
use thiserror::Error;

use super::config::{AgentConfig, Ownership};

/// The most that is read of a document or trust file, in bytes.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;
/// The most that is read of a manifest, in bytes.
const MAX_MANIFEST: u64 = 1024 * 1024 * 1024;

/// Why the device could not be checked. None of this says that it is not what was built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is no {expected}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What its parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document is not signed by a key that counts.
    #[error("the signature of {path} does not count")]
    Signature {
        /// The document's file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The manifest is not the one that the document names.
    #[error("the manifest {path} has digest {found}, the signed document names {expected}")]
    OtherManifest {
        /// The manifest's file.
        path: PathBuf,
        /// What the document says.
        expected: Sha256Digest,
        /// What the file has.
        found: Sha256Digest,
    },
    /// The tree can't be read as a whole.
    #[error("the tree at {root} can't be checked")]
    Tree {
        /// Its root.
        root: PathBuf,
        /// What stood in the way.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Checks the device's tree against its baseline. `progress` is told bytes done and bytes in all, from any thread.
///
/// # Errors
/// When document, manifest or tree can't be read or don't belong together; see [`CheckError`].
pub(super) fn check(
    config: &AgentConfig,
    now: SystemTime,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<DeviceReport, CheckError> {
    let document = document(config)?;
    let baseline = baseline(config, &document.manifest.sha256)?;
    let root = &config.device.root;
    let work = match NonZeroUsize::new(config.check.threads) {
        Some(threads) => Work::on_threads(threads),
        None => Work::on_all_cores(),
    };
    let current = Manifest::of_directory(root, &work.telling(progress))
        .map_err(|source| CheckError::Tree { root: root.clone(), source: Box::new(source) })?;
    let ownership = match config.check.ownership {
        Ownership::Always => true,
        Ownership::Never => false,
        Ownership::AsRoot => rustix::process::geteuid().is_root(),
    };
    let compare = Compare::content().ownership(ownership).mtime(config.check.modification_times);
    let findings = baseline.diff(&current, &compare);
    let VerificationDocument { build_id, manifest, .. } = document;
    let checked = baseline.entries().len() as u64;
    Ok(DeviceReport::new(&config.device.id, build_id, now, manifest.sha256, checked).with_findings(findings))
}

/// The verification document, from a signature that counts.
fn document(config: &AgentConfig) -> Result<VerificationDocument, CheckError> {
    let path = &config.baseline.trust;
    let trust = TrustStore::parse(&read(path, MAX_DOCUMENT)?).map_err(content(path, "trust store"))?;
    let path = &config.baseline.document;
    let envelope = Envelope::parse(&read(path, MAX_DOCUMENT)?).map_err(content(path, "signed document"))?;
    let document = VerificationDocument::open(&envelope, &trust)
        .map_err(|source| CheckError::Signature { path: path.clone(), source: Box::new(source) })?;
    Ok(document.into_inner())
}

/// The manifest, if it is the one whose digest was signed.
fn baseline(config: &AgentConfig, expected: &Sha256Digest) -> Result<Manifest, CheckError> {
    let path = &config.baseline.manifest;
    let manifest = Manifest::parse_json(&read(path, MAX_MANIFEST)?).map_err(content(path, "manifest"))?;
    let found = manifest.digest().map_err(content(path, "manifest"))?;
    if found != *expected {
        return Err(CheckError::OtherManifest { path: path.clone(), expected: *expected, found });
    }
    Ok(manifest)
}

fn content<E>(path: &Path, expected: &'static str) -> impl FnOnce(E) -> CheckError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let path = path.to_owned();
    move |source| CheckError::Content { path, expected, source: Box::new(source) }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, CheckError> {
    let error = |source| CheckError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(error)?;
    if bytes.len() as u64 > limit {
        return Err(error(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"))));
    }
    Ok(bytes)
}
