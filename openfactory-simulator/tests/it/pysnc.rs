//! PySNC, a ServiceNow client that was not written here, works with the simulator as with an instance.

use openfactory_simulator::{OAuthClient, Simulator};

use crate::python;

const TEST: &str = "pysnc_works_with_the_simulator_as_with_an_instance";

#[tokio::test]
async fn pysnc_works_with_the_simulator_as_with_an_instance() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Simulator::builder().tls_dir(dir.path()).client(OAuthClient::new("id", "secret"));
    let simulator = settings.start().await.unwrap();
    let arguments = [simulator.base_url(), "id", "secret"];
    python::passes(TEST, "pysnc", "pysnc_client.py", &arguments, &dir.path().join("ca.pem")).await;
}
