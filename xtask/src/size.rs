//! The step `lint-size`: no source file is too long to be read.

use std::fs;

use crate::workspace::Workspace;

/// More lines than this, comments and tests included, are a failure.
const MOST_LINES: usize = 1000;

/// More lines of code than this are a sign that a file does two things.
const MANY_CODE_LINES: usize = 400;

/// What the files' lengths say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// How many files were looked at.
    pub(crate) files: usize,
    /// Files that are too long, a line of text each.
    pub(crate) too_long: Vec<String>,
    /// Files that grow towards it, a line of text each.
    pub(crate) long: Vec<String>,
}

/// `cargo xtask lint-size`: reports, and whether no file is too long.
pub(crate) fn run(workspace: &Workspace) -> Result<bool, String> {
    let lengths = measure(workspace)?;
    lengths.tell();
    Ok(lengths.too_long.is_empty())
}

/// Measures every Rust file that git tracks.
pub(crate) fn measure(workspace: &Workspace) -> Result<Lengths, String> {
    let tracked = workspace.call("git").arg("ls-files").arg("-z").arg("*.rs").read()?;
    let mut lengths = Lengths::default();
    for name in tracked.split_terminator('\0') {
        let path = workspace.root.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => lengths.add(name, &text),
            // Tracked, and deleted in the working tree.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
    Ok(lengths)
}

impl Lengths {
    fn add(&mut self, name: &str, text: &str) {
        self.files += 1;
        let lines = text.lines().count();
        let code = code_lines(text);
        if lines > MOST_LINES {
            self.too_long.push(format!("{name}: {lines} lines, at most {MOST_LINES}"));
        } else if code > MANY_CODE_LINES {
            self.long
                .push(format!("{name}: {code} lines of code; over {MANY_CODE_LINES} it may do two things"));
        }
    }

    /// Prints what was found.
    pub(crate) fn tell(&self) {
        self.too_long.iter().for_each(|line| println!("too long: {line}"));
        self.long.iter().for_each(|line| println!("warning: {line}"));
        println!("{} files, {} too long, {} to watch", self.files, self.too_long.len(), self.long.len());
    }
}

/// Lines that are neither blank nor comment, up to the unit tests at a file's end.
fn code_lines(text: &str) -> usize {
    let lines = text.lines().map(str::trim);
    let code = lines.take_while(|line| *line != "#[cfg(test)]");
    code.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_is_neither_comment_nor_test() {
        let text = "//! Doc.\n\nfn a() {\n    // why\n    b(); // how\n}\n\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(code_lines(text), 3);
    }

    #[test]
    fn limits_are_inclusive() {
        let mut lengths = Lengths::default();
        lengths.add("a", &"\n".repeat(MOST_LINES));
        lengths.add("b", &"code\n".repeat(MANY_CODE_LINES));
        assert_eq!(lengths, Lengths { files: 2, ..Lengths::default() });
        lengths.add("c", &"\n".repeat(MOST_LINES + 1));
        lengths.add("d", &"code\n".repeat(MANY_CODE_LINES + 1));
        assert_eq!(lengths.too_long, ["c: 1001 lines, at most 1000"]);
        assert_eq!(lengths.long.len(), 1);
    }
}
