//! One entry of a list.

use std::borrow::Cow;
use std::ops::Range;

use crate::tpm::{Bank, PcrValue};

use super::error::EntryError;
use super::template::{Field, Template};

/// Bytes that the name has in what is hashed for the template `ima` (`IMA_EVENT_NAME_LEN_MAX + 1`).
const OLD_NAME: usize = 256;

/// What a digest in an entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestType {
    /// The file's content.
    Content,
    /// The file's fs-verity structure.
    Verity,
}

/// The digest of a file or buffer, as an entry has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileDigest<'a> {
    /// What it is of.
    pub of: DigestType,
    /// The kernel's name of the algorithm: `sha256`, say. `sha1` for the template `ima`, where MD5 is padded to it.
    pub algorithm: &'a str,
    /// The digest itself.
    pub bytes: &'a [u8],
}

/// One entry: a file, or something else that was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pcr: u8,
    digest: PcrValue,
    template: Template,
    /// The fields' bytes as they are hashed, each after its length; without lengths for the template `ima`.
    data: Vec<u8>,
    fields: Vec<Range<usize>>,
}

impl Event {
    /// An entry whose data are checked here; `data` as [`Self::data`] has them.
    pub(super) fn new(
        pcr: u8,
        digest: PcrValue,
        template: Template,
        data: Vec<u8>,
    ) -> Result<Self, EntryError> {
        let mut fields = Vec::with_capacity(template.fields().len());
        let mut at = 0;
        for field in template.fields() {
            let what = field.name();
            let begin = if template.is_old() { at } else { at + 4 };
            let len = match field {
                Field::D if template.is_old() => Bank::Sha1.digest_len(),
                _ if template.is_old() => data.len().saturating_sub(at),
                _ => {
                    let len = data.get(at..begin).and_then(|bytes| bytes.try_into().ok());
                    u32::from_le_bytes(len.ok_or(EntryError::CutOff { what })?) as usize
                }
            };
            let end = begin.saturating_add(len);
            if end > data.len() {
                return Err(EntryError::CutOff { what });
            }
            fields.push(begin..end);
            at = end;
        }
        if at != data.len() {
            return Err(EntryError::Trailing);
        }
        let event = Self { pcr, digest, template, data, fields };
        event.check()?;
        Ok(event)
    }

    fn check(&self) -> Result<(), EntryError> {
        let old = self.template.is_old();
        for (field, bytes) in self.fields() {
            let good = match field {
                Field::D => bytes.len() == Bank::Sha1.digest_len(),
                Field::DNg | Field::DNgV2 => digest(field, bytes).is_some(),
                Field::N if old => bytes.len() < OLD_NAME && !bytes.contains(&0),
                Field::N | Field::NNg => matches!(bytes, [name @ .., 0] if !name.contains(&0)),
                Field::DModsig => bytes.is_empty() || digest(field, bytes).is_some(),
                _ => true,
            };
            if !good {
                return Err(EntryError::Field { field: field.name() });
            }
        }
        Ok(())
    }

    /// The PCR that it was extended into.
    #[must_use]
    pub const fn pcr(&self) -> u8 {
        self.pcr
    }

    /// The template digest that stands in the list; whether it is the entry's says [`digest_holds`](Self::digest_holds).
    #[must_use]
    pub const fn digest(&self) -> &PcrValue {
        &self.digest
    }

    /// Which fields it has.
    #[must_use]
    pub const fn template(&self) -> &Template {
        &self.template
    }

    /// The fields with their bytes.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &[u8])> {
        let bytes = self.fields.iter().map(|range| self.data.get(range.clone()).unwrap_or_default());
        self.template.fields().iter().copied().zip(bytes)
    }

    /// The bytes of a field; `None` if the template has it not.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<&[u8]> {
        self.fields().find(|(it, _)| *it == field).map(|(_, bytes)| bytes)
    }

    /// What it was called when it was measured: a path mostly, as bytes. The kernel wrote `_` for each space.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let name = self.field(Field::NNg).or_else(|| self.field(Field::N)).unwrap_or_default();
        name.strip_suffix(&[0]).unwrap_or(name)
    }

    /// The digest of what was measured; `None` if the template has none.
    #[must_use]
    pub fn file_digest(&self) -> Option<FileDigest<'_>> {
        self.fields().find_map(|(field, bytes)| match field {
            Field::D | Field::DNg | Field::DNgV2 => digest(field, bytes),
            _ => None,
        })
    }

    /// Whether it is a violation: a file that was read and written at once. Nothing is known of its content.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        self.digest.is_zero()
    }

    /// What is hashed of it.
    fn hashed(&self) -> Cow<'_, [u8]> {
        if !self.template.is_old() {
            return Cow::Borrowed(&self.data);
        }
        let mut data = self.data.clone();
        data.resize(Bank::Sha1.digest_len() + OLD_NAME, 0);
        Cow::Owned(data)
    }

    /// The template digest in a bank: what a PCR of it is extended by. All bits set for a violation.
    #[must_use]
    pub fn digest_in(&self, bank: Bank) -> PcrValue {
        if self.is_violation() { PcrValue::ones(bank) } else { PcrValue::hash(bank, &[&self.hashed()]) }
    }

    /// Whether the template digest in the list is that of the entry's data. A violation has none.
    #[must_use]
    pub fn digest_holds(&self) -> bool {
        self.is_violation() || self.digest_in(self.digest.bank()) == self.digest
    }
}

/// A digest after words that end in colons and a zero byte: `sha256:` or `verity:sha256:`.
fn digest(field: Field, bytes: &[u8]) -> Option<FileDigest<'_>> {
    if field == Field::D {
        return Some(FileDigest { of: DigestType::Content, algorithm: "sha1", bytes });
    }
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let words = std::str::from_utf8(bytes.get(..end)?).ok()?.strip_suffix(':')?;
    let bytes = bytes.get(end + 1..)?;
    let (of, algorithm) = match (field, words.split_once(':')) {
        (Field::DNgV2, Some(("ima", algorithm))) => (DigestType::Content, algorithm),
        (Field::DNgV2, Some(("verity", algorithm))) => (DigestType::Verity, algorithm),
        (Field::DNgV2, _) | (_, Some(_)) => return None,
        (_, None) => (DigestType::Content, words),
    };
    let name = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let known = algorithm
        .parse::<Bank>()
        .map_or((16..=64).contains(&bytes.len()), |it| bytes.len() == it.digest_len());
    (!algorithm.is_empty() && algorithm.bytes().all(|byte| name(&byte)) && known).then_some(FileDigest {
        of,
        algorithm,
        bytes,
    })
}
