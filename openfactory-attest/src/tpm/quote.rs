//! A TPM's signed word about its PCRs, checked without a TPM and without its library.
//!
//! The signature is checked before a byte of what it is over is read; then that a TPM made it, that it answers this
//! nonce, that it is over the PCRs that were asked for, that their values have the digest in it, and that it is no older
//! than one that was seen before. What comes out are the values that the TPM signed for, and no other.
//!
//! ```
//! use openfactory_attest::tpm::PcrValues;
//! use openfactory_attest::tpm::quote::{AttestationKey, Expected, QuoteError, Selection};
//!
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidence/quotes");
//! # let read = |name: &str| std::fs::read(format!("{folder}/{name}"));
//! let key = AttestationKey::from_pem(&String::from_utf8(read("rsapss/ak.pem")?)?)?;
//! let (message, signature) = (read("rsapss/quote.msg")?, read("rsapss/quote.sig")?);
//! let pcrs = PcrValues::parse(&read("pcrs.txt")?)?;
//! let asked: Selection = "sha1:10+sha256:0,1,10".parse()?;
//! let nonce = hex::decode("00112233445566778899aabbccddeeff")?;
//!
//! let quote = Expected::new(&key, &nonce, &asked, &pcrs).verify(&message, &signature)?;
//! assert_eq!(quote.pcrs.len(), 4);
//!
//! let replayed = Expected::new(&key, b"of today", &asked, &pcrs).verify(&message, &signature);
//! assert_eq!(replayed, Err(QuoteError::Nonce));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Trusted Platform Module Library, Part 2, sections 10.12 (attestation) and 11.3 (signatures).

mod clock;
mod error;
mod key;
mod selection;
mod wire;

pub use clock::Clock;
pub use error::QuoteError;
pub use key::AttestationKey;
pub use selection::{Selection, SelectionError};

use subtle::ConstantTimeEq as _;

use super::{PcrValue, PcrValues};
use wire::Reader;

/// `TPM_GENERATED_VALUE`: a restricted key signs nothing that begins so unless its TPM made it.
const GENERATED: u32 = 0xff54_4347;

/// `TPM_ST_ATTEST_QUOTE`.
const QUOTE: u16 = 0x8018;

/// The most bytes of a quote, and of its signature. Real ones have some 150 and 600.
pub const MAX_QUOTE: usize = 4096;

/// What a quote is to be held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    key: &'a AttestationKey,
    nonce: &'a [u8],
    selection: &'a Selection,
    pcrs: &'a PcrValues,
    seen: Option<Clock>,
}

/// What a TPM has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quote {
    /// The PCRs that were asked for and quoted, and no others.
    pub pcrs: PcrValues,
    /// When that was by the TPM's own counters: to be kept for [`Expected::after`].
    pub clock: Clock,
    /// The version of the TPM's firmware, as its maker counts.
    pub firmware: u64,
    /// The qualified name of the key: its name hashed with those of its parents.
    pub qualified_signer: Vec<u8>,
}

impl<'a> Expected<'a> {
    /// A quote by this key, which answers this nonce, over these PCRs, of which these are the values.
    #[must_use]
    pub const fn new(
        key: &'a AttestationKey,
        nonce: &'a [u8],
        selection: &'a Selection,
        pcrs: &'a PcrValues,
    ) -> Self {
        Self { key, nonce, selection, pcrs, seen: None }
    }

    /// It may not be older than the one with these counters, of the same key.
    #[must_use]
    pub const fn after(self, seen: Clock) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// Checks a quote (`TPMS_ATTEST`) and its signature (`TPMT_SIGNATURE`), as `tpm2_quote` writes them.
    ///
    /// # Errors
    /// [`QuoteError`]: the first thing that is wrong, in the order in which the page of this module names them.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<Quote, QuoteError> {
        if message.len() > MAX_QUOTE {
            return Err(QuoteError::Form { what: "TPMS_ATTEST" });
        }
        if signature.len() > MAX_QUOTE {
            return Err(QuoteError::Form { what: "TPMT_SIGNATURE" });
        }
        let hash = self.key.verify(message, signature)?;

        let mut reader = Reader::new(message, "TPMS_ATTEST");
        let magic = reader.u32()?;
        if magic != GENERATED {
            return Err(QuoteError::Magic { magic });
        }
        let kind = reader.u16()?;
        if kind != QUOTE {
            return Err(QuoteError::Type { kind });
        }
        let qualified_signer = reader.sized()?.to_vec();
        let nonce = reader.sized()?;
        let (clock, firmware) = (Clock::read(&mut reader)?, reader.u64()?);
        let quoted = Selection::of(reader.selection()?);
        let digest = reader.sized()?;
        reader.end()?;

        if !bool::from(nonce.ct_eq(self.nonce)) {
            return Err(QuoteError::Nonce);
        }
        if !quoted.same(self.selection) {
            return Err(QuoteError::Selection {
                quoted: quoted.to_string(),
                asked: self.selection.to_string(),
            });
        }
        let mut pcrs = PcrValues::new();
        let mut values = Vec::new();
        for (bank, pcr) in quoted.pcrs() {
            let value = self.pcrs.get(bank, pcr).ok_or(QuoteError::NoValue { bank, pcr })?;
            pcrs.insert(pcr, *value);
            values.push(value.as_bytes());
        }
        if !bool::from(PcrValue::hash(hash, &values).as_bytes().ct_eq(digest)) {
            return Err(QuoteError::Digest);
        }
        if let Some(seen) = &self.seen {
            clock.follows(seen)?;
        }
        Ok(Quote { pcrs, clock, firmware, qualified_signer })
    }
}

#[cfg(test)]
mod tests;
