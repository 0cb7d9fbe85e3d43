//! Snapshots in the stream of snapshots: written in parts, read back whole or not at all.

use std::fmt::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::command::Chunks;
use super::link::Link;
use super::snapshot::Snapshot;
use super::streams::Stream;
use crate::error::{Error, ErrorKind};

/// Each part has so many bytes, the last one less.
const PART: usize = 256 * 1024;

/// A snapshot has at most so many parts: 1 GiB.
const MAX_PARTS: usize = 4096;

pub(super) async fn write(
    link: &Link,
    operation: &'static str,
    snapshot: &Snapshot,
) -> Result<Chunks, Error> {
    let bytes = serde_json::to_vec(snapshot).map(Bytes::from).map_err(|source| {
        Error::new(ErrorKind::Other, operation, "the state can't be written").with_source(source)
    })?;
    if bytes.len() > PART * MAX_PARTS {
        let detail = format!("a snapshot of {} bytes is over the limit", bytes.len());
        return Err(Error::new(ErrorKind::Full, operation, detail));
    }
    let mut parts = Vec::new();
    for start in (0..bytes.len()).step_by(PART) {
        let part = bytes.slice(start..bytes.len().min(start + PART));
        parts.push(link.put(operation, Stream::Snapshots, 0, part).await?);
    }
    Ok(Chunks { parts, sha256: digest(&bytes) })
}

/// None if a part is gone or is not what was written.
pub(super) async fn read(
    link: &Link,
    operation: &'static str,
    chunks: &Chunks,
) -> Result<Option<Snapshot>, Error> {
    if chunks.parts.len() > MAX_PARTS {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for &part in &chunks.parts {
        let got = link.patiently(operation, || link.get(Stream::Snapshots, part)).await?;
        let Some(message) = got else { return Ok(None) };
        bytes.extend_from_slice(&message.payload);
    }
    if digest(&bytes) != chunks.sha256 {
        return Ok(None);
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|source| {
        Error::new(ErrorKind::Corrupt, operation, "the last snapshot can't be read").with_source(source)
    })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
