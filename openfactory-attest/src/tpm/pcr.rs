//! Values of PCRs, and the text in which tools tell them.

use std::collections::BTreeMap;
use std::fmt;

use subtle::ConstantTimeEq as _;

use super::bank::Bank;

/// PCRs of a bank: 0 to 23.
pub const PCRS: u8 = 24;

/// The most bytes of text that are read as values of PCRs. All banks of a TPM have some 8 KiB.
pub const MAX_PCR_TEXT: usize = 64 * 1024;

/// What a PCR holds, or a digest that one is extended by. Compared in constant time; shown in lower-case hex.
///
/// ```
/// use openfactory_attest::tpm::{Bank, PcrValue};
///
/// let mut pcr = PcrValue::zero(Bank::Sha256);
/// pcr.extend(&PcrValue::hash(Bank::Sha256, &[b"firmware"]));
/// assert_ne!(pcr, PcrValue::zero(Bank::Sha256));
/// ```
#[derive(Clone, Copy)]
pub struct PcrValue {
    bank: Bank,
    bytes: [u8; 64],
}

impl PcrValue {
    /// What PCRs 0 to 16 hold after a reset.
    #[must_use]
    pub const fn zero(bank: Bank) -> Self {
        Self { bank, bytes: [0; 64] }
    }

    /// All bits set: what violations are extended as, and what PCRs 17 to 22 hold after a reset.
    #[must_use]
    pub const fn ones(bank: Bank) -> Self {
        Self { bank, bytes: [0xff; 64] }
    }

    /// The bank's digest of these parts, one after another.
    #[must_use]
    pub fn hash(bank: Bank, parts: &[&[u8]]) -> Self {
        let mut value = Self::zero(bank);
        bank.hash_into(parts, &mut value.bytes);
        value
    }

    /// Takes bytes for a digest of this bank; `None` if they are too few or too many.
    #[must_use]
    pub fn from_bytes(bank: Bank, bytes: &[u8]) -> Option<Self> {
        let mut value = Self::zero(bank);
        if bytes.len() != bank.digest_len() {
            return None;
        }
        value.bytes.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Some(value)
    }

    /// Whose it is.
    #[must_use]
    pub const fn bank(&self) -> Bank {
        self.bank
    }

    /// As many bytes as a digest of the bank has.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.bank.digest_len()).unwrap_or_default()
    }

    /// What `TPM2_PCR_Extend` makes of it: the digest of the old value and this one.
    pub fn extend(&mut self, digest: &Self) {
        *self = Self::hash(self.bank, &[self.as_bytes(), digest.as_bytes()]);
    }

    /// Whether every byte is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::zero(self.bank)
    }
}

impl PartialEq for PcrValue {
    fn eq(&self, other: &Self) -> bool {
        self.bank == other.bank && self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for PcrValue {}

impl fmt::Display for PcrValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PcrValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.bank)
    }
}

/// Values of some PCRs of some banks, as somebody told them. Whether a TPM ever held them, a quote proves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PcrValues {
    values: BTreeMap<(Bank, u8), PcrValue>,
}

impl PcrValues {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what `tpm2_pcrread` prints: a line `sha256:` for each bank, and below it `10: 0xE5BE...` for each PCR.
    ///
    /// # Errors
    /// [`PcrError`]; among others for a PCR that is there twice, and for a bank that is not known here.
    pub fn parse(text: &[u8]) -> Result<Self, PcrError> {
        if text.len() > MAX_PCR_TEXT {
            return Err(PcrError::TooLong { len: text.len() });
        }
        let text = std::str::from_utf8(text).map_err(|_not_utf8| PcrError::Line { line: 1 })?;
        let (mut values, mut bank) = (Self::new(), None);
        for (number, line) in (1..).zip(text.lines()) {
            let malformed = || PcrError::Line { line: number };
            let line = line.trim();
            let Some((name, value)) = line.split_once(':') else {
                if line.is_empty() {
                    continue;
                }
                return Err(malformed());
            };
            let (name, value) = (name.trim(), value.trim());
            if value.is_empty() {
                bank = Some(name.parse::<Bank>().map_err(|_unknown| PcrError::Bank { line: number })?);
                continue;
            }
            let bank = bank.ok_or_else(malformed)?;
            let index: u8 = name.parse().map_err(|_no_number| malformed())?;
            let digits = value.strip_prefix("0x").ok_or_else(malformed)?;
            let bytes = hex::decode(digits).map_err(|_not_hex| malformed())?;
            let value = PcrValue::from_bytes(bank, &bytes).ok_or(PcrError::Length {
                line: number,
                bank,
                len: bytes.len(),
            })?;
            if index >= PCRS {
                return Err(malformed());
            }
            if values.insert(index, value).is_some() {
                return Err(PcrError::Twice { bank, pcr: index });
            }
        }
        if values.is_empty() {
            return Err(PcrError::None);
        }
        Ok(values)
    }

    /// Sets a PCR; gives what it was.
    pub fn insert(&mut self, pcr: u8, value: PcrValue) -> Option<PcrValue> {
        self.values.insert((value.bank, pcr), value)
    }

    /// What a PCR holds.
    #[must_use]
    pub fn get(&self, bank: Bank, pcr: u8) -> Option<&PcrValue> {
        self.values.get(&(bank, pcr))
    }

    /// What one PCR holds, in each bank that is told.
    pub fn of_pcr(&self, pcr: u8) -> impl Iterator<Item = &PcrValue> {
        self.values.iter().filter(move |((_, index), _)| *index == pcr).map(|(_, value)| value)
    }

    /// All, by bank and number.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &PcrValue)> {
        self.values.iter().map(|((_, pcr), value)| (*pcr, value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Why a text tells no values of PCRs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcrError {
    /// More than [`MAX_PCR_TEXT`].
    #[error("{len} bytes are too many for values of PCRs")]
    TooLong {
        /// How many there are.
        len: usize,
    },
    /// A line that is neither a bank nor a PCR of one.
    #[error("line {line} is neither a bank nor the value of a PCR")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// A bank that is not known here.
    #[error("line {line}: not one of the banks sha1, sha256, sha384 and sha512")]
    Bank {
        /// Which, from 1.
        line: usize,
    },
    /// A digest of another length than the bank has.
    #[error("line {line}: {len} bytes, a digest of {bank} has {}", bank.digest_len())]
    Length {
        /// Which, from 1.
        line: usize,
        /// The bank.
        bank: Bank,
        /// How many bytes there are.
        len: usize,
    },
    /// One PCR has two values.
    #[error("PCR {pcr} of {bank} is there twice")]
    Twice {
        /// The bank.
        bank: Bank,
        /// The PCR.
        pcr: u8,
    },
    /// There is none.
    #[error("there is no value of a PCR")]
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pcr_is_extended_as_a_tpm_does() {
        // tpm2_pcrextend 16:sha256=HEX on a software TPM, from zero: H(0^32 || H("abc")).
        let mut pcr = PcrValue::zero(Bank::Sha256);
        assert!(pcr.is_zero());
        pcr.extend(&PcrValue::hash(Bank::Sha256, &[b"a", b"bc"]));
        let expected = PcrValue::hash(Bank::Sha256, &[&[0; 32], crate::Sha256Digest::of(b"abc").as_bytes()]);
        assert_eq!(pcr, expected);
        assert!(!pcr.is_zero());
        assert_eq!(PcrValue::from_bytes(Bank::Sha1, &[0; 21]), None);
        assert_ne!(PcrValue::zero(Bank::Sha1), PcrValue::zero(Bank::Sha256));
    }

    #[test]
    fn what_is_no_value_is_named() {
        let parse = |text: &str| PcrValues::parse(text.as_bytes()).unwrap_err();
        let value = "00".repeat(20);
        assert_eq!(parse(""), PcrError::None);
        assert_eq!(parse("sha1:\n"), PcrError::None);
        assert_eq!(parse("sm3_256:\n"), PcrError::Bank { line: 1 });
        assert_eq!(parse(&format!("1: 0x{value}")), PcrError::Line { line: 1 });
        assert_eq!(parse(&format!("sha1:\n24: 0x{value}")), PcrError::Line { line: 2 });
        assert_eq!(parse(&format!("sha1:\n1: {value}")), PcrError::Line { line: 2 });
        assert_eq!(parse("sha1:\n1: 0x0g"), PcrError::Line { line: 2 });
        assert_eq!(parse("sha1:\nx"), PcrError::Line { line: 2 });
        let length = PcrError::Length { line: 2, bank: Bank::Sha1, len: 1 };
        assert_eq!(parse("sha1:\n1: 0x00"), length);
        let twice = format!("sha1:\n1: 0x{value}\n1 : 0x{value}");
        assert_eq!(parse(&twice), PcrError::Twice { bank: Bank::Sha1, pcr: 1 });
        assert_eq!(parse(&" ".repeat(MAX_PCR_TEXT + 1)), PcrError::TooLong { len: MAX_PCR_TEXT + 1 });
    }
}
