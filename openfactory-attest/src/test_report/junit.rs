//! JUnit XML: `testsuites`, `testsuite`, `testcase`, and what is inside of those that did not pass.

use roxmltree::{Document, Node};

use super::xml::cut;
use super::{MAX_CASES, Outcome, TestCase, TestCategory, TestReport, TestReportError};

/// Suites within each other at most.
const MAX_DEPTH: usize = 32;

pub(super) fn read(
    document: &Document<'_>,
    category: Option<TestCategory>,
) -> Result<TestReport, TestReportError> {
    let root = document.root_element();
    let mut cases = Vec::new();
    match root.tag_name().name() {
        "testsuites" | "testsuite" => suite(root, category, &mut cases, 0)?,
        other => {
            let reason = format!("<{}> is neither <testsuites> nor <testsuite>", cut(other));
            return Err(TestReportError::Shape { reason });
        }
    }
    TestReport::new(cases)
}

/// The cases of a suite, and of those within it; `testsuites` is one whose cases are mostly within others.
fn suite(
    node: Node<'_, '_>,
    given: Option<TestCategory>,
    cases: &mut Vec<TestCase>,
    depth: usize,
) -> Result<(), TestReportError> {
    if depth > MAX_DEPTH {
        let reason = format!("test suites stand more than {MAX_DEPTH} deep within each other");
        return Err(TestReportError::Shape { reason });
    }
    let name = node.attribute("name").unwrap_or(node.tag_name().name());
    let category = named(name).or(given);
    let first = cases.len();
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "testsuite" => suite(child, category, cases, depth + 1)?,
            "testcase" => cases.push(case(child, category)?),
            _ => cases.extend(beside_cases(child, name, category)?),
        }
        if cases.len() > MAX_CASES {
            return Err(TestReportError::TooMany { max: MAX_CASES });
        }
    }
    announced(node, name, cases.get(first..).unwrap_or_default())
}

/// What else a suite holds: a failure of its own, or results where nobody looks for them, is a case that failed.
fn beside_cases(
    node: Node<'_, '_>,
    suite: &str,
    category: Option<TestCategory>,
) -> Result<Option<TestCase>, TestReportError> {
    let tells = |node: &Node<'_, '_>| {
        node.is_element() && matches!(node.tag_name().name(), "testcase" | "failure" | "error")
    };
    let Some(first) = node.descendants().find(tells) else { return Ok(None) };
    let name = cut(&format!("{suite}::<{}>", node.tag_name().name()));
    let Some(category) = category else { return Err(TestReportError::NoCategory { name }) };
    let detail = match first.tag_name().name() {
        "testcase" => "it holds test cases, but is no test suite".to_owned(),
        _ => first.attribute("message").or_else(|| first.text()).map(cut).unwrap_or_default(),
    };
    let case = TestCase::new(category, name, Outcome::Failed);
    Ok(Some(if detail.is_empty() { case } else { case.with_detail(detail) }))
}

fn case(node: Node<'_, '_>, suite: Option<TestCategory>) -> Result<TestCase, TestReportError> {
    let class = node.attribute("classname").unwrap_or_default();
    let name = node.attribute("name").unwrap_or_default();
    let name = match (class, name) {
        ("", "") => return Err(TestReportError::Shape { reason: "a test case has no name".to_owned() }),
        ("", name) => cut(name),
        (class, name) => cut(&format!("{class}::{name}")),
    };
    let Some(category) = named(class).or(suite) else {
        return Err(TestReportError::NoCategory { name });
    };
    let inside = |names: [&str; 2]| {
        node.children().find(|child| child.is_element() && names.contains(&child.tag_name().name()))
    };
    // What failed and was then skipped has failed.
    if let Some(failure) = inside(["failure", "error"]) {
        let detail = failure.attribute("message").or_else(|| failure.text()).map(cut).unwrap_or_default();
        let case = TestCase::new(category, name, Outcome::Failed);
        return Ok(if detail.is_empty() { case } else { case.with_detail(detail) });
    }
    let said =
        [node.attribute("status"), node.attribute("result")].map(|word| said(word.unwrap_or_default()));
    let outcome = if said.contains(&Outcome::Failed) {
        Outcome::Failed
    } else if said.contains(&Outcome::NotChecked) || inside(["skipped", "disabled"]).is_some() {
        Outcome::NotChecked
    } else {
        Outcome::Passed
    };
    Ok(TestCase::new(category, name, outcome))
}

/// What a case's `status` or `result` says; a word that is not known says of no case that it passed.
fn said(word: &str) -> Outcome {
    match word.trim().to_ascii_lowercase().as_str() {
        "" | "run" | "completed" | "pass" | "passed" | "success" | "ok" | "fixed" => Outcome::Passed,
        "fail" | "failed" | "failure" | "error" | "regression" => Outcome::Failed,
        _ => Outcome::NotChecked,
    }
}

/// The category whose name a suite or a class has, or begins with.
fn named(name: &str) -> Option<TestCategory> {
    let first = name.split(['.', ':', '/']).next().unwrap_or_default();
    first.trim().to_ascii_lowercase().parse().ok()
}

/// Holds what a suite announces against what it has.
fn announced(node: Node<'_, '_>, name: &str, cases: &[TestCase]) -> Result<(), TestReportError> {
    let number = |attribute| match node.attribute(attribute).map(str::trim) {
        None | Some("") => Ok(0),
        Some(text) => text.parse::<u64>().map_err(|_| {
            let reason = format!("{:?} is no number of {attribute}", cut(text));
            TestReportError::Shape { reason }
        }),
    };
    let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count() as u64;
    let (failed, not_checked) = (count(Outcome::Failed), count(Outcome::NotChecked));
    let failures = number("failures")?.saturating_add(number("errors")?);
    let announced = [
        ("tests", number("tests")?, cases.len() as u64),
        // A case may fail and err at once, so fewer are found than are announced; none is not among them.
        ("failures", failures, if failed > 0 { u64::MAX } else { 0 }),
        // What was skipped may have failed afterwards.
        ("skipped", number("skipped")?, not_checked + failed),
    ];
    for (what, announced, found) in announced {
        if announced > found {
            return Err(TestReportError::Cut { suite: cut(name), what, announced, found });
        }
    }
    Ok(())
}
