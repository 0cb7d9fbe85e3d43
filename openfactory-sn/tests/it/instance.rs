//! The ServiceNow that tests talk to. It plays the profile that `OPENFACTORY_SIM_PROFILE` names, `guide` if none is named;
//! what differs between the profiles is listed in `PROFILES.md` of the simulator, and `cargo xtask test` holds it to that.

use std::path::Path;

use openfactory_simulator::seed::Seed;
use openfactory_simulator::{Builder, Profile, Simulator};
use serde_json::json;

/// An instance for users of the plain client. Of what a stock instance lacks, its administrator has made what no client
/// could do without: the property that lets an OAuth client have tokens, and the name of the source of its items.
pub(crate) fn builder() -> Builder {
    let seed = json!({
        "sys_properties": [{
            "name": "glide.oauth.inbound.client.credential.grant_type.enabled",
            "type": "boolean",
            "value": "true",
        }],
        "sys_choice": [{
            "name": "cmdb_ci",
            "element": "discovery_source",
            "value": "OpenFactory",
            "label": "OpenFactory",
            "language": "en",
        }],
    });
    let builder = Simulator::builder().profile(profile());
    match profile() {
        Profile::Stock => builder.seed(Seed::from_json(seed.to_string().as_bytes()).unwrap()),
        _ => builder,
    }
}

/// An instance whose administrator has made all that the mapping names.
pub(crate) fn prepared() -> Builder {
    Simulator::builder().profile(profile()).prepared_for_the_guide()
}

/// An instance of one kind, for a test of what that kind alone does.
pub(crate) fn of(profile: Profile) -> Builder {
    Simulator::builder().profile(profile)
}

fn profile() -> Profile {
    match std::env::var("OPENFACTORY_SIM_PROFILE") {
        Ok(name) => name.parse().unwrap(),
        Err(_) => Profile::Guide,
    }
}

#[test]
fn every_test_asks_here_for_its_instance() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && std::fs::read_to_string(&path).unwrap().contains("Simulator::builder()")
            {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut found);
    assert_eq!(found, ["instance.rs"]);
}
