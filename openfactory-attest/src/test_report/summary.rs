//! What a verification document says of the tests.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Outcome, TestCase, TestCategory, TestReport};
use crate::digest::Sha256Digest;

/// The verdict on a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CategoryStatus {
    /// Something passed, and nothing failed; in compliance, all that counts passed.
    Passed,
    /// Something failed.
    Failed,
    /// Nothing failed, and nothing passed, or in compliance not all: nobody can say.
    NotChecked,
}

impl fmt::Display for CategoryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        })
    }
}

/// A category in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CategoryResult {
    /// Which.
    pub category: TestCategory,
    /// The verdict.
    pub status: CategoryStatus,
    /// Cases that passed.
    pub passed: u64,
    /// Cases that failed.
    pub failed: u64,
    /// Cases that were skipped, or of which nobody can say.
    pub not_checked: u64,
}

impl CategoryResult {
    fn status(&self) -> CategoryStatus {
        // A test that is skipped was not asked for there; a rule that could not be evaluated was, and may be broken.
        let open = self.category == TestCategory::Compliance && self.not_checked > 0;
        match (self.failed, self.passed) {
            (1.., _) => CategoryStatus::Failed,
            (0, 1..) if !open => CategoryStatus::Passed,
            (0, _) => CategoryStatus::NotChecked,
        }
    }
}

/// What a compliance scan went by, and its score: rules that passed, of all that were selected and apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Compliance {
    /// The benchmark's id.
    pub benchmark: String,
    /// The profile's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// SHA-256 over the ids of the rules that count, sorted, a newline after each.
    pub rule_set: Sha256Digest,
    /// Rules that passed: the numerator.
    pub passed: u64,
    /// Rules that count: the denominator. What was not checked counts against.
    pub of: u64,
    /// The score by XCCDF's default model as the scanner wrote it, of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_score: Option<String>,
}

impl Compliance {
    /// What the cases of that category amount to.
    pub(super) fn of(cases: &[TestCase], benchmark: String) -> Self {
        let rules = cases.iter().filter(|case| case.category == TestCategory::Compliance);
        let passed = rules.clone().filter(|case| case.outcome == Outcome::Passed).count() as u64;
        let mut ids: Vec<&str> = rules.map(|case| case.name.as_str()).collect();
        ids.sort_unstable();
        let lines: String = ids.iter().flat_map(|id| [id, "\n"]).collect();
        let rule_set = Sha256Digest::of(lines.as_bytes());
        Self { benchmark, profile: None, rule_set, passed, of: ids.len() as u64, default_score: None }
    }
}

/// One verdict for each category, and the compliance score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TestSummary {
    /// Every category once, in the order of [`TestCategory::ALL`].
    pub categories: Vec<CategoryResult>,
    /// What the compliance scan went by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Compliance>,
}

impl TestSummary {
    pub(super) fn of(report: &TestReport) -> Self {
        let categories = TestCategory::ALL.map(|category| {
            let cases = report.cases.iter().filter(|case| case.category == category);
            let mut result = CategoryResult {
                category,
                status: CategoryStatus::NotChecked,
                passed: 0,
                failed: 0,
                not_checked: 0,
            };
            for case in cases {
                match case.outcome {
                    Outcome::Passed => result.passed += 1,
                    Outcome::Failed => result.failed += 1,
                    Outcome::NotChecked => result.not_checked += 1,
                }
            }
            CategoryResult { status: result.status(), ..result }
        });
        Self { categories: categories.into(), compliance: report.compliance.clone() }
    }

    /// The verdict on this category.
    #[must_use]
    pub fn status(&self, category: TestCategory) -> CategoryStatus {
        let result = self.categories.iter().find(|result| result.category == category);
        result.map_or(CategoryStatus::NotChecked, |result| result.status)
    }

    /// Whether every category has passed.
    #[must_use]
    pub fn all_passed(&self) -> bool {
        TestCategory::ALL.into_iter().all(|category| self.status(category) == CategoryStatus::Passed)
    }

    /// Whether it says of each category what its numbers say, of each something, and of the score what that category's say.
    pub(crate) fn is_consistent(&self) -> bool {
        let all = self.categories.iter().map(|result| result.category).eq(TestCategory::ALL);
        let scored = self.compliance.as_ref().is_none_or(|score| {
            let result = self.categories.iter().find(|result| result.category == TestCategory::Compliance);
            result.is_some_and(|result| {
                let of = result.passed.saturating_add(result.failed).saturating_add(result.not_checked);
                (score.passed, score.of) == (result.passed, of)
            })
        });
        all && scored && self.categories.iter().all(|result| result.status == result.status())
    }
}
