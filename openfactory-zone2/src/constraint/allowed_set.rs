//! The allowed-set constraint: a value must be one of a few words.
//!
//! Integration guide, "Zone 2 Constraint Violations", fifth row: "Department code not in allowed set", a P3 incident.

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use crate::finding::{Guidance, Outcome, Role};

/// The most words that one constraint may allow.
pub const MAX_ALLOWED: usize = 1024;

/// One of a few words, compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSetRule {
    allowed: Vec<String>,
    /// The same, in the order of their keys.
    keyed: Vec<(u64, String)>,
    /// Where the keys of each bucket begin, and where the last one ends.
    buckets: Vec<usize>,
    /// What a key is shifted by to be the number of its bucket.
    shift: u32,
}

/// How a value breaks an [`AllowedSetRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AllowedSetViolation {
    /// It is none of the words.
    #[error("is not in the allowed set")]
    NotInSet,
}

impl AllowedSetRule {
    /// A rule that allows these words; none if there are none, since such a rule could not be kept.
    #[must_use]
    pub fn new(allowed: Vec<String>) -> Option<Self> {
        if allowed.is_empty() {
            return None;
        }
        let mut keyed: Vec<_> = allowed.iter().map(|word| (key(word), word.clone())).collect();
        keyed.sort();
        keyed.dedup();
        let bits = keyed.len().next_power_of_two().ilog2() + 1;
        let shift = u64::BITS - bits;
        let begins = |bucket: u64| keyed.partition_point(|(key, _)| key >> shift < bucket);
        let buckets = (0..=1 << bits).map(begins).collect();
        Some(Self { allowed, keyed, buckets, shift })
    }

    /// The words.
    #[must_use]
    pub fn allowed(&self) -> &[String] {
        &self.allowed
    }

    /// Checks one value: nothing is trimmed, upper and lower case differ.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{AllowedSetRule, AllowedSetViolation};
    ///
    /// let rule = AllowedSetRule::new(vec!["QA-01".into(), "PROD-02".into()]).ok_or("empty")?;
    /// assert_eq!(rule.check("QA-01"), None);
    /// assert_eq!(rule.check("qa-01"), Some(AllowedSetViolation::NotInSet));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn check(&self, value: &str) -> Option<AllowedSetViolation> {
        (!self.is_kept(value)).then_some(AllowedSetViolation::NotInSet)
    }

    /// Whether a value is one of the words.
    #[inline(never)]
    pub(super) fn is_kept(&self, value: &str) -> bool {
        let key = key(value);
        let bucket = usize::try_from(key >> self.shift).unwrap_or(usize::MAX);
        let (begin, end) = match self.buckets.get(bucket..) {
            Some([begin, end, ..]) => (*begin, *end),
            _ => (0, 0),
        };
        let mut near = self.keyed.get(begin..end).unwrap_or_default().iter();
        near.any(|(known, word)| *known == key && same(word, value))
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        /// More words than these are counted, not listed.
        const LISTED: usize = 16;
        let listed: Vec<&str> = self.allowed.iter().take(LISTED).map(String::as_str).collect();
        let more = match self.allowed.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" or {more} more"),
        };
        format!("one of {}{more}", listed.join(", "))
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(_) => {
                "find out whom the device belongs to, and assign it anew or extend the set"
            }
            Outcome::NotChecked(_) => "make the value readable, then check again",
        };
        Guidance { advice, priority: Priority::P3, assignment: Role::DeviceOps }
    }
}

/// A number that is seldom the same for two words: made of length, first and last eight bytes.
fn key(word: &str) -> u64 {
    /// From the golden ratio: spreads what differs over the upper bits (Knuth, "Multiplicative hashing").
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let bytes = word.as_bytes();
    let (head, tail) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (up_to_seven(bytes), 0),
    };
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    ((head ^ length).wrapping_mul(SPREAD) ^ tail).wrapping_mul(SPREAD)
}

/// All of a word of up to seven bytes; what it is differs for words of one length that differ.
fn up_to_seven(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(head), Some(tail)) => {
            u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
        }
        _ => bytes.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)),
    }
}

/// Whether two words of one [`key`] are the same. Of one length, the key of up to seven bytes has all of them, and that of up
/// to 16 has the rest of them beside the first eight.
fn same(word: &str, value: &str) -> bool {
    let (word, value) = (word.as_bytes(), value.as_bytes());
    word.len() == value.len()
        && match word.len() {
            0..8 => true,
            8..=16 => word.first_chunk::<8>() == value.first_chunk(),
            _ => word == value,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_they_begin_with() {
        let words = [
            "",
            "a",
            "a\0",
            "ab",
            "abc",
            "abcd",
            "abce",
            "abcdefg",
            "abcdefh",
            "abcdefgh",
            "abcdefgh-1-abcdefgh",
            "abcdefgh-2-abcdefgh",
            "abcdefgh\0",
            "abcdefghi",
            "abcdefghj",
            "abcdefgh01234567",
            "abcdefgi01234567",
            "abcdefgh01234568",
            "abcdefgh012345678",
            "abcdefgh112345678",
            "é",
            "\u{10ffff}",
        ];
        for left_out in words {
            let kept: Vec<String> =
                words.iter().filter(|word| **word != left_out).map(ToString::to_string).collect();
            let rule = AllowedSetRule::new(kept.clone()).unwrap();
            assert_eq!(rule.check(left_out), Some(AllowedSetViolation::NotInSet), "{left_out:?}");
            for word in kept {
                assert_eq!(rule.check(&word), None, "{word:?} without {left_out:?}");
            }
        }
    }
}
