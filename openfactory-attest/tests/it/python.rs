//! Python programs that check what the crate makes, with libraries that share no code with it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::tool;

/// Runs a script with the interpreter that `OPENFACTORY_PYTHON` names, or `python3`. `None`, and a line on stderr, if
/// that or one of the modules is not installed.
pub(crate) fn run(test: &str, modules: &[&str], script: &Path, arguments: &[&str]) -> Option<Output> {
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let here = Path::new(".");
    let import = modules.iter().map(|module| format!("import {module}\n")).collect::<String>();
    let found = tool::run(test, here, &python, &["-c", &import])?;
    if !found.status.success() {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{test}: needs the Python modules {modules:?}");
        // Not by `eprintln!`, which the test runner keeps to itself.
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED: {test}: needs the Python modules {modules:?}").unwrap();
        return None;
    }
    let mut whole = vec![script.to_str().unwrap()];
    whole.extend(arguments);
    tool::run(test, here, &python, &whole)
}

/// A script in the folder beside this file.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python").join(name)
}
