//! What several tests need.

use std::time::{Duration, SystemTime};

use openfactory_sn::testing::{FixedClock, NoJitter, ScriptedTransport};
use openfactory_sn::{Auth, Client, ClientBuilder, Secret, SysId};
use serde_json::{Value, json};

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

/// A row with this key and state.
pub(crate) fn row(sys_id: &str, state: &str) -> Value {
    json!({"sys_id": sys_id, "state": state, "number": "INC0010001", "short_description": "x"})
}
