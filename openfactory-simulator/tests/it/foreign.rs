//! Clients that were not written here, unmodified, over TLS.

use std::path::PathBuf;
use std::process::Command;

use openfactory_simulator::{Simulator, User};
use tempfile::TempDir;

use crate::python;

/// Names the program that `openfactory-simulator/foreign` builds; `cargo xtask test` builds it and says where it is.
const PROGRAM: &str = "OPENFACTORY_SERVICENOW_RS";

/// An instance with an administrator `root`, and the directory of its `ca.pem`.
async fn instance() -> (Simulator, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Simulator::builder().tls_dir(dir.path()).user(User::new("root", "pw").roles(["admin"]));
    (settings.start().await.unwrap(), dir)
}

async fn passes(test: &str, modules: &str, script: &str) {
    let (simulator, dir) = instance().await;
    let arguments = [simulator.base_url(), "root", "pw"];
    python::passes(test, modules, script, &arguments, &dir.path().join("ca.pem")).await;
}

#[tokio::test]
async fn pysnc_queries_by_every_operator() {
    passes("pysnc_queries_by_every_operator", "pysnc", "pysnc_query.py").await;
}

#[tokio::test]
async fn pysnow_creates_queries_pages_updates_attaches_and_deletes() {
    let test = "pysnow_creates_queries_pages_updates_attaches_and_deletes";
    passes(test, "pysnow", "pysnow_client.py").await;
}

#[tokio::test]
async fn aiosnow_creates_queries_streams_updates_attaches_and_deletes() {
    let test = "aiosnow_creates_queries_streams_updates_attaches_and_deletes";
    passes(test, "aiosnow", "aiosnow_client.py").await;
}

#[tokio::test]
async fn servicenow_rs_creates_queries_pages_relates_updates_approves_and_deletes() {
    let Some(program) = std::env::var_os(PROGRAM).map(PathBuf::from).filter(|file| file.is_file()) else {
        let test = "servicenow_rs_creates_queries_pages_relates_updates_approves_and_deletes";
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{test}: needs {PROGRAM}");
        eprintln!("SKIPPED: {test}: needs the program of openfactory-simulator/foreign, named by {PROGRAM}");
        return;
    };
    let (simulator, dir) = instance().await;
    let mut command = Command::new(program);
    command.args([simulator.base_url(), "root", "pw"]).env("NO_PROXY", "127.0.0.1");
    command.env("SSL_CERT_FILE", dir.path().join("ca.pem"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all passed\n", "{told}");
}
