//! What verifier keys of all types have in common (c2sp.org/signed-note): a name, an id, and `name+hash+base64`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::ParseVerifierKeyError;
use crate::digest::Sha256Digest;
use crate::key::PublicKey;

/// An Ed25519 key under a name, for signatures of type `TYPE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedKey<const TYPE: u8> {
    pub(super) name: String,
    pub(super) id: [u8; 4],
    pub(super) key: PublicKey,
}

impl<const TYPE: u8> NamedKey<TYPE> {
    pub(super) fn new(name: &str, key: PublicKey) -> Result<Self, ParseVerifierKeyError> {
        let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > 200 || name.contains(bad) {
            return Err(ParseVerifierKeyError::Name { name: name.chars().take(200).collect() });
        }
        let material = [name.as_bytes(), &[b'\n', TYPE], &key.to_bytes()].concat();
        let [a, b, c, d, ..] = *Sha256Digest::of(&material).as_bytes();
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], key })
    }

    pub(super) fn parse(text: &str) -> Result<Self, ParseVerifierKeyError> {
        // The base64 may hold plus signs, the name may not.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ParseVerifierKeyError::Shape);
        };
        let key = STANDARD.decode(key).map_err(|_| ParseVerifierKeyError::Shape)?;
        let Some((found, key)) = key.split_first() else { return Err(ParseVerifierKeyError::Key) };
        if *found != TYPE {
            return Err(ParseVerifierKeyError::Type { expected: TYPE, found: *found });
        }
        let key = key.try_into().map_err(|_| ParseVerifierKeyError::Key)?;
        let key = PublicKey::from_bytes(key).map_err(|_| ParseVerifierKeyError::Key)?;
        let named = Self::new(name, key)?;
        if id == hex::encode(named.id) { Ok(named) } else { Err(ParseVerifierKeyError::Hash) }
    }

    /// A signature line over these bytes, with its newline.
    pub(super) fn line(&self, signature: &[u8]) -> String {
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode([&self.id[..], signature].concat()))
    }
}

impl<const TYPE: u8> fmt::Display for NamedKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[TYPE][..], &self.key.to_bytes()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id))
    }
}
