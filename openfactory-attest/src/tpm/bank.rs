//! Hash algorithms of PCR banks.

use std::fmt;
use std::str::FromStr;

use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

/// A bank of PCRs, named by its hash algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Bank {
    /// SHA-1. Collisions are feasible: a second opinion at best.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Bank {
    /// All that are known here.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name that tpm2-tools and the kernel have for it: `sha256`, say.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Its `TPM_ALG_ID` (TCG Algorithm Registry).
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000b,
            Self::Sha384 => 0x000c,
            Self::Sha512 => 0x000d,
        }
    }

    /// The bank with this `TPM_ALG_ID`; `None` for one that is not known here.
    #[must_use]
    pub fn of_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|bank| bank.id() == id)
    }

    /// Bytes in a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The bank whose digests have so many bytes.
    pub(crate) fn of_len(len: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|bank| bank.digest_len() == len)
    }

    /// Writes the digest of these parts, one after another, to the front of `into`.
    pub(super) fn hash_into(self, parts: &[&[u8]], into: &mut [u8; 64]) {
        fn run<D: sha2::Digest>(parts: &[&[u8]], into: &mut [u8; 64]) {
            let mut hasher = D::new();
            parts.iter().for_each(|part| hasher.update(part));
            let digest = hasher.finalize();
            into.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        }
        match self {
            Self::Sha1 => run::<Sha1>(parts, into),
            Self::Sha256 => run::<Sha256>(parts, into),
            Self::Sha384 => run::<Sha384>(parts, into),
            Self::Sha512 => run::<Sha512>(parts, into),
        }
    }
}

impl fmt::Display for Bank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Bank {
    type Err = UnknownBank;

    fn from_str(text: &str) -> Result<Self, UnknownBank> {
        Self::ALL.into_iter().find(|bank| bank.name() == text).ok_or(UnknownBank)
    }
}

/// A hash algorithm that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the banks sha1, sha256, sha384 and sha512")]
pub struct UnknownBank;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_lengths_lead_back() {
        for bank in Bank::ALL {
            assert_eq!(bank.to_string().parse(), Ok(bank));
            assert_eq!(Bank::of_id(bank.id()), Some(bank));
            assert_eq!(Bank::of_len(bank.digest_len()), Some(bank));
        }
        // SM3 and SHA3 are in the registry, and not here.
        assert_eq!(Bank::of_id(0x0012), None);
        assert_eq!("sm3_256".parse::<Bank>(), Err(UnknownBank));
    }
}
