//! What a check found: ranges of blocks, each with what is wrong with them.

use std::fmt;

/// Where blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// Among the data blocks.
    Data,
    /// In the hash tree. Level 0 holds the digests of data blocks; blocks are counted within their level.
    Tree {
        /// The level.
        level: usize,
    },
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// Its hash is not the one that the tree, or the root hash, demands.
    Mismatch,
    /// The device ends before it does.
    Missing,
    /// The hash block that would vouch for it is itself bad: nothing is known of it, it counts as bad.
    Unproven,
}

/// A run of blocks with the same fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Finding {
    /// Where they are.
    pub place: Place,
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Data => write!(f, "data block")?,
            Place::Tree { level } => write!(f, "level {level} hash block")?,
        }
        let many = self.first != self.last;
        match many {
            true => write!(f, "s {} to {}", self.first, self.last)?,
            false => write!(f, " {}", self.first)?,
        }
        f.write_str(match (self.fault, many) {
            (Fault::Mismatch, false) => " does not match its hash",
            (Fault::Mismatch, true) => " do not match their hashes",
            (Fault::Missing, false) => " is missing",
            (Fault::Missing, true) => " are missing",
            (Fault::Unproven, false) => " can't be proved: the hash block above is bad",
            (Fault::Unproven, true) => " can't be proved: the hash block above is bad",
        })
    }
}

/// What a check of data against a tree found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    findings: Vec<Finding>,
    bad_data_blocks: u64,
    bad_hash_blocks: u64,
    unproven_data_blocks: u64,
    omitted: u64,
}

impl VerifyReport {
    /// So many findings are kept; there are that many only if bad and good blocks alternate.
    pub const MAX_FINDINGS: usize = 65_536;

    /// Whether every block, of data and tree, was proved by the root hash.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.bad_data_blocks == 0 && self.bad_hash_blocks == 0 && self.unproven_data_blocks == 0
    }

    /// What is wrong, data blocks first, then the tree level by level, in order.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Data blocks that do not match, or are missing.
    #[must_use]
    pub const fn bad_data_blocks(&self) -> u64 {
        self.bad_data_blocks
    }

    /// Hash blocks that do not match, or are missing.
    #[must_use]
    pub const fn bad_hash_blocks(&self) -> u64 {
        self.bad_hash_blocks
    }

    /// Data blocks of which nothing can be known, because a hash block above them is bad.
    #[must_use]
    pub const fn unproven_data_blocks(&self) -> u64 {
        self.unproven_data_blocks
    }

    /// Findings beyond [`MAX_FINDINGS`](Self::MAX_FINDINGS): counted above, not listed.
    #[must_use]
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let blocks = finding.last - finding.first + 1;
        match (finding.place, finding.fault) {
            (Place::Data, Fault::Unproven) => self.unproven_data_blocks += blocks,
            (Place::Data, Fault::Mismatch | Fault::Missing) => self.bad_data_blocks += blocks,
            (Place::Tree { .. }, _) => self.bad_hash_blocks += blocks,
        }
        if self.findings.len() >= Self::MAX_FINDINGS * 2 {
            self.merge();
        }
        self.findings.push(finding);
    }

    /// Sorts, joins neighbours with the same fault, and keeps the limit.
    pub(super) fn merge(&mut self) {
        self.findings.sort_unstable();
        self.findings.dedup_by(|next, kept| {
            let joins = (next.place, next.fault, next.first) == (kept.place, kept.fault, kept.last + 1);
            if joins {
                kept.last = next.last;
            }
            joins
        });
        self.omitted += self.findings.len().saturating_sub(Self::MAX_FINDINGS) as u64;
        self.findings.truncate(Self::MAX_FINDINGS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(place: Place, first: u64, last: u64, fault: Fault) -> Finding {
        Finding { place, first, last, fault }
    }

    #[test]
    fn neighbours_are_joined_and_counted() {
        let mut report = VerifyReport::default();
        let tree = Place::Tree { level: 1 };
        report.add(finding(tree, 0, 0, Fault::Mismatch));
        report.add(finding(Place::Data, 6, 9, Fault::Missing));
        report.add(finding(Place::Data, 4, 4, Fault::Missing));
        report.add(finding(Place::Data, 5, 5, Fault::Missing));
        report.add(finding(Place::Data, 10, 10, Fault::Unproven));
        report.merge();
        assert_eq!(
            report.findings(),
            [
                finding(Place::Data, 4, 9, Fault::Missing),
                finding(Place::Data, 10, 10, Fault::Unproven),
                finding(tree, 0, 0, Fault::Mismatch),
            ]
        );
        assert_eq!(
            (report.bad_data_blocks(), report.unproven_data_blocks(), report.bad_hash_blocks()),
            (6, 1, 1)
        );
        assert!(!report.is_intact());
        assert_eq!(report.findings()[0].to_string(), "data blocks 4 to 9 are missing");
        assert_eq!(report.findings()[2].to_string(), "level 1 hash block 0 does not match its hash");
    }

    #[test]
    fn the_list_is_bounded_the_counts_are_not() {
        let mut report = VerifyReport::default();
        let many = VerifyReport::MAX_FINDINGS as u64 * 4;
        for block in 0..many {
            report.add(finding(Place::Data, block * 2, block * 2, Fault::Mismatch));
        }
        report.merge();
        assert_eq!(report.findings().len(), VerifyReport::MAX_FINDINGS);
        assert_eq!(report.bad_data_blocks(), many);
        assert_eq!(report.omitted() + VerifyReport::MAX_FINDINGS as u64, many);
    }
}
