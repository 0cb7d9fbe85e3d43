//! What partitions are called that belong to one root hash.
//!
//! Source: the UAPI group's Discoverable Partitions Specification, and `systemd-repart(8)`.

use super::params::{Algorithm, Uuid};
use super::root_hash::RootHash;

/// The UUIDs by which the data and the hash partition of a root hash find each other.
///
/// ```
/// use openfactory_attest::verity::{PartitionUuids, RootHash};
///
/// let root: RootHash = "ef29c902d87350f1da4bfa536e16cebc162a909bf89abe448b81ec500d4fb9bf".parse()?;
/// let uuids = PartitionUuids::of(&root).ok_or("only of SHA-256")?;
/// assert_eq!(uuids.data.to_string(), "ef29c902-d873-50f1-da4b-fa536e16cebc");
/// assert_eq!(uuids.hash.to_string(), "162a909b-f89a-be44-8b81-ec500d4fb9bf");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionUuids {
    /// Of the partition with the data: the first 128 bits of the root hash.
    pub data: Uuid,
    /// Of the partition with superblock and hash tree: the last 128 bits.
    pub hash: Uuid,
}

impl PartitionUuids {
    /// The UUIDs for a root hash; none unless it is one of SHA-256, the specification knows no other.
    #[must_use]
    pub fn of(root: &RootHash) -> Option<Self> {
        let bytes = root.as_bytes();
        let (data, hash) = (bytes.first_chunk()?, bytes.last_chunk()?);
        let data = Uuid::from_bytes(*data);
        (root.algorithm() == Algorithm::Sha256).then(|| Self { data, hash: Uuid::from_bytes(*hash) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_hashes_of_256_bits_have_partitions() {
        for algorithm in Algorithm::ALL {
            let root = RootHash::from_bytes(algorithm, &vec![0xab; algorithm.digest_len()]).unwrap();
            assert_eq!(PartitionUuids::of(&root).is_some(), algorithm == Algorithm::Sha256);
        }
    }
}
