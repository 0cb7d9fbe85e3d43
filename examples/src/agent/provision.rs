//! `agent provision`: the first values of a device's overlay, checked before they are written.
//!
//! The image is proved against its signed document, every value against the policy; only then the values are copied into
//! the empty overlay, and the device is born Unlocked. A signed lock command ends the provisioning: it seals.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_zone2::check::Results;
use openfactory_zone2::lockdown::store::LockdownStore;
use openfactory_zone2::scan::Kind;
use thiserror::Error;

use super::config::AgentConfig;
use super::overlay::Overlay;
use super::read::ReadError;
use super::{AgentError, CheckError, OverlayError, check, read_key};

/// Why a device was not provisioned. Nothing is written then but what the text says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// The agent can't be used as configured.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The configuration names no overlay.
    #[error("the configuration names no [overlay]")]
    NoOverlay,
    /// A file can't be read or written.
    #[error("can't use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The overlay holds something already.
    #[error("the overlay at {path} is not empty: this device was provisioned before")]
    NotEmpty {
        /// The overlay's root.
        path: PathBuf,
    },
    /// The lockdown record can't be begun.
    #[error("the device can't be born")]
    Lockdown(#[from] openfactory_zone2::lockdown::store::StoreError),
}

impl From<CheckError> for ProvisionError {
    fn from(error: CheckError) -> Self {
        Self::Agent(error.into())
    }
}

impl From<OverlayError> for ProvisionError {
    fn from(error: OverlayError) -> Self {
        Self::Agent(error.into())
    }
}

impl From<ReadError> for ProvisionError {
    fn from(error: ReadError) -> Self {
        Self::Agent(CheckError::from(error).into())
    }
}

/// What provisioning came to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Provisioned {
    /// The device is born Unlocked; so many entries were written.
    Done(usize),
    /// The image is not the one that the document names. Nothing was written.
    OtherImage {
        /// What the document names.
        expected: Sha256Digest,
        /// What the image has.
        found: Sha256Digest,
    },
    /// The values break the policy, or could not be checked. Nothing was written.
    BadValues(Results),
}

/// Provisions the device that the configuration describes with the tree of values below `values`.
///
/// # Errors
/// [`ProvisionError`]: it is not known whether the values may be written, or they could not be.
pub fn provision(
    config: &AgentConfig,
    image: &Path,
    values: &Path,
    now: SystemTime,
) -> Result<Provisioned, ProvisionError> {
    let (document, _digest) = check::document(config)?;
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ProvisionError::File { path, source }
    };
    let file = fs::File::open(image).map_err(at(image))?;
    let (found, _size) = Sha256Digest::of_reader(&file).map_err(at(image))?;
    if found != document.image.sha256 {
        return Ok(Provisioned::OtherImage { expected: document.image.sha256, found });
    }
    let device = DeviceId::new(&config.device.id)
        .map_err(|source| AgentError::Device { id: config.device.id.clone(), source: source.into() })?;
    let (key, state) = (read_key(&config.device.key_file)?, &config.state.directory);
    let overlay = Overlay::of(&config.overlay, state, &device, &config.baseline.trust, &key)?
        .ok_or(ProvisionError::NoOverlay)?;
    let (scan, results) = overlay.check(values, &overlay.policy()?, now)?;
    if !results.findings.is_empty() || !results.not_checked.is_empty() {
        return Ok(Provisioned::BadValues(results));
    }
    let root = overlay.root();
    fs::create_dir_all(root).map_err(at(root))?;
    if fs::read_dir(root).map_err(at(root))?.next().is_some() {
        return Err(ProvisionError::NotEmpty { path: root.to_owned() });
    }
    for entry in &scan.entries {
        let (from, to) = (entry.path.below(values), entry.path.below(root));
        match &entry.kind {
            Kind::Directory => fs::create_dir(&to).map_err(at(&to))?,
            Kind::File { .. } => fs::copy(&from, &to).map(drop).map_err(at(&to))?,
            Kind::Symlink { .. } => {
                let target = fs::read_link(&from).map_err(at(&from))?;
                std::os::unix::fs::symlink(target, &to).map_err(at(&to))?;
                continue;
            }
            // The policy allows no others.
            _ => continue,
        }
        fs::set_permissions(&to, fs::Permissions::from_mode(entry.mode)).map_err(at(&to))?;
        let (uid, gid) = (entry.owner.uid, entry.owner.gid);
        std::os::unix::fs::chown(&to, Some(uid), Some(gid)).map_err(at(&to))?;
    }
    fs::create_dir_all(state).map_err(at(state))?;
    LockdownStore::new(state).provision(now)?;
    Ok(Provisioned::Done(scan.entries.len()))
}
