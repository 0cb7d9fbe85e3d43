//! The schemas of `docs/formats`: what the crate reads is valid by them, and what is not valid is refused here too.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use openfactory_zone2::{Constraints, Manifest};
use serde_json::{Value, json};

const SCRIPT: &str = "import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for document in json.load(sys.stdin): print(validator.is_valid(document))
";

/// Whether the documents are valid; `None`, said out loud, where that can't be asked.
fn valid(name: &str, documents: &[Value]) -> Option<Vec<bool>> {
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import jsonschema"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{name}: needs the Python module jsonschema");
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED: {name}: needs the Python module jsonschema").unwrap();
        return None;
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats").join(name);
    let mut child = Command::new(python)
        .args(["-c", SCRIPT, schema.to_str().unwrap()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(documents).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    Some(told.lines().map(|line| line == "True").collect())
}

/// Changes to a document, each of which makes it one that is refused.
fn broken(good: &Value, changes: &[(&str, Value)]) -> Vec<Value> {
    let change = |(pointer, value): &(&str, Value)| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut changed = good.clone();
        let members = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.to_owned(), value.clone()),
        };
        assert_ne!(changed, *good, "{pointer}");
        changed
    };
    changes.iter().map(change).collect()
}

#[test]
fn manifests_are_valid_by_their_schema() {
    let owner = json!({ "uid": 0, "gid": 4 });
    let good = json!({ "version": 1, "paths": [
        { "path": "/etc/plant/**/*.json", "kind": "file", "owner": owner, "mode": "0644", "max_size": 65536, "class": "sealed" },
        { "path": "/var/log/..audit", "kind": "directory", "owner": owner, "mode": "1750", "class": "volatile" },
        { "path": "/etc/localtime", "kind": "symlink", "owner": owner, "class": "sealed" }
    ] });
    Manifest::parse(good.to_string().as_bytes()).unwrap();
    let bad = broken(
        &good,
        &[
            ("/version", json!(2)),
            ("/more", json!(1)),
            ("/paths/0/path", json!("etc")),
            ("/paths/0/path", json!("/etc/../x")),
            ("/paths/0/path", json!("/etc/a**")),
            ("/paths/0/path", json!("/etc/[a]")),
            ("/paths/0/path", json!("/etc//a")),
            ("/paths/0/mode", json!("0755")),
            ("/paths/0/mode", json!("4644")),
            ("/paths/0/mode", json!("rw")),
            ("/paths/0/mode", Value::Null),
            ("/paths/0/max_size", Value::Null),
            ("/paths/0/max_size", json!(-1)),
            ("/paths/0/class", json!("open")),
            ("/paths/0/kind", json!("pipe")),
            ("/paths/0/owner/uid", json!(4_294_967_295_u32)),
            ("/paths/1/mode", json!("4755")),
            ("/paths/1/max_size", json!(1)),
            ("/paths/2/mode", json!("0777")),
        ],
    );
    for document in &bad {
        assert!(Manifest::parse(document.to_string().as_bytes()).is_err(), "{document}");
    }
    let Some(judged) = valid("zone2-manifest.schema.json", &[&[good][..], &bad].concat()) else { return };
    let wrong: Vec<_> = bad.iter().zip(&judged[1..]).filter(|(_, valid)| **valid).collect();
    assert!(judged[0] && wrong.is_empty(), "{judged:?} {wrong:?}");
}

#[test]
fn constraints_are_valid_by_their_schema() {
    let place = json!({ "file": "/etc/a", "key": "b.*", "format": "yaml", "secret": true });
    let good = json!({ "version": 1, "constraints": [
        { "id": "a", "type": "subnet", "place": { "interface": "eth0" }, "permitted": ["10.20.0.0/16", "fd00:20::/32"] },
        { "id": "b", "type": "certificate", "place": { "file": "/etc/tls.pem", "key": "." }, "warn_days": 14,
          "issuers": ["Plant CA"], "key_usage": ["digital-signature"], "extended_key_usage": ["client-auth"],
          "names": ["press-7.example"], "keys": [{ "type": "rsa", "min_bits": 3072 }, { "type": "p256" }],
          "private_key": "/etc/tls.key" },
        { "id": "c", "type": "hostname", "place": place, "pattern": "press-[0-9]{2}",
          "when": { "place": place, "in": ["x"] } },
        { "id": "d", "type": "allowed-set", "place": place, "allowed": ["QA-01"] },
        { "id": "e", "type": "position", "place": { "receiver": "gpsd:127.0.0.1:2947", "max_age": 5 }, "regions": [
            { "centre": "48.1371,11.5754", "metres": 500 }, { "south_west": "0,0", "north_east": "1,1" },
            { "corners": ["0,0", "0,9", "9,9"], "holes": [["1,2", "2,4", "2,3"]] }] },
        { "id": "f", "type": "pattern", "place": { "file": "/etc/a", "key": "^a (.*)$", "format": "regex" }, "pattern": ".*" },
        { "id": "g", "type": "range", "place": place, "min": "-0.5" },
        { "id": "h", "type": "presence", "place": place, "present": false },
        { "id": "i", "type": "equal", "place": { "interface": "eth0" }, "to": place, "metres": 5 }
    ] });
    Constraints::parse(good.to_string().as_bytes()).unwrap();
    let bad = broken(
        &good,
        &[
            ("/version", json!("1")),
            ("/constraints/0/type", json!("tides")),
            ("/constraints/0/permitted", json!([])),
            ("/constraints/0/permitted", json!(["10.20.0.0/16", "10.20.0.0/16"])),
            ("/constraints/0/permitted", json!(["plant"])),
            ("/constraints/0/place/interface", json!("a/b")),
            ("/constraints/0/place", json!({ "receiver": "gpsd:h:1" })),
            ("/constraints/0/place", json!({ "file": "/a", "key": "b", "secret": true })),
            ("/constraints/0/id", Value::Null),
            ("/constraints/0/pattern", json!("x")),
            ("/constraints/1/key_usage", json!(["all"])),
            ("/constraints/1/extended_key_usage", json!(["any"])),
            ("/constraints/1/keys", json!([{ "type": "dsa" }])),
            ("/constraints/1/keys", json!([])),
            ("/constraints/1/private_key", json!("tls.key")),
            ("/constraints/1/anchors", json!(["!"])),
            ("/constraints/1/warn_days", json!(9999)),
            ("/constraints/2/when/in", json!([])),
            ("/constraints/2/when/place", json!({ "interface": "eth0" })),
            ("/constraints/3/allowed", Value::Null),
            ("/constraints/3/place/format", json!("xml")),
            ("/constraints/3/place/format", json!("line")),
            ("/constraints/3/place/file", json!("/a/../b")),
            ("/constraints/4/place/receiver", json!("ntp:x")),
            ("/constraints/4/regions", json!([{ "centre": "0,0" }])),
            ("/constraints/4/regions", json!([{ "corners": ["0,0", "1,1"] }])),
            ("/constraints/5/pattern", Value::Null),
            ("/constraints/6/min", Value::Null),
            ("/constraints/6/min", json!("1e3")),
            ("/constraints/6/min", json!(1)),
            ("/constraints/7/present", json!("no")),
            ("/constraints/8/to", Value::Null),
        ],
    );
    for document in &bad {
        assert!(Constraints::parse(document.to_string().as_bytes()).is_err(), "{document}");
    }
    let Some(judged) = valid("zone2-constraints.schema.json", &[&[good][..], &bad].concat()) else { return };
    let wrong: Vec<_> = bad.iter().zip(&judged[1..]).filter(|(_, valid)| **valid).collect();
    assert!(judged[0] && wrong.is_empty(), "{judged:?} {wrong:?}");
}
