//! A planted bug as a file: what it is, who must find it, and which words of the source it changes.
//!
//! ```text
//! A stale holder's settlement is accepted.
//! found by: suite
//!
//! file: src/backend/sqlite/settle.rs
//! <<<<
//! AND t.deliveries = ?2
//! ====
//! AND t.deliveries >= ?2
//! >>>>
//! ```
//!
//! Unlike a patch it names no lines: it applies as long as the old words stand in the file, once.

use std::fs;
use std::path::{Path, PathBuf};

/// Who must find a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finder {
    /// The tests of the crate.
    Suite,
    /// A torture with these arguments: what only a kill or a power cut shows.
    Torture(Vec<String>),
}

/// Words of a file that are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    file: PathBuf,
    old: String,
    new: String,
}

/// A planted bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bug {
    /// The file's name, without its end.
    pub(super) name: String,
    /// What is wrong with the source then.
    pub(super) what: String,
    pub(super) finder: Finder,
    edits: Vec<Edit>,
}

/// How the files of planted bugs end.
const END: &str = "bug";

/// Reads all bugs of a directory, in the order of their names.
pub(super) fn read_all(directory: &Path) -> Result<Vec<Bug>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut bugs = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|end| end != END) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bugs.push(Bug::parse(name, &text).map_err(|reason| format!("{}: {reason}", path.display()))?);
    }
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(bugs)
}

impl Bug {
    fn parse(name: String, text: &str) -> Result<Self, String> {
        let (head, rest) = text.split_once("\n\n").ok_or("no blank line after the head")?;
        let (what, finder) = head.rsplit_once('\n').ok_or("no line `found by:`")?;
        let finder =
            match finder.strip_prefix("found by: ").map(|finder| finder.split(' ').collect::<Vec<_>>()) {
                Some(words) if words == ["suite"] => Finder::Suite,
                Some(words) if words.first() == Some(&"torture") => {
                    Finder::Torture(words.iter().skip(1).map(|word| (*word).to_owned()).collect())
                }
                _ => return Err("`found by:` is neither `suite` nor `torture` with its arguments".to_owned()),
            };
        let mut edits = Vec::new();
        for part in rest.split("file: ").map(str::trim).filter(|part| !part.is_empty()) {
            edits.push(Edit::parse(part).ok_or("an edit is not `file: PATH`, <<<<, old, ====, new, >>>>")?);
        }
        if edits.is_empty() {
            return Err("it changes nothing".to_owned());
        }
        Ok(Self { name, what: what.replace('\n', " "), finder, edits })
    }

    /// The files of the package in `root` as they are with the bug, by their paths.
    pub(super) fn plant(&self, root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
        let mut files: Vec<(PathBuf, String)> = Vec::new();
        for Edit { file, old, new } in &self.edits {
            let path = root.join(file);
            let text = match files.iter().find(|(planted, _)| *planted == path) {
                Some((_, text)) => text.clone(),
                None => fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?,
            };
            let times = text.matches(old.as_str()).count();
            if times != 1 {
                return Err(format!("the old words stand {times} times in {}: {old}", file.display()));
            }
            let text = text.replacen(old.as_str(), new, 1);
            files.retain(|(planted, _)| *planted != path);
            files.push((path, text));
        }
        Ok(files)
    }
}

impl Edit {
    fn parse(part: &str) -> Option<Self> {
        let (file, words) = part.split_once('\n')?;
        let words = words.trim_start().strip_prefix("<<<<\n")?;
        let (old, words) = words.split_once("\n====\n")?;
        let new = words.strip_suffix(">>>>")?;
        // Nothing at all may come in the place of the old words.
        let new = new.strip_suffix('\n').unwrap_or(new);
        (!old.is_empty() && old != new).then(|| Self {
            file: file.trim().into(),
            old: old.into(),
            new: new.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Ducks are let in.\nAnd geese.\nfound by: suite\n\nfile: src/gate.rs\n<<<<\nif duck {\n    refuse()\n\
        ====\nif duck {\n>>>>\n\nfile: src/gate.rs\n<<<<\nif goose\n====\n>>>>\n";

    #[test]
    fn a_bug_is_read_and_planted() {
        let bug = Bug::parse("ducks".into(), TEXT).unwrap();
        assert_eq!((bug.what.as_str(), &bug.finder), ("Ducks are let in. And geese.", &Finder::Suite));
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("src")).unwrap();
        let path = directory.path().join("src/gate.rs");
        fs::write(&path, "if duck {\n    refuse()\n} if goose {}\n").unwrap();
        let planted = bug.plant(directory.path()).unwrap();
        assert_eq!(planted, [(path.clone(), "if duck {\n} {}\n".replace("} {}", "}  {}"))]);
        fs::write(&path, "if duck {\n    refuse()\n}\n").unwrap();
        assert!(bug.plant(directory.path()).unwrap_err().contains("0 times in src/gate.rs: if goose"));
        fs::write(&path, "if duck {\n    refuse()\n} if goose {} if goose {}\n").unwrap();
        assert!(bug.plant(directory.path()).unwrap_err().contains("2 times"));
    }

    #[test]
    fn a_torture_has_arguments() {
        let text = TEXT.replace("suite", "torture --cuts 3");
        let bug = Bug::parse("x".into(), &text).unwrap();
        assert_eq!(bug.finder, Finder::Torture(vec!["--cuts".into(), "3".into()]));
    }

    #[test]
    fn what_is_no_bug_is_refused() {
        for (old, new) in
            [("found by: suite", "found by: luck"), ("====\nif duck {\n", ""), ("\n\nfile", "\nfile")]
        {
            assert!(TEXT.contains(old), "{old}");
            assert!(Bug::parse("x".into(), &TEXT.replacen(old, new, 2)).is_err(), "{old}");
        }
        assert!(Bug::parse("x".into(), "A.\nfound by: suite\n\n").is_err());
    }
}
