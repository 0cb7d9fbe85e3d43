//! The kernel's `ascii_runtime_measurements`.

use std::io::{BufRead as _, BufReader, Read};

use crate::tpm::{Bank, PCRS, PcrValue};

use super::MAX_ENTRY;
use super::error::{EntryError, ImaError};
use super::event::Event;
use super::progress::{Progress, ReadError};
use super::template::{Form, Template};

/// The most bytes of a line: all of an entry in hex.
const MAX_LINE: usize = 2 * MAX_ENTRY;

/// The entries of a list in text, one after another. After an error there is none.
///
/// The binary list says more: a name with a line break in it ends this one.
#[derive(Debug)]
pub struct AsciiList<R: Read> {
    reader: BufReader<R>,
    line: Vec<u8>,
    progress: Progress,
}

impl<R: Read> AsciiList<R> {
    /// Reads `ascii_runtime_measurements`, or that of a bank: which one it is, the length of the digests says.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new(), progress: Progress::default() }
    }

    fn read(&mut self) -> Result<Option<Event>, ReadError> {
        self.line.clear();
        self.reader.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        let event = match self.line.strip_suffix(b"\n") {
            Some(line) => parse(line),
            None if self.line.len() > MAX_LINE => {
                Err(EntryError::TooLong { what: "line", len: self.line.len() })
            }
            None => Err(EntryError::CutOff { what: "line" }),
        };
        Ok(Some(event?))
    }
}

impl<R: Read> Iterator for AsciiList<R> {
    type Item = Result<Event, ImaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.progress.has_ended() {
            return None;
        }
        let read = self.read();
        self.progress.after(read)
    }
}

fn parse(line: &[u8]) -> Result<Event, EntryError> {
    let column = |what| EntryError::Column { what };
    let mut columns = line.split(|byte| *byte == b' ');
    // The kernel pads the number to two places.
    let pcr = columns.next().filter(|first| !first.is_empty()).or_else(|| columns.next());
    let pcr: u32 = number(pcr.unwrap_or_default()).ok_or(column("PCR"))?;
    let small = u8::try_from(pcr).ok().filter(|pcr| *pcr < PCRS).ok_or(EntryError::Pcr { pcr })?;
    let digest =
        columns.next().and_then(|digits| hex::decode(digits).ok()).ok_or(column("template digest"))?;
    let digest = Bank::of_len(digest.len()).and_then(|bank| PcrValue::from_bytes(bank, &digest));
    let digest = digest.ok_or(column("template digest"))?;
    let template = Template::of(columns.next().ok_or(EntryError::CutOff { what: "template name" })?)?;
    let mut data = Vec::with_capacity(line.len());
    for field in template.fields() {
        let bad = EntryError::Field { field: field.name() };
        let text = columns.next().ok_or(EntryError::CutOff { what: field.name() })?;
        let bytes = if template.is_old() && field.form() == Form::Text {
            text.to_vec()
        } else {
            field_bytes(field.form(), field.name() == "n-ng" || field.name() == "n", text).ok_or(bad)?
        };
        if !template.is_old() {
            let len =
                u32::try_from(bytes.len()).map_err(|_long| EntryError::CutOff { what: field.name() })?;
            data.extend(len.to_le_bytes());
        }
        data.extend(bytes);
    }
    if columns.next().is_some() {
        return Err(EntryError::Trailing);
    }
    if data.len() > MAX_ENTRY {
        return Err(EntryError::TooLong { what: "template data", len: data.len() });
    }
    Event::new(small, digest, template, data)
}

/// A field's bytes as they stand in the entry. A field without any stands as nothing; names are never without.
fn field_bytes(form: Form, named: bool, text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() && !named {
        return Some(Vec::new());
    }
    match form {
        Form::Hex => hex::decode(text).ok(),
        Form::Text => Some([text, &[0]].concat()),
        Form::Digest => {
            let colon = text.iter().rposition(|byte| *byte == b':')?;
            let (words, digits) = text.split_at_checked(colon + 1)?;
            Some([words, &[0], &hex::decode(digits).ok()?].concat())
        }
        Form::Number(len) => {
            let bytes = number(text)?.to_le_bytes();
            let (low, high) = bytes.split_at_checked(len)?;
            high.iter().all(|byte| *byte == 0).then(|| low.to_vec())
        }
    }
}

/// A decimal number without a sign.
fn number(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
