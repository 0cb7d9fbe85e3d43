//! Tools that other people made. A test that needs one skips out loud where it is missing.

use std::path::Path;
use std::process::{Command, Output};

/// A directory in memory, where there is one: `veritysetup` waits for the disk after each file, which takes long on a busy
/// one.
pub(crate) fn quick_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_none| tempfile::tempdir()).unwrap()
}

/// Runs a tool in a directory. `None`, and a line on stderr, if it is not installed.
///
/// With `OPENFACTORY_STRICT=1` a missing tool is a failure.
pub(crate) fn run(test: &str, directory: &Path, tool: &str, arguments: &[&str]) -> Option<Output> {
    // Debian has system tools outside an ordinary user's PATH.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(tool).args(arguments).current_dir(directory).env("PATH", path).output();
    match output {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
            assert!(!strict, "{test}: needs {tool}");
            eprintln!("SKIPPED: {test}: needs {tool}");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}

/// Runs a tool that must succeed, and gives what it printed.
pub(crate) fn succeed(test: &str, directory: &Path, tool: &str, arguments: &[&str]) -> Option<String> {
    let output = run(test, directory, tool, arguments)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(text)
}
