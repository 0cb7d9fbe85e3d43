//! The step `test`: every package's tests, for each set of features, and the examples in the documentation.

use std::fs;

use super::checks::feature_sets;
use super::features::Selection;
use super::junit;
use super::summary::Outcome;
use super::tools;
use crate::process::Call;
use crate::workspace::Workspace;

/// Runs the tests. Whether a test that skips itself is a failure, `strict` says.
pub(super) fn run(workspace: &Workspace, strict: bool) -> Result<Outcome, String> {
    let nextest = workspace.has_cargo("nextest");
    let mut skipped = Vec::new();
    let mut bad = Vec::new();
    for selection in feature_sets(workspace)? {
        println!("--- {}", selection.name);
        let good = if nextest {
            run_nextest(workspace, &selection, strict, &mut skipped)?
        } else {
            run_cargo_test(workspace, &selection, strict, &mut skipped)?
        };
        if !good {
            bad.push(selection.name);
        }
    }
    println!("--- documentation");
    let call = workspace.cargo(&["test", "--doc", "--workspace", "--all-features"]);
    if !environment(call, workspace, strict).pass()? {
        bad.push("documentation".to_owned());
    }
    skipped.sort();
    skipped.dedup();
    Ok(outcome(&bad, skipped))
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

fn run_nextest(
    workspace: &Workspace,
    selection: &Selection,
    strict: bool,
    skipped: &mut Vec<String>,
) -> Result<bool, String> {
    let report = workspace.root.join("target/nextest/default/junit.xml");
    match fs::remove_file(&report) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{}: {error}", report.display()));
        }
        _ => {}
    }
    let call = workspace.cargo(&["nextest", "run", "--config-file", "xtask/nextest.toml"]);
    let call = selection.arguments.iter().fold(call, |call, argument| call.arg(argument));
    let good = environment(call, workspace, strict).pass()?;
    match fs::read_to_string(&report) {
        Ok(text) => skipped.extend(junit::skips(&text)),
        // Without a report the tests were not even built.
        Err(error) if good => return Err(format!("{}: {error}", report.display())),
        Err(_) => {}
    }
    Ok(good)
}

fn run_cargo_test(
    workspace: &Workspace,
    selection: &Selection,
    strict: bool,
    skipped: &mut Vec<String>,
) -> Result<bool, String> {
    let call = workspace.cargo(&["test", "--no-fail-fast", "--all-targets"]);
    let call = selection.arguments.iter().fold(call, |call, argument| call.arg(argument));
    let call = call.arg("--").arg("--show-output");
    environment(call, workspace, strict).watch(|line| skipped.extend(junit::skip(line)))
}

/// What tests are told by the environment.
fn environment(call: Call, workspace: &Workspace, strict: bool) -> Call {
    let call = match tools::python(workspace) {
        Some(python) => call.env("OPENFACTORY_PYTHON", python),
        None => call,
    };
    if strict { call.env("OPENFACTORY_STRICT", "1") } else { call }
}

#[cfg(test)]
mod tests {
    use super::*;

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
