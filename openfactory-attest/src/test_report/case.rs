//! One test case, what it tests and how it went.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a test is about (integration guide, Stage 2: the tests in a virtual machine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestCategory {
    /// The image boots.
    Boot,
    /// The packages are there and work.
    Package,
    /// The services run and answer.
    Service,
    /// The image is configured as a benchmark asks, such as CIS.
    Compliance,
    /// It is fast enough.
    Performance,
}

impl TestCategory {
    /// All of them, in the guide's order.
    pub const ALL: [Self; 5] =
        [Self::Boot, Self::Package, Self::Service, Self::Compliance, Self::Performance];

    /// The name used in files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Package => "package",
            Self::Service => "service",
            Self::Compliance => "compliance",
            Self::Performance => "performance",
        }
    }
}

impl fmt::Display for TestCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no category.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no category of tests is called {name:?}; there are {}", TestCategory::ALL.map(TestCategory::as_str).join(", "))]
pub struct ParseCategoryError {
    name: String,
}

impl FromStr for TestCategory {
    type Err = ParseCategoryError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|category| category.as_str() == name);
        found.ok_or_else(|| ParseCategoryError { name: name.chars().take(64).collect() })
    }
}

/// How a test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Not as it should.
    Failed,
    /// Skipped, or nobody can say.
    NotChecked,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TestCase {
    /// What it is about.
    pub category: TestCategory,
    /// What it is called; a rule's id.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
    /// What is to be said of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl TestCase {
    /// A test of this name.
    pub fn new(category: TestCategory, name: impl Into<String>, outcome: Outcome) -> Self {
        Self { category, name: name.into(), outcome, detail: None }
    }

    /// With what is to be said of it.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}
