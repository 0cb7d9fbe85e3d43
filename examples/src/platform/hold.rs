//! A device's hold: a durable marker that keeps it from everything but attestation and remediation.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use openfactory_sn::lifecycle::id::OrderId;
use serde::{Deserialize, Serialize};

use super::error::{Io as _, LocalError};
use crate::write_once::write_atomically;

/// The marker's file name in the device's directory.
const FILE: &str = "hold.json";

/// Why a device is held, as its marker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hold {
    /// Why, for a person to read.
    pub reason: String,
    /// The order that asked for it.
    pub order: OrderId,
}

/// The device's hold, if it has one.
pub(super) fn read(device: &Path) -> Result<Option<Hold>, LocalError> {
    let path = device.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| LocalError::Damaged { path, source: Box::new(source) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LocalError::Io { path, source }),
    }
}

/// Puts the marker there. A device that is held stays held for the first reason.
pub(super) fn put(device: &Path, hold: &Hold) -> Result<Hold, LocalError> {
    if let Some(held) = read(device)? {
        return Ok(held);
    }
    let path = device.join(FILE);
    let bytes = serde_json::to_vec_pretty(hold)
        .map_err(|source| LocalError::Damaged { path: path.clone(), source: Box::new(source) })?;
    write_atomically(&path, &bytes, 0o600).at(&path)?;
    Ok(hold.clone())
}

/// Takes the marker away; returns what it said.
pub(super) fn remove(device: &Path) -> Result<Option<Hold>, LocalError> {
    let held = read(device)?;
    if held.is_some() {
        let path = device.join(FILE);
        fs::remove_file(&path).at(&path)?;
        File::open(device).and_then(|directory| directory.sync_all()).at(device)?;
    }
    Ok(held)
}
