//! Reading what commands are given, with bounds, and making files that must not be there yet.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::FileDigest;
use openfactory_attest::key::PrivatePem;
use openfactory_attest::recipe::MAX_RECIPE;
use openfactory_attest::statement::is_text;
use openfactory_attest::test_report::{MAX_REPORT, TestReport, TestSummary};
use openfactory_attest::verity::{Params, Superblock};
use openfactory_attest::{BuildRecipe, Ed25519Key, Envelope, TrustStore, envelope, trust};

use zeroize::Zeroizing;

use super::CliError;
use crate::passphrase;
use crate::private_key::{self, PrivateKeyError};
use crate::write_once::Part;

/// Bytes of a file that is small by nature: a key, a certificate, a checkpoint.
const MAX_SMALL: usize = 1 << 20;

/// All of a file, which may have so many bytes.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>, CliError> {
    let cannot_read = |error| CliError::file("read", path, error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot_read)?;
    file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() > max {
        return Err(CliError::new(format!(
            "{} is larger than the {max} bytes that are read",
            path.display()
        )));
    }
    Ok(bytes)
}

/// All of a small file.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, CliError> {
    read(path, MAX_SMALL)
}

pub(crate) fn recipe(path: &Path) -> Result<BuildRecipe, CliError> {
    let bytes = read(path, MAX_RECIPE)?;
    BuildRecipe::parse(&bytes)
        .map_err(|error| CliError::because(format!("{} is no build recipe", path.display()), error))
}

pub(crate) fn private_key(path: &Path) -> Result<Ed25519Key, CliError> {
    private_key::read(path).map_err(|error| match error {
        PrivateKeyError::Key(error) => {
            CliError::because(format!("{} is no private key", path.display()), error)
        }
        other => CliError::file("use the private key in", path, other),
    })
}

/// A private key as it is going to be kept: encrypted, if it is to be, by the passphrase for this file.
pub(crate) fn kept(key: &PrivatePem, encrypted: Option<&Path>) -> Result<Zeroizing<String>, CliError> {
    let Some(file) = encrypted else { return Ok(Zeroizing::new((**key).to_owned())) };
    let passphrase = passphrase::for_new_key(file)
        .map_err(|error| CliError::because("there is no passphrase to encrypt the key with", error))?;
    let encrypted =
        passphrase.encrypt(key).map_err(|error| CliError::because("cannot encrypt the key", error))?;
    Ok(Zeroizing::new(encrypted))
}

/// Whom to trust now.
pub(crate) fn trust(path: &Path) -> Result<TrustStore, CliError> {
    trust_at(path, None)
}

/// Whom to trust at this time, or now. Registered keys have a life, and so has the registry.
pub(crate) fn trust_at(path: &Path, time: Option<SystemTime>) -> Result<TrustStore, CliError> {
    let store = trust_file(path)?.as_of(time.unwrap_or_else(SystemTime::now));
    store.map_err(|error| CliError::file("go by the trust store", path, error))
}

/// A point in time: RFC 3339 in UTC, or a day, which is its beginning.
pub(crate) fn time(text: &str) -> Result<SystemTime, String> {
    let midnight = format!("{text}T00:00:00Z");
    let time = text.parse::<jiff::Timestamp>().or_else(|_none| midnight.parse());
    time.ok()
        .and_then(|time| SystemTime::try_from(time).ok())
        .ok_or_else(|| format!("{text:?} is neither a time in RFC 3339 nor a day"))
}

/// A trust store as it is kept: registered keys count when it was asked for a time.
pub(crate) fn trust_file(path: &Path) -> Result<TrustStore, CliError> {
    let bytes = read(path, trust::MAX_FILE)?;
    TrustStore::parse(&bytes)
        .map_err(|error| CliError::because(format!("{} is no trust store", path.display()), error))
}

pub(crate) fn envelope(path: &Path) -> Result<Envelope, CliError> {
    let bytes = read(path, envelope::MAX_ENVELOPE)?;
    Envelope::parse(&bytes)
        .map_err(|error| CliError::because(format!("{} is no envelope", path.display()), error))
}

/// Size and SHA-256 of a file of any size.
pub(crate) fn measure(path: &Path) -> Result<FileDigest, CliError> {
    let cannot_read = |error| CliError::file("read", path, error);
    let file = File::open(path).map_err(cannot_read)?;
    let (sha256, size) = Sha256Digest::of_reader(file).map_err(cannot_read)?;
    Ok(FileDigest::new(size, sha256))
}

/// Size and SHA-256 of a test report, and what it says of each category, in whichever form it is.
pub(crate) fn test_report(path: &Path) -> Result<(FileDigest, TestSummary), CliError> {
    let bytes = read(path, MAX_REPORT)?;
    let report = TestReport::read(&bytes, None).map_err(|error| {
        let text = format!("{} can't be read as a test report; see `attest tests combine`", path.display());
        CliError::because(text, error)
    })?;
    Ok((FileDigest::of(&bytes), report.summary()))
}

/// The parameters of a hash device, from its superblock.
pub(crate) fn verity_params(path: &Path) -> Result<Params, CliError> {
    let file = File::open(path).map_err(|error| CliError::file("read", path, error))?;
    let superblock =
        Superblock::read(&file).map_err(|error| CliError::file("use the hash device", path, error))?;
    Ok(superblock.params().clone())
}

/// A text that is signed for people to read.
pub(crate) fn text(text: &str) -> Result<String, String> {
    let said = is_text(text).then(|| text.to_owned());
    said.ok_or_else(|| "it has to say something, on one line of at most 1024 bytes".to_owned())
}

/// The last part of a path, which must be text.
pub(crate) fn name(path: &Path) -> Result<String, CliError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| CliError::new(format!("{} has no name that is text", path.display())))
}

/// Makes a file that must not be there yet: all of it, durably, or nothing.
pub(crate) fn create_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    let made = Part::beside(path, mode).and_then(|mut part| {
        part.file().write_all(bytes)?;
        part.commit_new()
    });
    made.map_err(|error| CliError::file("create", path, error))
}
