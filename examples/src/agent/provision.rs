//! `agent provision`: the first values of a device's overlay, checked before they are written.
//!
//! The image is proved against its signed document, every value against the policy; only then the values are written into
//! the empty overlay, and the device is born Unlocked. A signed lock command ends the provisioning: it seals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_zone2::check::Results;
use openfactory_zone2::device::Provisioned as Born;
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
    /// A file can't be read.
    #[error("can't use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The overlay can't be filled, or the lockdown record not be begun.
    #[error(transparent)]
    Zone(#[from] openfactory_zone2::device::ProvisionError),
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
    Ok(match overlay.provision(values, state, now)? {
        Born::Born(_record, entries) => Provisioned::Done(entries),
        Born::BadValues(results) => Provisioned::BadValues(results),
    })
}
