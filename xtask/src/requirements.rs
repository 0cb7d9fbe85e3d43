//! The step `requirements`: what `docs/requirements.md` says is there, is there.
//!
//! A list of requirements that points to code and tests is worth as much as its pointers. Every row is
//! `| id | requirement | state | code | test |`; a row that is done, or done in part, must name files that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::workspace::Workspace;

/// The list, from the workspace's root.
const LIST: &str = "docs/requirements.md";

/// What the list claims, and what is wrong with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Requirements whose state is `done`.
    pub(crate) done: usize,
    /// Requirements in all.
    pub(crate) all: usize,
    /// Claims that don't hold, a line of text each.
    pub(crate) wrong: Vec<String>,
}

/// Reads the list and looks for what it names.
pub(crate) fn check(workspace: &Workspace) -> Result<Claims, String> {
    let text = fs::read_to_string(workspace.root.join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    let claims = judge(&text, |file| workspace.root.join(Path::new(file)).exists());
    if claims.all == 0 { Err(format!("{LIST} holds no requirement")) } else { Ok(claims) }
}

fn judge(text: &str, exists: impl Fn(&str) -> bool) -> Claims {
    let mut claims = Claims::default();
    let mut seen = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with("| G-")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, state, code, test] = cells[..] else {
            claims.wrong.push(format!("not five cells: {row}"));
            continue;
        };
        claims.all += 1;
        if !seen.insert(id) {
            claims.wrong.push(format!("{id} stands twice"));
        }
        let files = || quoted(code).chain(quoted(test));
        match state {
            "done" | "part" => {
                claims.done += usize::from(state == "done");
                if quoted(code).next().is_none() || quoted(test).next().is_none() {
                    claims.wrong.push(format!("{id} is {state} without naming code and test"));
                }
            }
            "open" | "platform" | "people" => {
                if files().next().is_some() {
                    claims.wrong.push(format!("{id} is {state} and names code"));
                }
            }
            other => claims.wrong.push(format!("{id}: unknown state {other:?}")),
        }
        claims
            .wrong
            .extend(files().filter(|file| !exists(file)).map(|file| format!("{id}: {file} is not there")));
    }
    claims
}

/// What stands between back quotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(rows: &str) -> Vec<String> {
        judge(rows, |file| file.starts_with("is/")).wrong
    }

    #[test]
    fn claims_that_hold_are_counted() {
        let rows = "| id | requirement | state | code | test |\n|---|---|---|---|---|\n\
            | G-1 | a | done | `is/a.rs` | `is/b.rs`, `is/c.rs` |\n\
            | G-2 | b | part | `is/a.rs` | `is/b.rs`; the rest is open |\n\
            | G-3 | c | open | | |\n";
        assert_eq!(judge(rows, |file| file.starts_with("is/")), Claims { done: 1, all: 3, wrong: vec![] });
    }

    #[test]
    fn claims_that_do_not_hold_are_named() {
        assert_eq!(wrong("| G-1 | a | done | `no/a.rs` | `is/b.rs` |"), ["G-1: no/a.rs is not there"]);
        assert_eq!(wrong("| G-1 | a | done | `is/a.rs` | |"), ["G-1 is done without naming code and test"]);
        assert_eq!(wrong("| G-1 | a | open | `is/a.rs` | |"), ["G-1 is open and names code"]);
        assert_eq!(wrong("| G-1 | a | soon | | |"), ["G-1: unknown state \"soon\""]);
        assert_eq!(wrong("| G-1 | a | open | | |\n| G-1 | b | open | | |"), ["G-1 stands twice"]);
        assert_eq!(wrong("| G-1 | a |"), ["not five cells: | G-1 | a |"]);
    }
}
