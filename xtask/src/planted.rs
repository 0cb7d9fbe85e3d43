//! `cargo xtask planted`: bugs are planted into the queue, one at a time, and each must be found.
//!
//! Who tests tests? A sync, a fencing check, an order clause is taken away in a copy of the work tree, and then the
//! crate's tests, or a short torture, must fail. The bugs are the files `openfactory-queue/tests/planted/*.bug`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Args;

mod bug;
mod copy;

use crate::test::{junit, python};
use crate::torture;
use crate::workspace::Workspace;
use bug::{Bug, Finder};
use copy::{Copy, Planted};

/// The package that the bugs are planted into.
const PACKAGE: &str = "openfactory-queue";

/// Which bugs, and how far to go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only see whether each bug can still be planted.
    #[arg(long)]
    check: bool,
    /// Only these, by the names of their files.
    names: Vec<String>,
}

/// Plants bug after bug; whether each was found.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let bugs = bugs(workspace)?;
    if let Some(name) = options.names.iter().find(|name| bugs.iter().all(|bug| bug.name != **name)) {
        return Err(format!("no planted bug is called {name}"));
    }
    if options.check {
        let wrong = misfits(workspace)?;
        wrong.iter().for_each(|line| println!("{line}"));
        println!("{} bugs, {} can't be planted any more", bugs.len(), wrong.len());
        return Ok(wrong.is_empty());
    }
    if !workspace.has_cargo("nextest") {
        return Err("needs cargo-nextest, which ends tests that hang".to_owned());
    }
    let wanted = |bug: &&Bug| options.names.is_empty() || options.names.contains(&bug.name);
    let wanted: Vec<&Bug> = bugs.iter().filter(wanted).collect();
    let copy = Copy::make(workspace)?;
    // A server may come with the packages of the tests' Python.
    let python = python(workspace);
    let copied = workspace.at(copy.root.clone(), workspace.target.join("planted/target"));
    sound(&copied, python.as_deref(), &wanted)?;
    let mut survivors = 0;
    let mut table = Vec::new();
    for bug in wanted {
        println!("\n=== {}: {}", bug.name, bug.what);
        let files = bug.plant(&copied.root.join(PACKAGE))?;
        let planted = files.iter().map(|(path, text)| Planted::new(path.clone(), text));
        let planted = planted.collect::<Result<Vec<_>, _>>()?;
        let found = find(&copied, python.as_deref(), &bug.finder)?;
        drop(planted);
        survivors += usize::from(found.is_none());
        table.push(format!("{}: {}", bug.name, found.unwrap_or_else(|| "SURVIVED".to_owned())));
    }
    println!("\n{}\n{survivors} of {} bugs survived", table.join("\n"), table.len());
    Ok(survivors == 0)
}

/// What is wrong with bugs that can't be planted into the present source, a line each.
pub(crate) fn misfits(workspace: &Workspace) -> Result<Vec<String>, String> {
    let package = workspace.root.join(PACKAGE);
    let misfit = |bug: &Bug| bug.plant(&package).err().map(|reason| format!("{}: {reason}", bug.name));
    Ok(bugs(workspace)?.iter().filter_map(misfit).collect())
}

fn bugs(workspace: &Workspace) -> Result<Vec<Bug>, String> {
    bug::read_all(&workspace.root.join(PACKAGE).join("tests/planted"))
}

/// Without a bug nothing may be found: otherwise finding something says nothing.
fn sound(copied: &Workspace, python: Option<&Path>, bugs: &[&Bug]) -> Result<(), String> {
    let mut finders: Vec<&Finder> = bugs.iter().map(|bug| &bug.finder).collect();
    finders.dedup();
    let mut tried: Vec<&Finder> = Vec::new();
    for finder in finders {
        if tried.contains(&finder) {
            continue;
        }
        println!("\n=== without a bug");
        if let Some(found) = find(copied, python, finder)? {
            return Err(format!("without a bug there is found: {found}"));
        }
        tried.push(finder);
    }
    Ok(())
}

/// What was found, if anything was.
fn find(copied: &Workspace, python: Option<&Path>, finder: &Finder) -> Result<Option<String>, String> {
    match finder {
        Finder::Suite => suite(copied, python),
        Finder::Torture(arguments) => tortured(copied, arguments),
    }
}

fn suite(copied: &Workspace, python: Option<&Path>) -> Result<Option<String>, String> {
    let report = copied.root.join("target/nextest/planted/junit.xml");
    match fs::remove_file(&report) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{}: {error}", report.display()));
        }
        _ => {}
    }
    let call =
        copied.cargo(&["nextest", "run", "--config-file", "xtask/nextest.toml", "--profile", "planted"]);
    let call = match python {
        Some(python) => call.env("OPENFACTORY_PYTHON", python),
        None => call,
    };
    let good = call.arg("--package").arg(PACKAGE).arg("--all-features").pass()?;
    let text = fs::read_to_string(&report).map_err(|error| format!("{}: {error}", report.display()))?;
    if let Some(skipped) = junit::skips(&text).first() {
        return Err(format!("a bug may hide behind what was skipped: {skipped}"));
    }
    let failed: BTreeSet<String> = junit::failures(&text).into_iter().collect();
    if good != failed.is_empty() {
        return Err("the tests' report is not what came of the tests".to_owned());
    }
    Ok((!good).then(|| failed.into_iter().collect::<Vec<_>>().join(", ")))
}

fn tortured(copied: &Workspace, arguments: &[String]) -> Result<Option<String>, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut said = None;
    let call = torture::queue(copied, false, &words)?.arg("--strict");
    let good = call.watch(|line| {
        if !line.ends_with(" 0 promises broken") && line.ends_with(" promises broken") && said.is_none() {
            said = line
                .split_once("; ")
                .and_then(|(_, line)| line.rsplit_once("; "))
                .map(|(_, last)| last.to_owned());
        }
    })?;
    match (good, said) {
        (true, _) => Ok(None),
        (false, Some(said)) => Ok(Some(format!("torture {}: {said}", arguments.join(" ")))),
        (false, None) => Err("the torture could not be carried out".to_owned()),
    }
}
