//! Signed notes (c2sp.org/signed-note): text, a blank line, and lines of signatures.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Sha256Digest;
use crate::key::{PublicKey, SignError, Signer};

/// The signature type of plain Ed25519.
const ED25519: u8 = 0x01;

/// Bytes of a note at most.
const MAX_NOTE: usize = 64 * 1024;

/// Who signs notes: a name and an Ed25519 key, written `name+hash+base64` (a *vkey*).
///
/// For an audit log the name is the log's origin.
///
/// ```
/// use openfactory_attest::audit::VerifierKey;
///
/// // The example of c2sp.org/signed-note.
/// let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!((key.name(), key.to_string().as_str()), ("example.com/foo", text));
/// # Ok::<(), openfactory_attest::audit::ParseVerifierKeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: PublicKey,
}

/// Why something is not a verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseVerifierKeyError {
    /// The name is empty, or has a space or a plus in it.
    #[error(
        "{name:?} is no name for a key: it must be there, without spaces, control characters or plus signs"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Not `name+hash+base64`.
    #[error("a verifier key is written name+hash+base64")]
    Shape,
    /// The key is not an Ed25519 key.
    #[error("the verifier key holds no usable Ed25519 public key")]
    Key,
    /// The hash is not that of name and key.
    #[error("the verifier key's hash does not belong to its name and key")]
    Hash,
}

/// Why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It isn't a signed note.
    #[error("not a signed note: {reason}")]
    Malformed {
        /// What it lacks.
        reason: &'static str,
    },
    /// Nobody signed it who was asked for.
    #[error("the note is not signed by {name}")]
    NotSigned {
        /// The key's name.
        name: String,
    },
    /// It says that the key signed it, and the key did not.
    #[error("the signature by {name} does not verify")]
    BadSignature {
        /// The key's name.
        name: String,
    },
}

impl VerifierKey {
    /// A key under a name.
    ///
    /// # Errors
    /// [`ParseVerifierKeyError::Name`] where the name can't be written into a note.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, ParseVerifierKeyError> {
        let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > 200 || name.contains(bad) {
            return Err(ParseVerifierKeyError::Name { name: name.chars().take(200).collect() });
        }
        let material = [name.as_bytes(), &[b'\n', ED25519], &key.to_bytes()].concat();
        let [a, b, c, d, ..] = *Sha256Digest::of(&material).as_bytes();
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], key })
    }

    /// The name; for an audit log its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519][..], &self.key.to_bytes()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id))
    }
}

impl FromStr for VerifierKey {
    type Err = ParseVerifierKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The base64 may hold plus signs, the name may not.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ParseVerifierKeyError::Shape);
        };
        let key = STANDARD.decode(key).map_err(|_| ParseVerifierKeyError::Shape)?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(ParseVerifierKeyError::Key) };
        let key = key.try_into().map_err(|_| ParseVerifierKeyError::Key)?;
        let key = PublicKey::from_bytes(key).map_err(|_| ParseVerifierKeyError::Key)?;
        let verifier = Self::new(name, key)?;
        if id == hex::encode(verifier.id) { Ok(verifier) } else { Err(ParseVerifierKeyError::Hash) }
    }
}

/// Signs a text, which ends with a newline and has no blank line at its end.
pub(super) fn sign(text: &str, key: &VerifierKey, signer: &dyn Signer) -> Result<String, SignError> {
    let signature = signer.sign(text.as_bytes())?;
    let signature = STANDARD.encode([&key.id[..], &signature].concat());
    Ok(format!("{text}\n\u{2014} {} {signature}\n", key.name))
}

/// The text of a note that this key signed, with its newline at the end.
pub(super) fn open<'n>(note: &'n [u8], key: &VerifierKey) -> Result<&'n str, NoteError> {
    let malformed = |reason| NoteError::Malformed { reason };
    if note.len() > MAX_NOTE {
        return Err(malformed("it is too long"));
    }
    let note = std::str::from_utf8(note).map_err(|_| malformed("it is not UTF-8"))?;
    if note.contains(|c: char| c.is_control() && c != '\n') {
        return Err(malformed("it has control characters"));
    }
    let split = note.rfind("\n\n").ok_or_else(|| malformed("it has no blank line before the signatures"))?;
    let (text, signatures) = note.split_at(split + 1);
    let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    let signatures = signatures.ok_or_else(|| malformed("it does not end with a newline"))?;
    let mut signed = false;
    for line in signatures.split('\n') {
        let fields = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
        let (name, signature) = fields.ok_or_else(|| malformed("a signature line has another form"))?;
        let bytes = STANDARD.decode(signature).map_err(|_| malformed("a signature is not base64"))?;
        let (id, signature) =
            bytes.split_at_checked(4).ok_or_else(|| malformed("a signature is too short"))?;
        if name != key.name || id != key.id {
            continue;
        }
        if signed || key.key.verify(text.as_bytes(), signature).is_err() {
            return Err(NoteError::BadSignature { name: key.name.clone() });
        }
        signed = true;
    }
    if signed { Ok(text) } else { Err(NoteError::NotSigned { name: key.name.clone() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Ed25519Key;

    /// The example of c2sp.org/signed-note.
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn signed(text: &str) -> (String, VerifierKey) {
        let signer = Ed25519Key::from_seed(&[3; 32]);
        let key = VerifierKey::new("example.com/log", signer.public_key().clone()).unwrap();
        (sign(text, &key, &signer).unwrap(), key)
    }

    #[test]
    fn verifier_keys_are_checked() {
        assert_eq!(VKEY.parse::<VerifierKey>().unwrap().to_string(), VKEY);
        let parse = |text: &str| text.parse::<VerifierKey>().unwrap_err();
        assert_eq!(parse(""), ParseVerifierKeyError::Shape);
        assert_eq!(parse("a+b"), ParseVerifierKeyError::Shape);
        assert_eq!(parse(&VKEY.replace("530d903a", "530d903b")), ParseVerifierKeyError::Hash);
        assert_eq!(parse(&VKEY.replace("foo", "bar")), ParseVerifierKeyError::Hash);
        assert_eq!(parse(&VKEY.replace("Aeky", "Beky")), ParseVerifierKeyError::Key);
        assert!(matches!(parse(&VKEY.replace("foo", "f o")), ParseVerifierKeyError::Name { .. }));
    }

    #[test]
    fn a_note_opens_by_its_key_only() {
        let (note, key) = signed("line\n\nanother\n");
        assert_eq!(open(note.as_bytes(), &key), Ok("line\n\nanother\n"));
        let stranger: VerifierKey = VKEY.parse().unwrap();
        assert_eq!(
            open(note.as_bytes(), &stranger),
            Err(NoteError::NotSigned { name: "example.com/foo".into() })
        );
    }

    #[test]
    fn unknown_signatures_are_ignored_but_bad_ones_are_not() {
        let (note, key) = signed("line\n");
        let cosigned = format!("{note}\u{2014} witness.example/w AAAAAAAA\n");
        assert_eq!(open(cosigned.as_bytes(), &key), Ok("line\n"));
        let tampered = note.replace("line", "lime");
        assert!(matches!(open(tampered.as_bytes(), &key), Err(NoteError::BadSignature { .. })));
    }

    #[test]
    fn each_flipped_bit_is_seen() {
        let (note, key) = signed("example.com/log\n5\nAAAA\n");
        for bit in 0..note.len() * 8 {
            let mut flipped = note.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&flipped, &key).is_err(), "bit {bit}");
        }
    }
}
