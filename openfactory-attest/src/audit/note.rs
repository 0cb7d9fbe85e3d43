//! Signed notes (c2sp.org/signed-note): text, a blank line, and lines of signatures.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::vkey::NamedKey;
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
pub struct VerifierKey(NamedKey<ED25519>);

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
    /// The key is for signatures of another type.
    #[error("the verifier key is for signatures of type {found:#04x}, not {expected:#04x}")]
    Type {
        /// The type that was asked for: 0x01 signs notes, 0x04 cosigns checkpoints.
        expected: u8,
        /// The type in the key.
        found: u8,
    },
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
        NamedKey::new(name, key).map(Self)
    }

    /// The name; for an audit log its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.0.key
    }
}

impl VerifierKey {
    pub(super) const fn named(&self) -> &NamedKey<ED25519> {
        &self.0
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for VerifierKey {
    type Err = ParseVerifierKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NamedKey::parse(text).map(Self)
    }
}

/// Signs a text, which ends with a newline and has no blank line at its end.
pub(super) fn sign(text: &str, key: &VerifierKey, signer: &dyn Signer) -> Result<String, SignError> {
    let signature = signer.sign(text.as_bytes())?;
    Ok(format!("{text}\n{}", key.0.line(&signature)))
}

/// The text of a note that this key signed, with its newline at the end.
pub(super) fn open<'n>(note: &'n [u8], key: &VerifierKey) -> Result<&'n str, NoteError> {
    let (note, VerifierKey(key)) = (Note::parse(note)?, key);
    let mut signed = false;
    for signature in note.by(key) {
        if signed || key.key.verify(note.text.as_bytes(), &signature.bytes).is_err() {
            return Err(NoteError::BadSignature { name: key.name.clone() });
        }
        signed = true;
    }
    if signed { Ok(note.text) } else { Err(NoteError::NotSigned { name: key.name.clone() }) }
}

/// A note that was read; who signed it has not been looked at.
pub(super) struct Note<'n> {
    /// With its newline at the end.
    pub(super) text: &'n str,
    pub(super) signatures: Vec<NoteSignature<'n>>,
}

/// One line of a note's signatures.
pub(super) struct NoteSignature<'n> {
    /// The line, without its newline.
    pub(super) line: &'n str,
    name: &'n str,
    id: [u8; 4],
    pub(super) bytes: Vec<u8>,
}

impl<'n> Note<'n> {
    pub(super) fn parse(note: &'n [u8]) -> Result<Self, NoteError> {
        let malformed = |reason| NoteError::Malformed { reason };
        if note.len() > MAX_NOTE {
            return Err(malformed("it is too long"));
        }
        let note = std::str::from_utf8(note).map_err(|_| malformed("it is not UTF-8"))?;
        if note.contains(|c: char| c.is_control() && c != '\n') {
            return Err(malformed("it has control characters"));
        }
        let split =
            note.rfind("\n\n").ok_or_else(|| malformed("it has no blank line before the signatures"))?;
        let (text, signatures) = note.split_at(split + 1);
        let signatures = signatures.strip_prefix('\n').unwrap_or_default();
        Ok(Self { text, signatures: NoteSignature::parse_lines(signatures)? })
    }

    /// The signatures that are said to be by this key.
    pub(super) fn by<const TYPE: u8>(
        &self,
        key: &NamedKey<TYPE>,
    ) -> impl Iterator<Item = &NoteSignature<'n>> {
        self.signatures.iter().filter(|signature| signature.is_by(key))
    }
}

impl<'n> NoteSignature<'n> {
    /// Lines of signatures, each ended by a newline; there is at least one.
    pub(super) fn parse_lines(lines: &'n str) -> Result<Vec<Self>, NoteError> {
        let malformed = |reason| NoteError::Malformed { reason };
        let lines = lines.strip_suffix('\n').ok_or_else(|| malformed("it does not end with a newline"))?;
        let parse = |line: &'n str| {
            let fields = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
            let (name, signature) = fields.ok_or_else(|| malformed("a signature line has another form"))?;
            let bytes = STANDARD.decode(signature).map_err(|_| malformed("a signature is not base64"))?;
            let (id, bytes) =
                bytes.split_first_chunk().ok_or_else(|| malformed("a signature is too short"))?;
            Ok(Self { line, name, id: *id, bytes: bytes.to_vec() })
        };
        lines.split('\n').map(parse).collect()
    }

    pub(super) fn is_by<const TYPE: u8>(&self, key: &NamedKey<TYPE>) -> bool {
        self.name == key.name && self.id == key.id
    }
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
        let other = ParseVerifierKeyError::Type { expected: 0x01, found: 0x05 };
        assert_eq!(parse(&VKEY.replace("Aeky", "Beky")), other);
        assert_eq!(parse("a+00000000+AQAA"), ParseVerifierKeyError::Key);
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
