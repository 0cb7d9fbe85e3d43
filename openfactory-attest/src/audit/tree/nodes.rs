//! Roots and proofs from the roots of complete subtrees, wherever those are: in memory, or in tiles.

use super::node_hash;
use crate::digest::Sha256Digest;

/// The complete subtrees of a Merkle tree.
pub(in crate::audit) trait Nodes {
    /// Why one is not to be had.
    type Error;

    /// The root over leaves `index * 2^level .. (index + 1) * 2^level`.
    fn node(&self, level: u32, index: u64) -> Result<Sha256Digest, Self::Error>;
}

/// The root over the first `size` leaves.
pub(in crate::audit) fn root_at<N: Nodes>(nodes: &N, size: u64) -> Result<Sha256Digest, N::Error> {
    if size == 0 { Ok(Sha256Digest::of(b"")) } else { range(nodes, 0, size) }
}

/// RFC 6962, 2.1.1; `None` where the tree of this size has no such leaf.
pub(in crate::audit) fn inclusion_proof<N: Nodes>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Sha256Digest>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(Some(proof))
}

/// RFC 6962, 2.1.2; `None` where the old tree is the larger one.
pub(in crate::audit) fn consistency_proof<N: Nodes>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Sha256Digest>>, N::Error> {
    if old > new {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, new);
    let mut whole = true;
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, start, middle)?);
            start = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(range(nodes, start, end)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// The root over a range of leaves that is a subtree.
fn range<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<Sha256Digest, N::Error> {
    let width = end - start;
    if width.is_power_of_two() {
        return nodes.node(width.trailing_zeros(), start / width);
    }
    let middle = start + split(width);
    Ok(node_hash(&range(nodes, start, middle)?, &range(nodes, middle, end)?))
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (u64::BITS - 1 - (width - 1).leading_zeros())
}
