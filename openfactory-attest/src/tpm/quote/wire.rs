//! The TPM's structures: big-endian, each length before its bytes.

use super::error::QuoteError;
use crate::tpm::{Bank, PCRS};

/// Bytes not yet read of a structure.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) const fn malformed(&self) -> QuoteError {
        QuoteError::Form { what: self.what }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], QuoteError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.malformed())?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], QuoteError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.malformed())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, QuoteError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, QuoteError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, QuoteError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, QuoteError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A `TPM2B`.
    pub(super) fn sized(&mut self) -> Result<&'a [u8], QuoteError> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A `TPML_PCR_SELECTION`: the PCRs of each bank as bits, in the order in which they are quoted.
    pub(super) fn selection(&mut self) -> Result<Vec<(Bank, u32)>, QuoteError> {
        let count = self.u32()?;
        let mut banks: Vec<(Bank, u32)> = Vec::new();
        for _ in 0..count {
            let bank = Bank::of_id(self.u16()?).ok_or_else(|| self.malformed())?;
            let len = self.u8()?;
            let mut bits = 0;
            for (byte, at) in self.take(usize::from(len))?.iter().zip(0_u32..) {
                if *byte != 0 && at >= u32::from(PCRS) / 8 {
                    return Err(self.malformed());
                }
                bits |= u32::from(*byte).checked_shl(at * 8).unwrap_or(0);
            }
            if banks.iter().any(|(other, _)| *other == bank) {
                return Err(QuoteError::Twice { bank });
            }
            banks.push((bank, bits));
        }
        Ok(banks)
    }

    /// Nothing may be left.
    pub(super) const fn end(self) -> Result<(), QuoteError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed()) }
    }
}
