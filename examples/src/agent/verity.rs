//! Is the image guarded by the root hash that was signed? By the kernel's word, or by hashing the slot's image.

mod kernel;

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use openfactory_attest::Work;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::report::{VerityProof, VerityState};
use openfactory_attest::verity;

use super::config::{VerityConfig, VerityProbe};
use crate::told::told;

use kernel::Kernel;

/// Which file, and in which state: what changes when somebody writes to it or puts another in its place.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

/// What was hashed last. An image that was not touched since is not hashed again.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Option<(Stamp, Stamp, Sha256Digest, VerityState)>>);

/// Looks at what guards the image; nothing if the agent is not to look.
pub(super) fn look(
    config: &VerityConfig,
    root: &Path,
    document: &VerificationDocument,
    work: &Work<'_>,
    cache: &Cache,
) -> Option<VerityState> {
    let not_checked = |reason| VerityState::NotChecked { reason };
    match config.probe {
        VerityProbe::Off => None,
        VerityProbe::Kernel => {
            let signed = &document.verity.root_hash;
            Some(Kernel::system().look(root, signed).unwrap_or_else(not_checked))
        }
        VerityProbe::File => Some(file(config, document, work, cache).unwrap_or_else(not_checked)),
    }
}

fn file(
    config: &VerityConfig,
    document: &VerificationDocument,
    work: &Work<'_>,
    cache: &Cache,
) -> Result<VerityState, String> {
    let set = |path: &Option<PathBuf>, name: &str| path.clone().ok_or(format!("[verity] {name} is not set"));
    let open = |path: &Path| -> Result<(File, Stamp), String> {
        let cant = |error: std::io::Error| format!("can't read {}: {error}", path.display());
        let file = File::open(path).map_err(cant)?;
        let stamp = stamp(&file).map_err(cant)?;
        Ok((file, stamp))
    };
    let (image, image_stamp) = open(&set(&config.image, "image")?)?;
    let (hashes, hashes_stamp) = open(&set(&config.hash_tree, "hash_tree")?)?;
    let root_hash = document.verity.root_hash;
    {
        let known = cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((image, hashes, root, state)) = known.as_ref()
            && (*image, *hashes, *root) == (image_stamp, hashes_stamp, root_hash)
        {
            return Ok(state.clone());
        }
    }
    let tree = document.verity_tree().map_err(|error| told(&error))?;
    let report = verity::verify(&image, &hashes, &tree, work).map_err(|error| told(&error))?;
    let state = match report.findings().first() {
        None => VerityState::Proved { root_hash, by: VerityProof::File },
        Some(first) => VerityState::Broken { root_hash, by: VerityProof::File, reason: first.to_string() },
    };
    *cache.0.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((image_stamp, hashes_stamp, root_hash, state.clone()));
    Ok(state)
}

fn stamp(file: &File) -> std::io::Result<Stamp> {
    let about = file.metadata()?;
    Ok((
        about.dev(),
        about.ino(),
        about.size(),
        (about.mtime(), about.mtime_nsec()),
        (about.ctime(), about.ctime_nsec()),
    ))
}
