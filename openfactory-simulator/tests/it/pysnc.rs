//! PySNC, a ServiceNow client that was not written here, works with the simulator as with an instance.

use std::path::Path;
use std::process::Command;

use openfactory_simulator::{OAuthClient, Simulator};

const TEST: &str = "pysnc_works_with_the_simulator_as_with_an_instance";

#[tokio::test]
async fn pysnc_works_with_the_simulator_as_with_an_instance() {
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import pysnc"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{TEST}: needs the Python module pysnc");
        eprintln!("SKIPPED: {TEST}: needs the Python module pysnc");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let settings = Simulator::builder().tls_dir(dir.path()).client(OAuthClient::new("id", "secret"));
    let simulator = settings.start().await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python/pysnc_client.py");
    let arguments = [simulator.base_url().to_owned(), "id".to_owned(), "secret".to_owned()];
    // `requests` takes the CA from either variable.
    let ca = dir.path().join("ca.pem");
    let run = tokio::task::spawn_blocking(move || {
        Command::new(&python)
            .arg(script)
            .args(arguments)
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env("CURL_CA_BUNDLE", &ca)
            .env("NO_PROXY", "127.0.0.1")
            .output()
    });
    let output = run.await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "all passed", "{told}");
}
