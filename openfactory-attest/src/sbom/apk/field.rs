//! What the values of fields may be.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::error::ApkError;
use crate::sbom::recorded::Recorded;

/// Bytes of a name, version or architecture.
const MAX_NAME: usize = 256;

/// Bytes of a text for people.
const MAX_TEXT: usize = 4096;

/// One line: a letter, a colon, a value.
#[derive(Clone, Copy)]
pub(super) struct Field<'b> {
    pub(super) line: usize,
    pub(super) letter: char,
    pub(super) value: &'b [u8],
}

impl<'b> Field<'b> {
    pub(super) fn parse(line: usize, bytes: &'b [u8]) -> Result<Self, ApkError> {
        match bytes {
            [letter, b':', value @ ..] if letter.is_ascii_alphabetic() => {
                Ok(Self { line, letter: char::from(*letter), value })
            }
            _ => Err(ApkError::NotAField { line }),
        }
    }

    pub(super) const fn bad_value(&self) -> ApkError {
        ApkError::Value { line: self.line, field: self.letter }
    }

    pub(super) const fn out_of_place(&self) -> ApkError {
        ApkError::Place { line: self.line, field: self.letter }
    }

    /// A name of letters, digits and these.
    pub(super) fn name(&self, others: &[u8]) -> Result<String, ApkError> {
        let may_be = |byte: &u8| byte.is_ascii_alphanumeric() || others.contains(byte);
        if self.value.is_empty() || self.value.len() > MAX_NAME || !self.value.iter().all(may_be) {
            return Err(self.bad_value());
        }
        self.text()
    }

    /// A text in one line; `None` if it is empty.
    pub(super) fn people_text(&self) -> Result<Option<String>, ApkError> {
        let text = self.text()?;
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(self.bad_value());
        }
        Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// `Q1` and 20 bytes in base64, a SHA-1 or the first bytes of a SHA-256; `Q2` and a SHA-256.
    pub(super) fn checksum(&self, is_sha256: bool) -> Result<Recorded, ApkError> {
        let (short, digits) = match self.value {
            [b'Q', b'1', digits @ ..] => (true, digits),
            [b'Q', b'2', digits @ ..] => (false, digits),
            _ => return Err(self.bad_value()),
        };
        let bytes = BASE64_STANDARD.decode(digits).map_err(|_no_base64| self.bad_value())?;
        let recorded = match (short, is_sha256) {
            (true, false) => bytes.try_into().map(Recorded::Sha1),
            (true, true) => bytes.try_into().map(Recorded::Sha256Start),
            (false, _) => bytes.try_into().map(Recorded::Sha256),
        };
        recorded.map_err(|_other_length| self.bad_value())
    }

    fn text(&self) -> Result<String, ApkError> {
        std::str::from_utf8(self.value).map(str::to_owned).map_err(|_not_utf8| self.bad_value())
    }
}
