//! Results of XCCDF benchmarks (NIST IR 7275), 1.1 and 1.2, alone or in an ARF collection.

use std::collections::BTreeMap;

use roxmltree::Document;

use super::xml::{children, cut};
use super::{Compliance, MAX_CASES, MAX_TEXT, Outcome, TestCase, TestCategory, TestReport, TestReportError};

/// XCCDF's default scoring model.
const DEFAULT_SCORING: &str = "urn:xccdf:scoring:default";

pub(super) fn read(document: &Document<'_>) -> Result<TestReport, TestReportError> {
    let named = |name: &'static str| {
        document.descendants().filter(move |node| node.is_element() && node.tag_name().name() == name)
    };
    let mut results = named("TestResult");
    let (Some(result), None) = (results.next(), results.next()) else {
        return Err(TestReportError::Results { found: named("TestResult").count() });
    };
    // A rule may have several results, one for each check; the worst counts.
    let mut rules: BTreeMap<&str, Outcome> = BTreeMap::new();
    for rule in children(result, "rule-result") {
        let Some(id) = rule.attribute("idref").filter(|id| (1..=MAX_TEXT).contains(&id.len())) else {
            let reason = format!("a rule's result names no rule by an id of 1 to {MAX_TEXT} bytes");
            return Err(TestReportError::Shape { reason });
        };
        let mut words = children(rule, "result");
        let (Some(word), None) = (words.next(), words.next()) else {
            let reason = format!(
                "a result of the rule {:?} says {} words, one is said",
                cut(id),
                children(rule, "result").count()
            );
            return Err(TestReportError::Shape { reason });
        };
        let word = word.text().unwrap_or_default().trim();
        let outcome = match word {
            "pass" | "fixed" => Outcome::Passed,
            "fail" => Outcome::Failed,
            "error" | "unknown" | "notchecked" => Outcome::NotChecked,
            "notapplicable" | "notselected" | "informational" => continue,
            other => {
                let reason = format!("{:?} is no result of the rule {:?}", cut(other), cut(id));
                return Err(TestReportError::Shape { reason });
            }
        };
        let worst = rules.entry(id).or_insert(outcome);
        if rank(outcome) > rank(*worst) {
            *worst = outcome;
        }
        if rules.len() > MAX_CASES {
            return Err(TestReportError::TooMany { max: MAX_CASES });
        }
    }
    let benchmark = children(result, "benchmark").next();
    let benchmark = benchmark.and_then(|it| it.attribute("id").or_else(|| it.attribute("href")));
    let benchmark = benchmark.or_else(|| named("Benchmark").next()?.attribute("id"));
    let profile = children(result, "profile").next().and_then(|it| it.attribute("idref"));
    let score = children(result, "score").find(|it| it.attribute("system") == Some(DEFAULT_SCORING));
    let cases = rules.iter().map(|(id, outcome)| TestCase::new(TestCategory::Compliance, *id, *outcome));
    let mut report = TestReport::new(cases.collect())?;
    let mut compliance = Compliance::of(&report.cases, cut(benchmark.unwrap_or("unnamed")));
    compliance.profile = profile.map(cut);
    compliance.default_score = score.and_then(|it| it.text()).map(cut);
    report.compliance = Some(compliance);
    Ok(report)
}

const fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::NotChecked => 1,
        Outcome::Failed => 2,
    }
}
