//! Bundles by `docs/audit/verify_bundle.py`: whatever keys, registries and forms there are, its verdict is that of `attest`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::bundle::{CREATE, build, bundle, names, python, relist};
use crate::ran::attest;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn write(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).unwrap();
}

/// The bundle by this trust store, or its own, and perhaps at a time: both come to this status. `None` without Python.
fn both(test: &str, directory: &Path, trust: &[&str], status: i32) -> Option<()> {
    let ran = python(test, directory, trust)?;
    assert_eq!(ran.status, status, "{trust:?}: {}{}", ran.stdout, ran.stderr);
    let options = ["--trust", "--trust-at"];
    let options: Vec<String> =
        options.iter().zip(trust).map(|(option, value)| format!("{option} {value}")).collect();
    attest(directory, &format!("verify-bundle bundle {}", options.join(" "))).expect(status);
    Some(())
}

#[test]
fn each_key_of_a_log_is_tried() {
    let test = "each_key_of_a_log_is_tried";
    let directory = bundle();
    let path = directory.path();
    attest(path, "key generate --kind audit-log --out log2.key").expect(0);
    attest(path, "trust add trust.json --key log2.key.pub --kind audit-log --name example.com/log").expect(0);
    let store = read(&path.join("trust.json"));
    let mut turned = store.clone();
    turned["keys"].as_array_mut().unwrap().reverse();
    write(&path.join("turned.json"), &turned);
    let Some(()) = both(test, path, &["trust.json"], 0) else { return };
    both(test, path, &["turned.json"], 0).unwrap();
    // The new key alone has signed nothing.
    let first = fs::read_to_string(path.join("log.key.pub")).unwrap();
    let mut alone = store;
    alone["keys"].as_array_mut().unwrap().retain(|key| key["public_key"] != first.as_str());
    assert_eq!(alone["keys"].as_array().unwrap().len(), 3);
    write(&path.join("alone.json"), &alone);
    both(test, path, &["alone.json"], 1).unwrap();
}

#[test]
fn registered_keys_count_by_the_registry_alone() {
    let test = "registered_keys_count_by_the_registry_alone";
    let directory = build();
    let path = directory.path();
    let register = |store: &str, key: &str, kind: &str, name: &str| {
        let line = format!(
            "trust register {store} --kind {kind} --name {name} --key {key}.key.pub --from 2020-01-01 --until 2090-01-01 \
             --expires 2100-01-01 --root-key root.key"
        );
        attest(path, &line).expect(0);
    };
    // The keys are the registry's alone.
    attest(path, "trust init registered.json --root root.key.pub").expect(0);
    register("registered.json", "platform", "build-platform-signing", "platform");
    register("registered.json", "log", "audit-log", "example.com/log");
    attest(path, &CREATE.replace("trust.json", "registered.json")).expect(0);
    let Some(()) = both(test, path, &[], 0) else { return };
    let at = |store: &str, status: [i32; 4]| {
        for (time, status) in
            ["2019-12-31", "2050-01-01T12:00:00Z", "2090-01-01", "2100-01-01"].iter().zip(status)
        {
            both(test, path, &[store, time], status).unwrap();
        }
    };
    both(test, path, &["registered.json"], 0).unwrap();
    at("registered.json", [1, 0, 1, 2]);
    // What stands in the store beside it does not count; what only stands there does, at all times.
    register("trust.json", "platform", "build-platform-signing", "platform");
    at("trust.json", [1, 0, 1, 2]);
    // A root key that is registered is an anchor no more and no less.
    register("registered.json", "root", "root-signing", "root");
    at("registered.json", [1, 0, 1, 2]);

    let store = read(&path.join("registered.json"));
    let changed = |change: &dyn Fn(&mut Value), status: i32| {
        let mut store = store.clone();
        change(&mut store);
        write(&path.join("changed.json"), &store);
        both(test, path, &["changed.json"], status).unwrap();
    };
    changed(&|_| (), 0);
    changed(&|store| store["threshold"] = json!(2), 2);
    changed(&|store| store["keys"] = json!([]), 2);
    changed(&|store| store["registry"]["payloadType"] = json!("application/vnd.in-toto+json"), 2);
    changed(&|store| store["registry"]["payload"] = json!("e30="), 2);
    changed(&|store| store["registry"] = json!([]), 2);
    changed(&|store| drop(store.as_object_mut().unwrap().remove("registry")), 1);
}

#[test]
fn envelopes_may_be_in_either_base64() {
    let test = "envelopes_may_be_in_either_base64";
    let directory = bundle();
    let path = directory.path();
    let file = path.join("bundle/verification.json");
    let envelope = read(&file);
    let with = |spell: &dyn Fn(&str) -> String, status: i32| {
        let mut envelope = envelope.clone();
        for pointer in ["/payload", "/signatures/0/sig"] {
            let member = envelope.pointer_mut(pointer).unwrap();
            *member = spell(member.as_str().unwrap()).into();
        }
        write(&file, &envelope);
        relist(&path.join("bundle"), "verification.json");
        both(test, path, &["trust.json"], status)
    };
    let Some(()) = with(&|text| text.replace('+', "-").replace('/', "_"), 0) else { return };
    with(&|text| text.replace('+', "-").replace('/', "_").replace('=', ""), 0).unwrap();
    with(&|text| text.replace('=', ""), 0).unwrap();
    with(&|text| format!("-{}+", &text[2..]), 1).unwrap();
    with(&|text| format!("{text}="), 1).unwrap();
}

#[test]
fn what_is_missing_is_judged_alike() {
    let test = "what_is_missing_is_judged_alike";
    let directory = bundle();
    let path = directory.path();
    let folder = path.join("bundle");
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    for name in names(&folder).into_iter().filter(|name| name != "SHA256SUMS") {
        let bytes = fs::read(folder.join(&name)).unwrap();
        fs::remove_file(folder.join(&name)).unwrap();
        let without = sums.lines().filter(|line| !line.ends_with(&format!("  {name}")));
        let without: String = without.map(|line| format!("{line}\n")).collect();
        fs::write(folder.join("SHA256SUMS"), without).unwrap();
        for trust in [&[][..], &["trust.json"]] {
            let status = match (name.as_str(), trust) {
                ("verification.json", _) | ("trust.json", []) => 1,
                ("trust.json", _) => 0,
                _ => 2,
            };
            let Some(()) = both(test, path, trust, status) else { return };
        }
        fs::write(folder.join(name), bytes).unwrap();
    }
}
