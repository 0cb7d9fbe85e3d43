//! The step `profiles`: the client's tests against the simulator in each of its further profiles. What ends otherwise than
//! in the profile `guide` is what `PROFILES.md` of the simulator lists, with the words it ends with, and nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use super::summary::Outcome;
use super::tools;
use crate::process::Call;
use crate::workspace::Workspace;

/// The list, from the workspace's root.
const LIST: &str = "openfactory-simulator/PROFILES.md";

/// The package whose tests are run, and their program.
const PACKAGE: &str = "openfactory-sn";
const PROGRAM: &str = "it";

/// Tells the tests which profile to ask.
const VARIABLE: &str = "OPENFACTORY_SIM_PROFILE";

/// The profiles beside `guide`, which the step `test` runs.
const PROFILES: [&str; 2] = ["stock", "hardened"];

/// Runs the tests in each profile, and holds what came of them against the list.
pub(super) fn run(workspace: &Workspace, strict: bool) -> Result<Outcome, String> {
    let list =
        std::fs::read_to_string(workspace.root.join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    let rows = rows(&list)?;
    let program = program(workspace)?;
    let mut wrong = Vec::new();
    for profile in PROFILES {
        let tests = |names: &[String]| -> Result<BTreeMap<String, Option<String>>, String> {
            let call = Call::new(&program, &workspace.root.join(PACKAGE)).env(VARIABLE, profile);
            let call = match tools::python(workspace) {
                Some(python) => call.env("OPENFACTORY_PYTHON", python),
                None => call,
            };
            let call = if strict { call.env("OPENFACTORY_STRICT", "1") } else { call };
            let call = if names.is_empty() { call } else { call.arg("--exact") };
            let output = names.iter().fold(call, |call, name| call.arg(name)).output()?;
            Ok(ended(&String::from_utf8_lossy(&output.stdout)))
        };
        let listed: Vec<&Row> = rows.iter().filter(|row| row.profile == profile).collect();
        let mut ended = tests(&[])?;
        let lost = unlisted(&listed, &ended);
        if !lost.is_empty() {
            // As in the step `test`: who loses once, beside others on few cores, is tried again and named.
            let again = tests(&lost)?;
            again.iter().filter(|(_, said)| said.is_none()).for_each(|(test, _)| println!("FLAKY {test}"));
            ended.extend(again);
        }
        let failed = ended.values().filter(|said| said.is_some()).count();
        println!("{profile}: {} tests, {failed} end otherwise", ended.len());
        wrong.extend(judge(&listed, &ended).into_iter().map(|text| format!("{profile}: {text}")));
    }
    wrong.iter().for_each(|text| println!("{text}"));
    Ok(match wrong.len() {
        0 => Outcome::Passed,
        count => Outcome::Failed(format!("{count} differences from {LIST}")),
    })
}

/// An expected difference.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    profile: String,
    test: String,
    /// What the test says as it fails.
    says: String,
}

/// The rows `| profile | test | says | why |`, of which the two in the middle are quoted.
fn rows(list: &str) -> Result<Vec<Row>, String> {
    let lines =
        list.lines().filter(|line| PROFILES.iter().any(|name| line.starts_with(&format!("| {name} |"))));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [profile, test, says, _] = cells[..] else {
                return Err(format!("{LIST}: not four cells: {line}"));
            };
            let bare = |cell: &str| cell.trim_matches('`').to_owned();
            Ok(Row { profile: profile.to_owned(), test: bare(test), says: bare(says) })
        })
        .collect()
}

/// Each test by name, with what it said if it failed, as the test program printed it.
fn ended(output: &str) -> BTreeMap<String, Option<String>> {
    let mut ended = BTreeMap::new();
    let mut saying: Option<String> = None;
    for line in output.lines() {
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            saying = Some(name.to_owned());
        } else if line == "failures:" {
            saying = None;
        } else if let Some(name) = &saying {
            if let Some(Some(said)) = ended.get_mut(name) {
                let said: &mut String = said;
                said.push_str(line);
                said.push('\n');
            }
        } else if let Some((name, outcome)) =
            line.strip_prefix("test ").and_then(|line| line.split_once(" ... "))
        {
            let name = name.split(" - ").next().unwrap_or(name).to_owned();
            ended.insert(name, (outcome == "FAILED").then(String::new));
        }
    }
    ended
}

/// What is not as the list has it.
fn judge(listed: &[&Row], ended: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    if ended.is_empty() {
        wrong.push("no test was run".to_owned());
    }
    for row in listed {
        match ended.get(&row.test) {
            None => wrong.push(format!("{} was not run", row.test)),
            Some(None) => wrong.push(format!("{} is listed and does not differ", row.test)),
            Some(Some(said)) if !said.contains(&row.says) => {
                wrong.push(format!("{} does not say {:?}:\n{said}", row.test, row.says));
            }
            Some(Some(_)) => {}
        }
    }
    for test in unlisted(listed, ended) {
        let said = ended.get(&test).and_then(Option::as_deref).unwrap_or_default();
        wrong.push(format!("{test} differs and is not listed:\n{said}"));
    }
    wrong
}

/// The tests that failed although they are not listed.
fn unlisted(listed: &[&Row], ended: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let failed = ended.iter().filter(|(_, said)| said.is_some()).map(|(test, _)| test);
    failed.filter(|test| listed.iter().all(|row| row.test != **test)).cloned().collect()
}

/// The test program, built as the step `test` builds it, so that nothing is built twice.
fn program(workspace: &Workspace) -> Result<String, String> {
    let build = ["test", "--workspace", "--all-features", "--no-run", "--message-format", "json"];
    let messages = workspace.cargo(&build).read()?;
    let found =
        messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
            let is_it = message["target"]["name"] == PROGRAM && message["target"]["kind"][0] == "test";
            let ours = message["package_id"].as_str().is_some_and(|id| id.contains(PACKAGE));
            (is_it && ours).then(|| message["executable"].as_str().map(str::to_owned)).flatten()
        });
    found.ok_or_else(|| format!("cargo built no test {PROGRAM} of {PACKAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 3 tests\ntest a::good ... ok\ntest a::bad ... FAILED\ntest b - should panic ... ok\n\
        \nfailures:\n\n---- a::bad stdout ----\n\nthread 'a::bad' panicked at x.rs:1:1:\ntest it ... not a result\n\n\
        \nfailures:\n    a::bad\n\ntest result: FAILED. 2 passed; 1 failed;\n";

    #[test]
    fn what_tests_say_is_read() {
        let ended = ended(OUTPUT);
        assert_eq!(ended.keys().collect::<Vec<_>>(), ["a::bad", "a::good", "b"]);
        assert!(ended["a::bad"].as_deref().is_some_and(|said| said.contains("not a result")));
        assert_eq!((&ended["a::good"], &ended["b"]), (&None, &None));
    }

    #[test]
    fn a_difference_too_many_or_too_few_is_wrong() {
        let list = |test: &str, says: &str| rows(&format!("| stock | `{test}` | `{says}` | why |")).unwrap();
        let count = |list: Vec<Row>| judge(&list.iter().collect::<Vec<_>>(), &ended(OUTPUT)).len();
        assert_eq!(count(list("a::bad", "not a result")), 0);
        assert_eq!(count(list("a::bad", "other words")), 1);
        assert_eq!(count(Vec::new()), 1);
        assert_eq!(count(list("a::good", "x")), 2);
        assert_eq!(count(list("a::gone", "x")), 2);
        assert_eq!(judge(&[], &BTreeMap::new()), ["no test was run"]);
        assert!(rows("| stock | `a` |").is_err());
        assert_eq!(rows("| profile | test |\n|---|---|\n").unwrap(), []);
    }
}
