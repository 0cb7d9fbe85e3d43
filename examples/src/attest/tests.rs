//! `attest tests`: what was tested of a build, by category.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use openfactory_attest::document::{FileDigest, NamedDigest};
use openfactory_attest::test_report::{CategoryStatus, MAX_REPORT, TestCategory, TestReport, TestSummary};
use serde_json::{Value, json};

use super::target::Target;
use super::{CliError, input, output};
use crate::cli::Verdict;

/// `attest tests ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TestsCommand {
    /// Put test reports together: JUnit XML, OpenSCAP's XCCDF results, and reports of this form
    ///
    /// A JUnit case is of the category that its suite or the first part of its classname is named after: boot, package, service,
    /// compliance, performance. CATEGORY=FILE says it for cases that are named otherwise.
    #[command(after_help = "Example:
  oscap xccdf eval --profile cis --results cis.xml ssg-debian12-ds.xml
  attest tests combine boot=boot.xml junit.xml cis.xml -o tests.json
  attest document sign ... --test-report tests.json

The report names the files that it was read from, with their digests.")]
    Combine {
        /// The reports
        #[arg(value_name = "[CATEGORY=]FILE", required = true, value_parser = Given::parse)]
        reports: Vec<Given>,
        /// Where to put the report
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Judge a test report: every category
    #[command(
        after_help = "Exit status: 0 every category has passed, 1 one has failed, 2 could not check, or one was not \
                            checked."
    )]
    Check {
        /// The report, in any of these forms
        #[arg(value_name = "[CATEGORY=]FILE", value_parser = Given::parse)]
        report: Given,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A report, and of which category its cases are that say nothing of it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    category: Option<TestCategory>,
    file: PathBuf,
}

impl Given {
    #[expect(clippy::unnecessary_wraps, reason = "clap's signature")]
    fn parse(text: &str) -> Result<Self, String> {
        // A file whose name has an equals sign in it is one all the same.
        let split = text.split_once('=').and_then(|(name, file)| Some((name.parse().ok()?, file)));
        Ok(match split {
            Some((category, file)) => Self { category: Some(category), file: file.into() },
            None => Self { category: None, file: text.into() },
        })
    }

    fn read(&self) -> Result<TestReport, CliError> {
        let bytes = input::read(&self.file, MAX_REPORT)?;
        let report = TestReport::read(&bytes, self.category).map_err(|error| {
            CliError::because(format!("{} is no test report", self.file.display()), error)
        })?;
        Ok(report.from_source(NamedDigest::new(input::name(&self.file)?, FileDigest::of(&bytes))))
    }
}

impl TestsCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Combine { reports, output } => combine(&reports, &output),
            Self::Check { report, json } => check(&report.read()?.summary(), json),
        }
    }
}

fn combine(reports: &[Given], output: &Path) -> Result<Verdict, CliError> {
    let target = Target::new(output, reports.iter().map(|report| report.file.as_path()))?;
    let cannot = |error| CliError::because("the test reports can't be put together", error);
    let mut whole = TestReport::new(Vec::new()).map_err(cannot)?;
    for report in reports {
        whole = whole.and(report.read()?).map_err(cannot)?;
    }
    target.write(&whole.to_json().map_err(cannot)?)?;
    output::text(&text(&whole.summary()))?;
    Ok(Verdict::Good)
}

fn check(summary: &TestSummary, as_json: bool) -> Result<Verdict, CliError> {
    if as_json {
        output::write_json(&tests_json(Some(summary)))?;
    } else {
        output::text(&text(summary))?;
    }
    let status = |wanted| TestCategory::ALL.into_iter().filter(move |it| summary.status(*it) == wanted);
    if status(CategoryStatus::Failed).next().is_some() {
        return Ok(Verdict::Bad);
    }
    let open: Vec<&str> = status(CategoryStatus::NotChecked).map(TestCategory::as_str).collect();
    if open.is_empty() {
        return Ok(Verdict::Good);
    }
    Err(CliError::new(format!("not checked: {}", open.join(", "))))
}

fn text(summary: &TestSummary) -> String {
    let mut text = String::new();
    for result in &summary.categories {
        let numbers =
            format!("{} passed, {} failed, {} not checked", result.passed, result.failed, result.not_checked);
        text.push_str(&format!("{:<12} {} ({numbers})\n", result.category, result.status));
    }
    if let Some(compliance) = &summary.compliance {
        let benchmark = &compliance.benchmark;
        text.push_str(&format!(
            "Score:       {} of {} rules of {benchmark}\n",
            compliance.passed, compliance.of
        ));
    }
    text
}

/// The verdicts as JSON; what nobody says is not checked.
pub(crate) fn tests_json(tests: Option<&TestSummary>) -> Value {
    let status = |category| tests.map_or(CategoryStatus::NotChecked, |tests| tests.status(category));
    let by_category = TestCategory::ALL.map(|category| (category.to_string(), json!(status(category))));
    json!({
        "categories": by_category.into_iter().collect::<serde_json::Map<_, _>>(),
        "numbers": tests.map(|tests| &tests.categories),
        "compliance": tests.and_then(|tests| tests.compliance.as_ref()),
    })
}

/// The verdicts on one line.
pub(crate) fn tests_line(tests: Option<&TestSummary>) -> String {
    let status = |category| tests.map_or(CategoryStatus::NotChecked, |tests| tests.status(category));
    let words = TestCategory::ALL.map(|category| format!("{category} {}", status(category)));
    format!("Tests: {}\n", words.join(", "))
}
