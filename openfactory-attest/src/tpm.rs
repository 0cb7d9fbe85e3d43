//! What a TPM 2.0 holds and says, read and checked without a TPM and without its library: banks of PCRs and their values.
//!
//! ```
//! use openfactory_attest::tpm::{Bank, PcrValues};
//!
//! // What `tpm2_pcrread sha256:10` prints.
//! let text = b"  sha256:\n    10: 0xE5BE27E27575FFDD22E1D0607D7DD3313E30B03F4EA58BA5351B4B493F40AE30\n";
//! let pcrs = PcrValues::parse(text)?;
//! assert!(pcrs.get(Bank::Sha256, 10).is_some());
//! assert!(pcrs.get(Bank::Sha1, 10).is_none());
//! # Ok::<(), openfactory_attest::tpm::PcrError>(())
//! ```
//!
//! Source: Trusted Platform Module Library, Part 1 (PCR operations) and Part 2 (structures).

mod bank;
mod pcr;
#[cfg(feature = "quote")]
pub mod quote;

pub use bank::{Bank, UnknownBank};
pub use pcr::{MAX_PCR_TEXT, PCRS, PcrError, PcrValue, PcrValues};
