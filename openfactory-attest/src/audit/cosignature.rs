//! Cosignatures of witnesses under a checkpoint (c2sp.org/tlog-cosignature, Ed25519).
//!
//! A witness has seen a log grow: its cosignature says that, when it was made, this was the largest tree of the log that it
//! knew, and that all earlier ones are its beginning. A log that shows some people other entries than others has to have
//! its witnesses' help.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::note::{Note, NoteError, NoteSignature, ParseVerifierKeyError};
use super::vkey::NamedKey;
use crate::key::{PublicKey, SignError, Signer};

/// The signature type of Ed25519 cosignatures.
const COSIGNATURE: u8 = 0x04;

/// Who cosigns checkpoints: a name and an Ed25519 key, written `name+hash+base64` (a *vkey* of type 0x04).
///
/// The key signs nothing but cosignatures, and those under one name only.
///
/// ```
/// use openfactory_attest::audit::WitnessKey;
/// use openfactory_attest::{Ed25519Key, Signer};
///
/// let signer = Ed25519Key::generate()?;
/// let key = WitnessKey::new("witness.example.com/w1", signer.public_key().clone())?;
/// assert_eq!(key.to_string().parse(), Ok(key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey(NamedKey<COSIGNATURE>);

/// A cosignature that is its witness's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cosignature {
    /// The witness's name.
    pub witness: String,
    /// When it was made, as the witness says: whole seconds.
    pub time: SystemTime,
}

/// Why cosignatures were not added to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddCosignatureError {
    /// The checkpoint or the cosignatures are malformed, or one of a known witness does not verify.
    #[error("the cosignatures are not added")]
    Note(#[source] NoteError),
    /// None of them is by a known witness.
    #[error("none of the cosignatures is by a witness that is known")]
    Unknown,
}

impl WitnessKey {
    /// A key under a name.
    ///
    /// # Errors
    /// [`ParseVerifierKeyError::Name`] where the name can't be written into a note.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, ParseVerifierKeyError> {
        NamedKey::new(name, key).map(Self)
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.0.key
    }

    /// When this witness cosigned the text, if the signature is its own.
    fn verify(&self, text: &str, signature: &NoteSignature<'_>) -> Result<Cosignature, NoteError> {
        let bad = || NoteError::BadSignature { name: self.name().to_owned() };
        let (seconds, signature) = signature.bytes.split_first_chunk().ok_or_else(bad)?;
        let seconds = u64::from_be_bytes(*seconds);
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let time = time.filter(|_| i64::try_from(seconds).is_ok()).ok_or_else(bad)?;
        self.0.key.verify(message(text, seconds).as_bytes(), signature).map_err(|_| bad())?;
        Ok(Cosignature { witness: self.name().to_owned(), time })
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WitnessKey {
    type Err = ParseVerifierKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NamedKey::parse(text).map(Self)
    }
}

/// What is signed: the time, and the checkpoint's text.
fn message(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// Cosigns a checkpoint's text: a signature line, with its newline.
pub(super) fn sign(
    text: &str,
    time: SystemTime,
    key: &WitnessKey,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let signature = signer.sign(message(text, seconds).as_bytes())?;
    Ok(key.0.line(&[&seconds.to_be_bytes()[..], &signature].concat()))
}

/// The cosignatures of these witnesses under a checkpoint, one each, the latest; those of others are ignored. The log's own
/// signature is not looked at ([`Checkpoint::open`](super::Checkpoint::open) does that).
///
/// # Errors
/// [`NoteError`] where it is no signed note, or a cosignature that is said to be by one of them does not verify.
pub fn verify(checkpoint: &[u8], witnesses: &[&WitnessKey]) -> Result<Vec<Cosignature>, NoteError> {
    let note = Note::parse(checkpoint)?;
    let mut found = Vec::new();
    for witness in witnesses {
        let own: Vec<_> =
            note.by(&witness.0).map(|line| witness.verify(note.text, line)).collect::<Result<_, _>>()?;
        found.extend(own.into_iter().max_by_key(|cosignature| cosignature.time));
    }
    Ok(found)
}

/// Adds cosignatures, which come as lines, to a checkpoint: those of these witnesses, once each of them has been verified. One
/// that a witness made before gives way to its new one; lines of others are left out.
///
/// # Errors
/// [`AddCosignatureError`]; then the checkpoint is as good as it was.
pub fn add(checkpoint: &str, lines: &str, witnesses: &[&WitnessKey]) -> Result<String, AddCosignatureError> {
    let note = Note::parse(checkpoint.as_bytes()).map_err(AddCosignatureError::Note)?;
    let lines = NoteSignature::parse_lines(lines).map_err(AddCosignatureError::Note)?;
    let mut added: Vec<(&WitnessKey, &str)> = Vec::new();
    for line in &lines {
        let Some(witness) = witnesses.iter().find(|witness| line.is_by(&witness.0)) else { continue };
        witness.verify(note.text, line).map_err(AddCosignatureError::Note)?;
        added.retain(|(other, _)| other != witness);
        added.push((witness, line.line));
    }
    if added.is_empty() {
        return Err(AddCosignatureError::Unknown);
    }
    let replaced = |line: &&NoteSignature<'_>| added.iter().any(|(witness, _)| line.is_by(&witness.0));
    let kept = note.signatures.iter().filter(|line| !replaced(line)).map(|line| line.line);
    let signatures: String =
        kept.chain(added.iter().map(|(_, line)| *line)).map(|line| format!("{line}\n")).collect();
    Ok(format!("{}\n{signatures}", note.text))
}

#[cfg(test)]
mod tests;
