//! Test reports of a build, by category: what was tested in a virtual machine, and what a compliance scan said
//! (`docs/formats/test-report.md`).
//!
//! A [`TestReport`] is put together from JUnit XML, from OpenSCAP's XCCDF results (feature `test-report`) and from reports of its own
//! form. Its [`summary`](TestReport::summary) is what a verification document carries: one verdict for each category. A
//! category that nothing was tested of is "not checked", which is no pass.

mod case;
mod error;
mod summary;

#[cfg(feature = "test-report")]
mod bounds;
#[cfg(feature = "test-report")]
mod junit;
#[cfg(feature = "test-report")]
mod xccdf;
#[cfg(feature = "test-report")]
mod xml;

pub use case::{Outcome, ParseCategoryError, TestCase, TestCategory};
pub use error::TestReportError;
pub use summary::{CategoryResult, CategoryStatus, Compliance, TestSummary};

use serde::{Deserialize, Serialize};

use crate::canonical::{self, Limits, VersionedError, of_version};
use crate::document::NamedDigest;

/// The version of the report that is written and read here.
pub const VERSION: u32 = 1;

/// Bytes of a report at most, in whatever form: 64 MiB.
pub const MAX_REPORT: usize = 64 << 20;

/// Test cases in a report at most.
pub const MAX_CASES: usize = 200_000;

/// Bytes of a case's name, or of any other text in a report, at most; longer ones are cut where they come from others.
const MAX_TEXT: usize = 1024;

/// Every test case of a build, and the files that they were read from.
///
/// ```
/// use openfactory_attest::test_report::{CategoryStatus, Outcome, TestCase, TestCategory, TestReport};
///
/// let report = TestReport::new(vec![
///     TestCase::new(TestCategory::Boot, "reaches multi-user.target", Outcome::Passed),
///     TestCase::new(TestCategory::Service, "sshd answers", Outcome::Failed),
/// ])?;
/// let summary = TestReport::parse(&report.to_json()?)?.summary();
/// assert_eq!(summary.status(TestCategory::Boot), CategoryStatus::Passed);
/// assert_eq!(summary.status(TestCategory::Service), CategoryStatus::Failed);
/// assert_eq!(summary.status(TestCategory::Performance), CategoryStatus::NotChecked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TestReport {
    /// [`VERSION`].
    pub version: u32,
    /// The cases, in the order in which they were read.
    pub cases: Vec<TestCase>,
    /// What a compliance scan went by; its rules are among the cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Compliance>,
    /// The files that it was read from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<NamedDigest>,
}

impl TestReport {
    /// A report of these cases.
    ///
    /// # Errors
    /// [`TestReportError`] for too many, or one without a name.
    pub fn new(cases: Vec<TestCase>) -> Result<Self, TestReportError> {
        let report = Self { version: VERSION, cases, compliance: None, sources: Vec::new() };
        report.check()?;
        Ok(report)
    }

    /// Reads a report of this form: strict JSON, integers only.
    ///
    /// # Errors
    /// [`TestReportError`] says what it is instead.
    pub fn parse(bytes: &[u8]) -> Result<Self, TestReportError> {
        let limits = Limits { max_bytes: MAX_REPORT, ..Limits::SIGNED };
        let value = canonical::parse(bytes, &limits).map_err(TestReportError::Json)?;
        let report: Self = of_version(value, VERSION).map_err(|error| match error {
            VersionedError::Version { found } => TestReportError::Version { found },
            VersionedError::Shape { reason } => TestReportError::Shape { reason },
        })?;
        report.check()?;
        Ok(report)
    }

    /// Reads a report in whichever form it is: this one, JUnit XML, or XCCDF results.
    ///
    /// `category` is that of JUnit cases which name none themselves ([`TestReport::of_junit`]).
    ///
    /// # Errors
    /// [`TestReportError`].
    #[cfg(feature = "test-report")]
    pub fn read(bytes: &[u8], category: Option<TestCategory>) -> Result<Self, TestReportError> {
        let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        if !start.starts_with(b"<") {
            return Self::parse(bytes);
        }
        let document = xml::parse(bytes)?;
        match document.root_element().tag_name().name() {
            "testsuites" | "testsuite" => junit::read(&document, category),
            _ => xccdf::read(&document),
        }
    }

    /// Reads JUnit XML, as pytest, Maven, cargo-nextest and others write it.
    ///
    /// A case is of the category that its suite is named after, or the first part of its `classname` (`boot`, `boot.network`);
    /// else of the one given. What was skipped is "not checked". A report whose suites announce more failures than they hold
    /// was cut, and is refused.
    ///
    /// # Errors
    /// [`TestReportError`]; [`TestReportError::NoCategory`] for a case of which nobody says what it tests.
    #[cfg(feature = "test-report")]
    pub fn of_junit(bytes: &[u8], category: Option<TestCategory>) -> Result<Self, TestReportError> {
        junit::read(&xml::parse(bytes)?, category)
    }

    /// Reads the results of an XCCDF benchmark (1.1 or 1.2), as `oscap xccdf eval --results` or `--results-arf` writes them.
    ///
    /// Each rule that was selected and applies is a case of the category compliance: `pass` and `fixed` passed, `fail` failed,
    /// `error`, `unknown` and `notchecked` were not checked, and count against the score.
    ///
    /// # Errors
    /// [`TestReportError`]; [`TestReportError::Results`] where it holds no results, or several.
    #[cfg(feature = "test-report")]
    pub fn of_xccdf(bytes: &[u8]) -> Result<Self, TestReportError> {
        xccdf::read(&xml::parse(bytes)?)
    }

    /// The same report, which names the file that it was read from.
    #[must_use]
    pub fn from_source(mut self, source: NamedDigest) -> Self {
        self.sources.push(source);
        self
    }

    /// Both reports as one.
    ///
    /// # Errors
    /// [`TestReportError::Results`] where both hold a compliance scan; too many cases.
    pub fn and(mut self, other: Self) -> Result<Self, TestReportError> {
        if self.compliance.is_some() && other.compliance.is_some() {
            return Err(TestReportError::Results { found: 2 });
        }
        self.cases.extend(other.cases);
        self.compliance = self.compliance.or(other.compliance);
        self.sources.extend(other.sources);
        self.check()?;
        Ok(self)
    }

    /// The report as canonical JSON (RFC 8785), with a newline at the end.
    ///
    /// # Errors
    /// [`TestReportError::Canonical`].
    pub fn to_json(&self) -> Result<Vec<u8>, TestReportError> {
        let mut bytes = canonical::to_vec_signed(self).map_err(TestReportError::Canonical)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// One verdict for each category.
    #[must_use]
    pub fn summary(&self) -> TestSummary {
        TestSummary::of(self)
    }

    fn check(&self) -> Result<(), TestReportError> {
        if self.cases.len() > MAX_CASES {
            return Err(TestReportError::TooMany { max: MAX_CASES });
        }
        let bad = |text: &str| text.is_empty() || text.len() > MAX_TEXT;
        if let Some(index) = self.cases.iter().position(|case| bad(&case.name)) {
            let reason = format!("a case has a name of 1 to {MAX_TEXT} bytes, case {index} has not");
            return Err(TestReportError::Shape { reason });
        }
        let Some(compliance) = &self.compliance else { return Ok(()) };
        let found = Compliance::of(&self.cases, String::new());
        let claim = (compliance.passed, compliance.of, compliance.rule_set);
        if claim != (found.passed, found.of, found.rule_set) {
            let reason = "the compliance score is not that of the rules among the cases".to_owned();
            return Err(TestReportError::Shape { reason });
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(feature = "test-report")]
mod tests;
