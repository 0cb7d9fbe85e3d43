//! Why a quote does not count.

use crate::tpm::Bank;

/// Why a quote does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// Bytes that are not the structure that they should be.
    #[error("not a {what}")]
    Form {
        /// The TPM's name of the structure.
        what: &'static str,
    },
    /// Not RSA with 2,048 to 4,096 bits, nor ECDSA on the curve P-256, in PEM.
    #[error("not an RSA or P-256 public key in PEM")]
    Key,
    /// An algorithm that is not taken, or not the key's.
    #[error("signed by scheme {scheme:#06x} with hash {hash:#06x}, which this key does not sign with here")]
    Scheme {
        /// The scheme's `TPM_ALG_ID`.
        scheme: u16,
        /// The hash's `TPM_ALG_ID`.
        hash: u16,
    },
    /// Not signed by this key, or changed since.
    #[error("the signature is not the attestation key's over this quote")]
    Signature,
    /// Signed by the key, but not made by a TPM.
    #[error("the signed bytes begin with {magic:#010x}, no TPM made them")]
    Magic {
        /// What stands there instead of `TPM_GENERATED_VALUE`.
        magic: u32,
    },
    /// Something else that a TPM attests to.
    #[error("the TPM attests to {kind:#06x}, which is no quote")]
    Type {
        /// The structure's `TPMI_ST_ATTEST`.
        kind: u16,
    },
    /// Made for somebody else, or at another time.
    #[error("the quote answers another nonce")]
    Nonce,
    /// A bank is selected twice.
    #[error("the quote selects bank {bank} twice")]
    Twice {
        /// The bank.
        bank: Bank,
    },
    /// Not the PCRs that were asked for.
    #[error("the quote is over {quoted}, asked for was {asked}")]
    Selection {
        /// What is quoted.
        quoted: String,
        /// What was asked for.
        asked: String,
    },
    /// A PCR is quoted whose value nobody told.
    #[error("PCR {pcr} of {bank} is quoted, and there is no value of it")]
    NoValue {
        /// The bank.
        bank: Bank,
        /// The PCR.
        pcr: u8,
    },
    /// The values are not those that the TPM held.
    #[error("the PCRs do not have the digest that the TPM signed")]
    Digest,
    /// Older than one that was seen before.
    #[error("the TPM's {what} went back from {seen} to {now}")]
    Older {
        /// Which counter.
        what: &'static str,
        /// What was seen last.
        seen: u64,
        /// What the quote says.
        now: u64,
    },
}
