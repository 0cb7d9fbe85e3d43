//! The step `test`: every package's tests, for each set of features, and the examples in the documentation.

use std::fs;
use std::path::{Path, PathBuf};

use super::checks::feature_sets;
use super::features::Selection;
use super::foreign;
use super::junit;
use super::summary::Outcome;
use super::tools;
use crate::process::Call;
use crate::workspace::Workspace;

/// Runs the tests. Whether a test that skips itself is a failure, `strict` says.
pub(super) fn run(workspace: &Workspace, strict: bool) -> Result<Outcome, String> {
    let nextest = workspace.has_cargo("nextest");
    let mut skipped = Vec::new();
    println!("--- a client that was not written here");
    let client = foreign::build(workspace).map_err(|reason| skipped.push(reason)).ok();
    let told = Told { python: tools::python(workspace), client, strict };
    let mut bad = Vec::new();
    for selection in feature_sets(workspace)? {
        println!("--- {}", selection.name);
        let failed = if nextest {
            run_nextest(workspace, &selection, &told, &mut skipped)?
        } else {
            run_cargo_test(workspace, &selection, &told, &mut skipped)?
        };
        if let Some(tests) = failed {
            bad.push(failure(&selection.name, &tests));
        }
    }
    println!("--- documentation");
    let call = workspace.cargo(&["test", "--doc", "--workspace", "--all-features"]);
    if !told.to(call).pass()? {
        bad.push("documentation".to_owned());
    }
    skipped.sort();
    skipped.dedup();
    Ok(outcome(&bad, skipped))
}

/// A run that failed, with the names of its failed tests as far as they are known, the first ten of them.
fn failure(run: &str, tests: &[String]) -> String {
    let more = if tests.len() > 10 { ", ..." } else { "" };
    match &tests[..tests.len().min(10)] {
        [] => run.to_owned(),
        first => format!("{run}: {}{more}", first.join(", ")),
    }
}

/// What came of it: which runs failed, and what was skipped, which a failure doesn't hide.
fn outcome(bad: &[String], skipped: Vec<String>) -> Outcome {
    match (bad, &skipped[..]) {
        ([], _) => Outcome::passed_but(skipped),
        (bad, []) => Outcome::Failed(format!("tests failed ({})", bad.join("; "))),
        (bad, skips) => {
            Outcome::Failed(format!("tests failed ({}); skipped: {}", bad.join("; "), skips.join("; ")))
        }
    }
}

/// Runs by cargo-nextest; if that failed, the tests that did.
fn run_nextest(
    workspace: &Workspace,
    selection: &Selection,
    told: &Told,
    skipped: &mut Vec<String>,
) -> Result<Option<Vec<String>>, String> {
    let report = workspace.root.join("target/nextest/default/junit.xml");
    match fs::remove_file(&report) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{}: {error}", report.display()));
        }
        _ => {}
    }
    let call = workspace.cargo(&["nextest", "run", "--config-file", "xtask/nextest.toml"]);
    let call = selection.arguments.iter().fold(call, |call, argument| call.arg(argument));
    let good = told.to(call).pass()?;
    let text = match fs::read_to_string(&report) {
        Ok(text) => text,
        // Without a report the tests were not even built.
        Err(_) if !good => return Ok(Some(Vec::new())),
        Err(error) => return Err(format!("{}: {error}", report.display())),
    };
    skipped.extend(junit::skips(&text));
    for test in junit::flaky(&text) {
        println!("FLAKY: {test} failed and then passed");
    }
    Ok((!good).then(|| junit::failures(&text)))
}

/// Runs by cargo itself; if that failed, the tests that did.
fn run_cargo_test(
    workspace: &Workspace,
    selection: &Selection,
    told: &Told,
    skipped: &mut Vec<String>,
) -> Result<Option<Vec<String>>, String> {
    let call = workspace.cargo(&["test", "--no-fail-fast", "--all-targets"]);
    let call = selection.arguments.iter().fold(call, |call, argument| call.arg(argument));
    let call = call.arg("--").arg("--show-output");
    let mut failed = Vec::new();
    let good = told.to(call).watch(|line| {
        skipped.extend(junit::skip(line));
        failed.extend(junit::failed_line(line));
    })?;
    Ok((!good).then_some(failed))
}

/// What tests are told by the environment.
struct Told {
    /// The interpreter that has the Python packages.
    python: Option<PathBuf>,
    /// The client that was not written here.
    client: Option<PathBuf>,
    /// Whether a test that would skip itself fails.
    strict: bool,
}

impl Told {
    fn to(&self, call: Call) -> Call {
        let files: [(&str, Option<&Path>); 2] =
            [("OPENFACTORY_PYTHON", self.python.as_deref()), (foreign::VARIABLE, self.client.as_deref())];
        let known = files.into_iter().filter_map(|(name, file)| Some((name, file?)));
        let call = known.fold(call, |call, (name, file)| call.env(name, file));
        if self.strict { call.env("OPENFACTORY_STRICT", "1") } else { call }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_tests() {
        let tests: Vec<String> = (0..12).map(|n| format!("t{n}")).collect();
        assert_eq!(failure("all", &[]), "all");
        assert_eq!(failure("all", &tests[..2]), "all: t0, t1");
        assert_eq!(failure("all", &tests), "all: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ...");
    }

    #[test]
    fn a_failure_does_not_hide_what_was_skipped() {
        let words = |list: &[&str]| -> Vec<String> { list.iter().map(|word| (*word).to_owned()).collect() };
        assert_eq!(outcome(&[], vec![]), Outcome::Passed);
        assert_eq!(outcome(&[], words(&["a"])), Outcome::Skipped(words(&["a"])));
        assert_eq!(outcome(&words(&["all"]), vec![]), Outcome::Failed("tests failed (all)".into()));
        let both = outcome(&words(&["all"]), words(&["a"]));
        assert_eq!(both, Outcome::Failed("tests failed (all); skipped: a".into()));
    }
}
