//! The first entry: how the machine booted.

use crate::tpm::{Bank, PcrValue, PcrValues};

use super::event::FileDigest;

/// What the entry `boot_aggregate` says of the PCRs before IMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootAggregate {
    /// It is the digest of PCRs 0 to 9 (kernels since 5.8, not for SHA-1).
    Through9,
    /// It is the digest of PCRs 0 to 7.
    Through7,
    /// It is neither.
    Other,
    /// The PCRs of its bank are not all there, or the bank is not known.
    NotComparable,
}

/// Holds a `boot_aggregate` against the PCRs that it is the digest of.
///
/// ```
/// use openfactory_attest::ima::{AsciiList, BootAggregate, boot_aggregate};
/// use openfactory_attest::tpm::PcrValues;
///
/// let list = b"10 10414c4bcc8bffc164a979aa8bdcbf138c135a7c ima-ng \
///     sha256:c0011dd564181de52b8284e9e34baba4f4959378034b89bf1c2c04b357e26609 boot_aggregate\n";
/// let first = AsciiList::new(&list[..]).next().expect("an entry")?;
/// let aggregate = first.file_digest().expect("a digest");
/// assert_eq!(boot_aggregate(&aggregate, &PcrValues::new()), BootAggregate::NotComparable);
/// # Ok::<(), openfactory_attest::ima::ImaError>(())
/// ```
#[must_use]
pub fn boot_aggregate(digest: &FileDigest<'_>, pcrs: &PcrValues) -> BootAggregate {
    let Ok(bank) = digest.algorithm.parse::<Bank>() else { return BootAggregate::NotComparable };
    let over = |last: u8| -> Option<bool> {
        let values: Option<Vec<&[u8]>> =
            (0..=last).map(|pcr| pcrs.get(bank, pcr).map(PcrValue::as_bytes)).collect();
        Some(PcrValue::hash(bank, &values?).as_bytes() == digest.bytes)
    };
    match (over(9), over(7)) {
        (Some(true), _) if bank != Bank::Sha1 => BootAggregate::Through9,
        (_, Some(true)) => BootAggregate::Through7,
        (_, None) => BootAggregate::NotComparable,
        (None, Some(false)) if bank != Bank::Sha1 => BootAggregate::NotComparable,
        _ => BootAggregate::Other,
    }
}
