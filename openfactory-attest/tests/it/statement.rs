//! Statements as in-toto's own library for Python reads them.

use openfactory_attest::intent::BuildIntent;
use openfactory_attest::provenance::Provenance;
use openfactory_attest::{Ed25519Key, Envelope, Sha256Digest};
use serde_json::{Value, json};

use crate::{document, python};

fn payload(envelope: &Envelope) -> Value {
    serde_json::from_slice(envelope.payload_unverified()).unwrap()
}

/// A line for each statement; `None` where that can't be asked.
fn told(test: &str, statements: &[Value]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..statements.len()).map(|index| folder.path().join(index.to_string())).collect();
    for (file, statement) in files.iter().zip(statements) {
        std::fs::write(file, statement.to_string()).unwrap();
    }
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let output = python::run(test, &["in_toto_attestation"], &python::script("statement.py"), &files)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), statements.len(), "{lines:?}");
    Some(lines)
}

#[test]
fn in_toto_reads_our_statements() {
    let test = "in_toto_reads_our_statements";
    let key = Ed25519Key::from_seed(&[1; 32]);
    let intent = BuildIntent::new(
        Sha256Digest::of(b"recipe"),
        "a controller",
        "qa@example.com",
        "13.1",
        document::time(0),
    );
    let provenance = payload(&Provenance::sign(&document::document(), &key).unwrap());
    let ours = [document::payload(), payload(&intent.sign(&key).unwrap()), provenance.clone()];
    let Some(lines) = told(test, &ours) else { return };
    let types: Vec<&str> =
        ours.iter().map(|statement| statement["predicateType"].as_str().unwrap()).collect();
    assert_eq!(lines, types);
    assert_eq!(types[2], "https://slsa.dev/provenance/v1");

    // It also sees when one is wrong.
    for statement in &ours {
        let changed = |pointer: &str, value: Value| {
            let mut changed = statement.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed
        };
        let mut more = statement.clone();
        more["more"] = json!(1);
        let wrong = [
            changed("/_type", json!("https://in-toto.io/Statement/v0.1")),
            changed("/subject", json!([])),
            changed("/subject/0/digest", json!({})),
            changed("/subject/0/digest", json!("00")),
            changed("/predicateType", json!("")),
            changed("/predicate", json!({})),
            more,
        ];
        let lines = told(test, &wrong).unwrap();
        assert!(lines.iter().all(|line| line.starts_with("wrong: ")), "{lines:#?}");
    }
    let mut wrong = [provenance.clone(), provenance.clone(), provenance];
    wrong[0]["predicate"]["buildDefinition"]["buildType"] = json!("");
    wrong[1]["predicate"]["buildDefinition"]["resolvedDependencies"][0]["sha256"] = json!("00");
    wrong[2]["predicate"]["runDetails"]["builder"] = json!("me");
    let lines = told(test, &wrong).unwrap();
    assert!(lines.iter().all(|line| line.starts_with("wrong: ")), "{lines:#?}");
}
