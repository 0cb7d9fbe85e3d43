//! The kernel's `binary_runtime_measurements`.

use std::io::{BufReader, ErrorKind, Read};

use crate::tpm::{Bank, PCRS, PcrValue};

use super::MAX_ENTRY;
use super::error::{EntryError, ImaError};
use super::event::Event;
use super::progress::{Progress, ReadError};
use super::template::Template;

/// The longest name of a template: fifteen fields.
const MAX_NAME: usize = 255;

/// The entries of a binary list, one after another. After an error there is none.
///
/// ```
/// use openfactory_attest::ima::BinaryList;
///
/// let mut list = BinaryList::new(&b"\x0a\0\0\0"[..]);
/// assert!(list.next().expect("an entry").is_err());
/// assert!(list.next().is_none());
/// ```
#[derive(Debug)]
pub struct BinaryList<R: Read> {
    reader: BufReader<R>,
    digests: Bank,
    progress: Progress,
}

impl<R: Read> BinaryList<R> {
    /// Reads `binary_runtime_measurements`, whose template digests are SHA-1.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self::with_digests(reader, Bank::Sha1)
    }

    /// Reads `binary_runtime_measurements_sha256` and the like, which newer kernels have for each bank.
    #[must_use]
    pub fn with_digests(reader: R, digests: Bank) -> Self {
        Self { reader: BufReader::new(reader), digests, progress: Progress::default() }
    }

    /// So many bytes, or as many as there are.
    fn take(&mut self, what: &'static str, len: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        if bytes.len() < len { Err(EntryError::CutOff { what }.into()) } else { Ok(bytes) }
    }

    fn number(&mut self, what: &'static str) -> Result<u32, ReadError> {
        let mut bytes = [0; 4];
        self.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => EntryError::CutOff { what }.into(),
            _ => ReadError::Read(error),
        })?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Bytes after their number.
    fn counted(&mut self, what: &'static str, max: usize) -> Result<Vec<u8>, ReadError> {
        let len = self.number(what)? as usize;
        if len > max {
            return Err(EntryError::TooLong { what, len }.into());
        }
        self.take(what, len)
    }

    /// The next entry; `None` at the end.
    fn read(&mut self) -> Result<Option<Event>, ReadError> {
        let first = self.take_first()?;
        let Some(pcr) = first else { return Ok(None) };
        let small = u8::try_from(pcr).ok().filter(|pcr| *pcr < PCRS);
        let index = small.ok_or(EntryError::Pcr { pcr })?;
        let digest = self.take("template digest", self.digests.digest_len())?;
        let digest = PcrValue::from_bytes(self.digests, &digest)
            .ok_or(EntryError::CutOff { what: "template digest" })?;
        let template = Template::of(&self.counted("template name", MAX_NAME)?)?;
        let data = if template.is_old() {
            let mut data = self.take("d", Bank::Sha1.digest_len())?;
            data.extend(self.counted("n", MAX_NAME)?);
            data
        } else {
            self.counted("template data", MAX_ENTRY)?
        };
        Ok(Some(Event::new(index, digest, template, data)?))
    }

    /// The number that an entry begins with; `None` if the list ends before it.
    fn take_first(&mut self) -> Result<Option<u32>, ReadError> {
        let mut bytes = Vec::with_capacity(4);
        self.reader.by_ref().take(4).read_to_end(&mut bytes)?;
        match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Ok(Some(u32::from_le_bytes(bytes))),
            Err(_short) if bytes.is_empty() => Ok(None),
            Err(_short) => Err(EntryError::CutOff { what: "PCR" }.into()),
        }
    }
}

impl<R: Read> Iterator for BinaryList<R> {
    type Item = Result<Event, ImaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.progress.has_ended() {
            return None;
        }
        let read = self.read();
        self.progress.after(read)
    }
}
