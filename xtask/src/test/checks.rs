//! The steps that are one or two calls: `fmt`, `deny`, `lint-size`, `requirements`, `planted`, `clippy`,
//! `fuzz`, `torture`, `doc`, `api`, `examples`.

use super::features::{Selection, selections};
use super::junit;
use super::summary::Outcome;
use super::tools;
use crate::api::{self, Compared};
use crate::examples::{self, Shown};
use crate::fuzz;
use crate::planted;
use crate::process::find;
use crate::requirements;
use crate::rustdoc::metadata;
use crate::size;
use crate::torture;
use crate::workspace::Workspace;

/// Source is formatted.
pub(super) fn fmt(workspace: &Workspace) -> Result<Outcome, String> {
    if !workspace.has_cargo("fmt") {
        return Ok(Outcome::Skipped(vec!["rustfmt is not installed".to_owned()]));
    }
    let good = workspace.cargo(&["fmt", "--all", "--check"]).pass()?;
    Ok(Outcome::passed_if(good, "some source is not as rustfmt writes it; `cargo fmt --all` mends it"))
}

/// Licences, bans and sources of dependencies, by `deny.toml`.
pub(super) fn deny(workspace: &Workspace) -> Result<Outcome, String> {
    let Some(program) = tools::program(workspace, "cargo-deny") else {
        return Ok(Outcome::Skipped(vec![
            "cargo-deny is not installed; the step `tools` gets it".to_owned(),
        ]));
    };
    let arguments = ["--locked", "--workspace", "--all-features", "check", "bans", "licenses", "sources"];
    let good = arguments.iter().fold(workspace.call(program), |call, argument| call.arg(argument)).pass()?;
    Ok(Outcome::passed_if(good, "a dependency breaks a rule of deny.toml"))
}

/// No source file is too long.
pub(super) fn lint_size(workspace: &Workspace) -> Result<Outcome, String> {
    if find("git", &workspace.path).is_none() || !workspace.root.join(".git").exists() {
        return Ok(Outcome::Skipped(vec!["this is no git work tree, so nobody knows the files".to_owned()]));
    }
    let lengths = size::measure(workspace)?;
    lengths.tell();
    Ok(Outcome::passed_if(lengths.too_long.is_empty(), "some source file is too long"))
}

/// The list of requirements points to what exists.
pub(super) fn requirements(workspace: &Workspace) -> Result<Outcome, String> {
    let claims = requirements::check(workspace)?;
    claims.wrong.iter().for_each(|line| println!("wrong: {line}"));
    println!("{} of {} requirements are done", claims.done, claims.all);
    Ok(Outcome::passed_if(claims.wrong.is_empty(), "docs/requirements.md claims what is not so"))
}

/// The bugs that tests must find are still bugs of this source.
pub(super) fn planted(workspace: &Workspace) -> Result<Outcome, String> {
    let wrong = planted::misfits(workspace)?;
    wrong.iter().for_each(|line| println!("wrong: {line}"));
    Ok(Outcome::passed_if(
        wrong.is_empty(),
        "some bug of openfactory-queue/tests/planted can't be planted any more",
    ))
}

/// Lints, for each set of features.
pub(super) fn clippy(workspace: &Workspace) -> Result<Outcome, String> {
    if !workspace.has_cargo("clippy") {
        return Ok(Outcome::Skipped(vec!["clippy is not installed".to_owned()]));
    }
    let mut bad = Vec::new();
    for Selection { name, arguments } in feature_sets(workspace)? {
        println!("--- {name}");
        let call =
            arguments.iter().fold(workspace.cargo(&["clippy", "--all-targets"]), |call, word| call.arg(word));
        if !call.arg("--").arg("-D").arg("warnings").pass()? {
            bad.push(name);
        }
    }
    Ok(Outcome::passed_if(bad.is_empty(), &format!("clippy has something to say ({})", bad.join("; "))))
}

/// How long each fuzz target runs here, in seconds: enough to see that it runs, and what is found at once.
const FUZZ_SECONDS: u64 = 5;

/// A short run of each fuzz target.
pub(super) fn fuzz(workspace: &Workspace) -> Result<Outcome, String> {
    if workspace.has_cargo("fmt") && !fuzz::is_formatted(workspace)? {
        return Ok(Outcome::Failed("some fuzz target is not as rustfmt writes it".to_owned()));
    }
    if let Some(reason) = fuzz::obstacle(workspace) {
        return Ok(Outcome::Skipped(vec![reason]));
    }
    let good = fuzz::smoke(workspace, FUZZ_SECONDS)?;
    Ok(Outcome::passed_if(good, "a fuzz target found something, see above"))
}

/// A short torture: enough to see a broken promise, too little to prove much.
pub(super) fn torture(workspace: &Workspace, strict: bool) -> Result<Outcome, String> {
    let mut skipped = Vec::new();
    for (backend, kills, cuts, messages) in
        [("sqlite", "20", "8", "3000"), ("postgres", "10", "6", "2000"), ("nats", "10", "6", "2000")]
    {
        println!("--- {backend}");
        let arguments = ["--backend", backend, "--kills", kills, "--cuts", cuts, "--messages", messages];
        let call = torture::queue(workspace, false, &arguments)?;
        let call = if strict { call.arg("--strict") } else { call };
        if !call.watch(|line| skipped.extend(junit::skip(line)))? {
            return Ok(Outcome::Failed(format!("{backend} broke a promise, or the cuts prove nothing")));
        }
    }
    Ok(Outcome::passed_but(skipped))
}

/// Documentation.
pub(super) fn doc(workspace: &Workspace) -> Result<Outcome, String> {
    let call = workspace.cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    let good = call.env("RUSTDOCFLAGS", "-Dwarnings").pass()?;
    Ok(Outcome::passed_if(good, "rustdoc has something to say"))
}

/// The public API is as listed.
pub(super) fn api(workspace: &Workspace) -> Result<Outcome, String> {
    Ok(match api::check(workspace)? {
        Compared::Same => Outcome::Passed,
        Compared::Differs(advice) => Outcome::Failed(advice.to_owned()),
        Compared::Foreign(reason) => Outcome::Skipped(vec![reason]),
    })
}

/// The client's public items are shown.
pub(super) fn examples(workspace: &Workspace) -> Result<Outcome, String> {
    Ok(match examples::check(workspace)? {
        Shown::All => Outcome::Passed,
        Shown::Without(items) => Outcome::Failed(format!("{items} public items are shown by no example")),
        Shown::Foreign(reason) => Outcome::Skipped(vec![reason]),
    })
}

/// The runs that cover every set of features of this workspace.
pub(super) fn feature_sets(workspace: &Workspace) -> Result<Vec<Selection>, String> {
    selections(&metadata(workspace)?)
}
