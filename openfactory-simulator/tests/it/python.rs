//! Where tests find Python, and what they do where it lacks a module.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a script of `tests/it/python`; none, out loud, if the interpreter lacks a module that it needs.
pub(crate) async fn run(
    test: &str,
    modules: &str,
    script: &str,
    arguments: &[&str],
    ca: Option<&Path>,
) -> Option<Output> {
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{test}: needs the Python modules {modules}");
        eprintln!("SKIPPED: {test}: needs the Python modules {modules}");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python").join(script);
    let mut command = Command::new(&python);
    command.arg(script).args(arguments).env("NO_PROXY", "127.0.0.1");
    if let Some(ca) = ca {
        // `requests` takes the CA from either of the first two, Python's own TLS from the third.
        for variable in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"] {
            command.env(variable, ca);
        }
    }
    Some(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
}

/// Runs a script that prints `all passed` at its end.
pub(crate) async fn passes(test: &str, modules: &str, script: &str, arguments: &[&str], ca: &Path) {
    let Some(output) = run(test, modules, script, arguments, Some(ca)).await else { return };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "all passed", "{told}");
}
