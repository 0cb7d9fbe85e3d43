//! `cargo xtask api`: the public API of each library, held against the list in `docs/api`.
//!
//! A line of a list that is gone or has changed breaks somebody's build; a line that is new does not. Neither happens
//! unnoticed: the lists are part of the change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use public_api::PublicItem;
use rustdoc_types::{Id, ItemEnum};

use crate::rustdoc::{self, Library, Made};
use crate::workspace::Workspace;

/// Where the lists are.
const LISTS: &str = "docs/api";

/// Traits that the compiler implements, and that nobody relies on by name.
const UNNAMED: &[&str] =
    &["Freeze", "RefUnwindSafe", "StructuralPartialEq", "Unpin", "UnsafeUnpin", "UnwindSafe"];

/// How to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Write what is new into the lists.
    #[arg(long)]
    bless: bool,
    /// With --bless: take out as well what is gone, although that breaks users.
    #[arg(long, requires = "bless")]
    breaking: bool,
}

/// What came of comparing.
#[derive(Debug)]
pub(crate) enum Compared {
    /// The lists are up to date.
    Same,
    /// They differ, as was printed; with how to go on.
    Differs(&'static str),
    /// They could not be compared.
    Foreign(String),
}

/// How one library's API differs from its list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    gone: Vec<String>,
    new: Vec<String>,
}

/// `cargo xtask api`.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    match compare(workspace, options)? {
        Compared::Same => Ok(true),
        Compared::Differs(advice) => {
            println!("{advice}");
            Ok(false)
        }
        Compared::Foreign(reason) => Err(reason),
    }
}

/// Compares, for the checks.
pub(crate) fn check(workspace: &Workspace) -> Result<Compared, String> {
    compare(workspace, &Options { bless: false, breaking: false })
}

fn compare(workspace: &Workspace, options: &Options) -> Result<Compared, String> {
    let libraries = match rustdoc::make(workspace)? {
        Made::Libraries(libraries) => libraries,
        Made::Foreign(reason) => return Ok(Compared::Foreign(reason)),
    };
    let (mut gone, mut new) = (0, 0);
    for library in &libraries {
        let now = listed(&library.json)?;
        let file = list(workspace, library);
        let before = match fs::read_to_string(&file) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        let difference = difference(&before, &now);
        println!("{}: {} public items", library.name, now.len());
        difference.gone.iter().for_each(|line| println!("  breaking, gone: {line}"));
        difference.new.iter().for_each(|line| println!("  new: {line}"));
        if options.bless && (difference.gone.is_empty() || options.breaking) {
            fs::write(&file, now.join("\n") + "\n")
                .map_err(|error| format!("{}: {error}", file.display()))?;
        } else {
            gone += difference.gone.len();
            new += difference.new.len();
        }
    }
    Ok(match (gone, new) {
        (0, 0) => Compared::Same,
        (0, _) => Compared::Differs("the public API has grown; `cargo xtask api --bless` lists it"),
        _ => Compared::Differs(
            "the public API breaks its users; if it must, `cargo xtask api --bless --breaking` lists it",
        ),
    })
}

fn list(workspace: &Workspace, library: &Library) -> PathBuf {
    workspace.root.join(LISTS).join(format!("{}.txt", library.name))
}

/// The public API, a line for each item. What a trait demands of its implementations is said by the trait.
fn listed(json: &Path) -> Result<Vec<String>, String> {
    let krate = rustdoc::read(json)?;
    let kind = |id: Id| krate.index.get(&id).map(|item| &item.inner);
    let is_demanded = |item: &PublicItem| {
        matches!(kind(item.id()), Some(ItemEnum::Function(_)))
            && matches!(item.parent_id().and_then(kind), Some(ItemEnum::Impl(parent)) if parent.trait_.is_some())
    };
    let api = public_api::Builder::from_rustdoc_json(json).omit_blanket_impls(true).build();
    let api = api.map_err(|error| format!("{}: {error}", json.display()))?;
    let lines = api.items().filter(|item| !is_demanded(item)).map(ToString::to_string);
    Ok(lines.filter(|line| !UNNAMED.iter().any(|name| is_implementation(line, name))).collect())
}

/// Whether a line says that a type has this trait.
fn is_implementation(line: &str, name: &str) -> bool {
    let Some((implemented, _)) = line.strip_prefix("impl").and_then(|rest| rest.split_once(" for ")) else {
        return false;
    };
    implemented.rsplit("::").next() == Some(name)
}

/// What one list has more often than the other.
fn difference(before: &[String], now: &[String]) -> Difference {
    let mut counts: BTreeMap<&str, isize> = BTreeMap::new();
    now.iter().for_each(|line| *counts.entry(line).or_default() += 1);
    before.iter().for_each(|line| *counts.entry(line).or_default() -= 1);
    let of = |wanted: fn(isize) -> bool| -> Vec<String> {
        counts.iter().filter(|(_, count)| wanted(**count)).map(|(line, _)| (*line).to_owned()).collect()
    };
    Difference { gone: of(|count| count < 0), new: of(|count| count > 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_changed_line_is_gone_and_new() {
        assert_eq!(difference(&lines("a b c"), &lines("c a b")), Difference::default());
        let changed = difference(&lines("a b"), &lines("a c"));
        assert_eq!((changed.gone, changed.new), (lines("b"), lines("c")));
        assert_eq!(difference(&lines("a a"), &lines("a")).gone, lines("a"), "a line may stand twice");
    }

    #[test]
    fn send_counts_and_unwind_safety_does_not() {
        let send = "impl core::marker::Send for a::B";
        let unwinds = "impl<R> core::panic::unwind_safe::UnwindSafe for a::B<R>";
        let counts = |line: &str| !UNNAMED.iter().any(|name| is_implementation(line, name));
        assert_eq!([send, unwinds, "pub fn a::UnwindSafe()"].map(counts), [true, false, true]);
    }
}
