//! Clients that were not written here, unmodified, over TLS.

use openfactory_simulator::{Simulator, User};

use crate::python;

async fn passes(test: &str, modules: &str, script: &str) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Simulator::builder().tls_dir(dir.path()).user(User::new("root", "pw").roles(["admin"]));
    let simulator = settings.start().await.unwrap();
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
