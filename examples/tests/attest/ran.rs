//! Running `attest`, and the tools that it is held against.

use std::fs;
use std::io::{Cursor, ErrorKind};
use std::path::Path;
use std::process::{Command, Output};

use openfactory_attest::squashfs::{Compression, Packer};
use serde_json::Value;

/// What became of a run.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Nothing but one JSON object may be on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// What became of a link, with the reason.
    #[track_caller]
    pub(crate) fn link(&self, name: &str) -> String {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {}", self.stdout)).trim().to_owned()
    }
}

/// Runs a line, whose words have no spaces in them.
pub(crate) fn attest(directory: &Path, line: &str) -> Ran {
    attest_with(directory, line, &[])
}

/// The same with this in its environment.
pub(crate) fn attest_with(directory: &Path, line: &str, environment: &[(&str, &str)]) -> Ran {
    run(&line.split_whitespace().collect::<Vec<_>>(), directory, environment)
}

/// Runs these words.
pub(crate) fn attest_words(directory: &Path, words: &[&str]) -> Ran {
    run(words, directory, &[])
}

/// Runs a line, wants this status, and gives all that it printed.
#[track_caller]
pub(crate) fn says(directory: &Path, line: &str, status: i32) -> String {
    let ran = attest(directory, line);
    assert_eq!(ran.status, status, "{line}\nstdout: {}\nstderr: {}", ran.stdout, ran.stderr);
    ran.stdout + &ran.stderr
}

fn run(words: &[&str], directory: &Path, environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attest"));
    command.args(words).current_dir(directory).env_remove("SOURCE_DATE_EPOCH");
    Ran::of(command.envs(environment.iter().copied()).output().unwrap())
}

/// A tool that others made; `None`, said aloud, where it is missing.
pub(crate) fn tool(test: &str, directory: &Path, tool: &str, arguments: &[&str]) -> Option<Output> {
    // Some are where only root looks.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    match Command::new(tool).args(arguments).current_dir(directory).env("PATH", path).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
            assert!(!strict, "{test}: needs {tool}");
            eprintln!("SKIPPED: {test}: needs {tool}");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}

/// A tree as a squashfs image, whole blocks long.
pub(crate) fn pack(root: &Path, image: &Path) {
    let mut packer = Packer::new(Compression::Zstd);
    packer.add_tree(root).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    packer.write(&mut bytes).unwrap();
    let mut bytes = bytes.into_inner();
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    fs::write(image, bytes).unwrap();
}
