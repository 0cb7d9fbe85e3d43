//! The check itself: is this tree what the signed document says was built? Reads only; decides nothing else.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::Work;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::manifest::{Compare, Manifest, ManifestReadError};
use openfactory_attest::report::DeviceReport;
use openfactory_attest::trust::TrustStore;
use thiserror::Error;

use super::config::{AgentConfig, Ownership};
use super::read::{self, ReadError, read};
use super::{services, verity};

/// The most that is read of a document or trust file, in bytes.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;
/// The most that is read of a manifest, in bytes.
const MAX_MANIFEST: u64 = 1024 * 1024 * 1024;

/// Why the device could not be checked. None of this says that it is not what was built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A file can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Where the device's tree is can't be found out.
    #[error("can't find {path}")]
    Find {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Each time that the device was looked at, another image took its place meanwhile.
    #[error("the device's image changed {times} times while it was looked at")]
    Changing {
        /// How often.
        times: u32,
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

/// How often a pass begins again because the device's image was replaced under it.
const ATTEMPTS: u32 = 5;

/// Checks the device's tree against its baseline. `progress` is told bytes done and bytes in all, from any thread.
///
/// Root and baseline may lie behind a link that is switched when the device gets another image. A pass over two images
/// says nothing of either: what they led to in the beginning is looked at, and if they lead elsewhere in the end, the
/// pass begins again.
///
/// # Errors
/// When document, manifest or tree can't be read or don't belong together; see [`CheckError`].
pub(super) fn check(
    config: &AgentConfig,
    now: SystemTime,
    cache: &verity::Cache,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<DeviceReport, CheckError> {
    for _ in 0..ATTEMPTS {
        let resolved = resolved(config)?;
        let report = check_as_it_is(&resolved, now, cache, progress);
        if is_same(&resolved, &self::resolved(config)?) {
            return report;
        }
    }
    Err(CheckError::Changing { times: ATTEMPTS })
}

/// Whom the device trusts.
pub(super) fn trust(path: &Path) -> Result<TrustStore, CheckError> {
    let kept = TrustStore::parse(&read(path, MAX_DOCUMENT)?).map_err(content(path, "trust store"))?;
    kept.as_of(SystemTime::now()).map_err(content(path, "trust store"))
}

/// The same with the places of the image as they are now, links followed.
fn resolved(config: &AgentConfig) -> Result<AgentConfig, CheckError> {
    let mut resolved = config.clone();
    let verity = &mut resolved.verity;
    for path in [&mut resolved.device.root, &mut resolved.baseline.document, &mut resolved.baseline.manifest]
        .into_iter()
        .chain(&mut verity.image)
        .chain(&mut verity.hash_tree)
    {
        let found = path.canonicalize();
        *path = found.map_err(|source| CheckError::Find { path: path.clone(), source })?;
    }
    Ok(resolved)
}

fn is_same(one: &AgentConfig, other: &AgentConfig) -> bool {
    one.device.root == other.device.root
        && one.baseline.document == other.baseline.document
        && one.baseline.manifest == other.baseline.manifest
}

fn check_as_it_is(
    config: &AgentConfig,
    now: SystemTime,
    cache: &verity::Cache,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<DeviceReport, CheckError> {
    let (document, document_digest) = document(config)?;
    let baseline = baseline(config, &document.manifest.sha256)?;
    let root = &config.device.root;
    let work = match NonZeroUsize::new(config.check.threads) {
        Some(threads) => Work::on_threads(threads),
        None => Work::on_all_cores(),
    };
    let verity = verity::look(&config.verity, root, &document, &work, cache);
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
    let mut report =
        DeviceReport::new(&config.device.id, build_id, now, manifest.sha256, checked).with_findings(findings);
    report.document_digest = Some(document_digest);
    report.verity = verity;
    match services::look(&config.services) {
        Ok(services) => report.services = services,
        Err(reason) => report.not_checked.push(format!("services: {reason}")),
    }
    Ok(report)
}

/// The verification document, from a signature that counts, and its digest.
pub(super) fn document(config: &AgentConfig) -> Result<(VerificationDocument, Sha256Digest), CheckError> {
    let trust = trust(&config.baseline.trust)?;
    let path = &config.baseline.document;
    let envelope = Envelope::parse(&read(path, MAX_DOCUMENT)?).map_err(content(path, "signed document"))?;
    let document = VerificationDocument::open(&envelope, &trust)
        .map_err(|source| CheckError::Signature { path: path.clone(), source: Box::new(source) })?;
    Ok((document.into_inner(), envelope.payload_digest()))
}

/// The manifest, if it is the one whose digest was signed.
fn baseline(config: &AgentConfig, expected: &Sha256Digest) -> Result<Manifest, CheckError> {
    let path = &config.baseline.manifest;
    let manifest = Manifest::read_json(read::open(path, MAX_MANIFEST)?).map_err(|error| match error {
        ManifestReadError::Read(source) => ReadError { path: path.clone(), source }.into(),
        ManifestReadError::Parse(error) => content(path, "manifest")(error),
        error => content(path, "manifest")(error),
    })?;
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
