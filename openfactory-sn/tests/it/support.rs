//! What several tests need.

use std::process::Command;
use std::time::{Duration, SystemTime};

use openfactory_simulator::{OAuthClient, Simulator};
use openfactory_sn::testing::{FixedClock, NoJitter, ScriptedTransport};
use openfactory_sn::{Auth, Client, ClientBuilder, Secret, SysId};
use serde_json::{Value, json};

use crate::instance;

pub(crate) const INCIDENT: &str = "/api/now/table/incident";
pub(crate) const ID: &str = "1c741bd70b2322007518478d83673af3";

pub(crate) fn id() -> SysId {
    SysId::new(ID).unwrap()
}

pub(crate) fn record_path() -> String {
    format!("{INCIDENT}/{ID}")
}

pub(crate) fn clock() -> FixedClock {
    FixedClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
}

pub(crate) fn builder(script: &ScriptedTransport) -> ClientBuilder {
    Client::builder("https://plant.example.com")
        .auth(Auth::basic("svc", Secret::new("pass-3f9a")))
        .transport(script.clone())
        .clock(clock())
        .jitter(NoJitter)
}

pub(crate) fn client(script: &ScriptedTransport) -> Client {
    builder(script).build().unwrap()
}

/// A client of a simulator, by its certificate.
pub(crate) fn client_of(simulator: &Simulator, auth: Auth) -> Client {
    let builder = Client::builder(simulator.base_url()).root_certificate_pem(simulator.ca_pem().unwrap());
    builder.auth(auth).build().unwrap()
}

/// A simulator, and a client of it with the rights of an integration.
pub(crate) async fn simulator_with_apis() -> (Simulator, Client) {
    let simulator = instance::prepared().client(OAuthClient::new("apis", "s3cr3t")).start().await.unwrap();
    let client = client_of(&simulator, Auth::client_credentials("apis", Secret::new("s3cr3t")));
    (simulator, client)
}

/// A client of one of its users.
pub(crate) fn person(simulator: &Simulator, name: &str) -> Client {
    let password = simulator.user(name).unwrap().password();
    client_of(simulator, Auth::basic(name, Secret::new(password)))
}

/// A row with this key and state.
pub(crate) fn row(sys_id: &str, state: &str) -> Value {
    json!({"sys_id": sys_id, "state": state, "number": "INC0010001", "short_description": "x"})
}

/// What Python prints, or `None` (said out loud) where it lacks the package.
pub(crate) fn python(test: &str, code: &str, arguments: &[&str]) -> Option<String> {
    let interpreter = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = |code: &str, arguments: &[&str]| {
        Command::new(&interpreter).arg("-c").arg(code).args(arguments).output()
    };
    if !run("import cryptography", &[]).is_ok_and(|output| output.status.success()) {
        let strict = std::env::var("OPENFACTORY_STRICT").is_ok_and(|strict| strict == "1");
        assert!(!strict, "{test} needs python3 with the package cryptography");
        #[allow(clippy::print_stderr, reason = "a skip is said out loud")]
        {
            eprintln!("SKIPPED: {test}: needs python3 with the package cryptography");
        }
        return None;
    }
    let output = run(code, arguments).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
