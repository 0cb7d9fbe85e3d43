//! The Merkle tree of RFC 6962, section 2: roots, inclusion proofs, consistency proofs.
//!
//! Leaf `SHA-256(0x00 || entry)`, node `SHA-256(0x01 || left || right)`, the empty tree `SHA-256("")`. Proofs are
//! checked as RFC 9162, sections 2.1.3.2 and 2.1.4.2, says.

use self::nodes::Nodes;
use crate::digest::{Sha256, Sha256Digest};

pub(super) mod nodes;

/// The hash of an entry as a leaf.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Sha256Digest {
    let mut hasher = Sha256::new();
    hasher.update(&[0]);
    hasher.update(entry);
    hasher.digest()
}

pub(super) fn node_hash(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    let mut hasher = Sha256::new();
    hasher.update(&[1]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    hasher.digest()
}

/// The root alone, in memory of the order of the tree's height: for reading a log once from its start.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    /// Roots of the complete subtrees that the leaves so far make, with the number of their leaves, largest first.
    peaks: Vec<(u64, Sha256Digest)>,
    size: u64,
}

impl Frontier {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Sha256Digest) {
        let mut peak = (1, leaf);
        while let Some(&(leaves, left)) = self.peaks.last() {
            if leaves != peak.0 {
                break;
            }
            self.peaks.pop();
            peak = (leaves * 2, node_hash(&left, &peak.1));
        }
        self.peaks.push(peak);
        self.size += 1;
    }

    /// Leaves so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        let mut peaks = self.peaks.iter().rev().map(|(_, root)| *root);
        let Some(last) = peaks.next() else { return Sha256Digest::of(b"") };
        peaks.fold(last, |right, left| node_hash(&left, &right))
    }
}

/// The whole tree in memory, 64 bytes a leaf: for making proofs.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// `levels[k][i]` is the root over leaves `i * 2^k .. (i + 1) * 2^k`.
    levels: Vec<Vec<Sha256Digest>>,
}

impl Tree {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Sha256Digest) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(hash);
            let [.., left, right] = row.as_slice() else { return };
            if row.len() % 2 == 1 {
                return;
            }
            hash = node_hash(left, right);
        }
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The leaf of this index.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<&Sha256Digest> {
        self.levels.first()?.get(usize::try_from(index).ok()?)
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        self.root_at(self.size()).unwrap_or_else(|| Sha256Digest::of(b""))
    }

    /// The root over the first `size` leaves; `None` where there aren't that many.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Sha256Digest> {
        nodes::root_at(self, size).ok()
    }

    /// Proof that the leaf of this index is in the tree of the first `size` leaves (RFC 6962, 2.1.1).
    #[must_use]
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Option<Vec<Sha256Digest>> {
        if size > self.size() { None } else { nodes::inclusion_proof(self, index, size).ok()? }
    }

    /// Proof that the tree of the first `old` leaves is the beginning of that of the first `new` (RFC 6962, 2.1.2).
    #[must_use]
    pub fn consistency_proof(&self, old: u64, new: u64) -> Option<Vec<Sha256Digest>> {
        if new > self.size() { None } else { nodes::consistency_proof(self, old, new).ok()? }
    }

    /// Roots of so many complete subtrees of `2^level` leaves each, from the `start`-th on.
    pub(super) fn row(&self, level: u32, start: u64, count: u64) -> Option<&[Sha256Digest]> {
        let row = self.levels.get(usize::try_from(level).ok()?)?;
        let start = usize::try_from(start).ok()?;
        row.get(start..start.checked_add(usize::try_from(count).ok()?)?)
    }

    /// As much of the tree as is needed to add leaves and know the root.
    #[must_use]
    pub fn clone_frontier(&self) -> Frontier {
        let size = self.size();
        let mut peaks = Vec::new();
        for (level, row) in self.levels.iter().enumerate().rev() {
            // A complete subtree of this level is a peak where the size has this bit.
            if let Some(root) = row.last().filter(|_| row.len() % 2 == 1) {
                peaks.push((1 << level, *root));
            }
        }
        Frontier { peaks, size }
    }
}

impl Nodes for Tree {
    /// There is no such subtree.
    type Error = ();

    fn node(&self, level: u32, index: u64) -> Result<Sha256Digest, ()> {
        self.row(level, index, 1).and_then(|row| row.first().copied()).ok_or(())
    }
}

/// Whether the proof shows that `leaf` is at `index` in the tree of this size and root.
#[must_use]
pub fn verify_inclusion(
    leaf: Sha256Digest,
    index: u64,
    size: u64,
    proof: &[Sha256Digest],
    root: &Sha256Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node % 2 == 0 && node != 0 {
                node /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node /= 2;
        last /= 2;
    }
    last == 0 && hash == *root
}

/// A tree as seen from outside: how many leaves, which root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// Root hash.
    pub root: Sha256Digest,
}

impl TreeHead {
    /// A tree of this size and root.
    #[must_use]
    pub const fn new(size: u64, root: Sha256Digest) -> Self {
        Self { size, root }
    }
}

/// Whether the proof shows that the old tree is the beginning of the new one.
#[must_use]
pub fn verify_consistency(old: TreeHead, new: TreeHead, proof: &[Sha256Digest]) -> bool {
    if old.size > new.size {
        return false;
    }
    if old.size == 0 {
        return proof.is_empty() && old.root == Sha256Digest::of(b"");
    }
    if old.size == new.size {
        return proof.is_empty() && old.root == new.root;
    }
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    while node % 2 == 1 {
        node /= 2;
        last /= 2;
    }
    // Where the old tree is a complete subtree, its root is where both begin and not in the proof.
    let mut proof = proof.iter();
    let first = if old.size.is_power_of_two() { Some(&old.root) } else { proof.next() };
    let Some(&first) = first else { return false };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node % 2 == 0 && node != 0 {
                node /= 2;
                last /= 2;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node /= 2;
        last /= 2;
    }
    last == 0 && old_hash == old.root && new_hash == new.root
}

#[cfg(test)]
mod tests;
