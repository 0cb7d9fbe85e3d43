//! The schemas of `docs/formats`: what is written is valid by them, and what is refused here is not.

use std::path::{Path, PathBuf};

use openfactory_attest::manifest::{Entry, EntryKind, Manifest, TreePath};
use openfactory_attest::{Sha256Digest, Work};
use serde_json::{Value, json};

use crate::python;

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats").join(name)
}

/// Whether the documents are valid; `None` where that can't be asked.
fn valid(test: &str, name: &str, documents: &[Value]) -> Option<Vec<bool>> {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec![schema(name)];
    for (index, document) in documents.iter().enumerate() {
        arguments.push(folder.path().join(format!("{index}.json")));
        std::fs::write(&arguments[index + 1], document.to_string()).unwrap();
    }
    let arguments: Vec<&str> = arguments.iter().map(|path| path.to_str().unwrap()).collect();
    let output = python::run(test, &["jsonschema"], &python::script("schema.py"), &arguments)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().count(), documents.len(), "{told}");
    Some(told.lines().map(|line| line == "valid").collect())
}

#[test]
fn manifests_are_valid_by_their_schema() {
    let test = "manifests_are_valid_by_their_schema";
    let path = |name: &[u8]| TreePath::new(name).unwrap();
    let file = EntryKind::File { size: 1, digest: Sha256Digest::of(b"x") };
    let entries = [
        (path(b"."), EntryKind::Directory),
        (path(b"\xff"), file.clone()),
        (path(b"device"), EntryKind::CharDevice { major: 1, minor: 3 }),
        (path(b"file"), file),
        (path(b"link"), EntryKind::Symlink { target: b"\xfe".to_vec() }),
        (path(b"pipe"), EntryKind::Fifo),
    ];
    let entries = entries.map(|(path, kind)| Entry::new(path, kind, 0o644));
    let made = Manifest::of_entries(entries.to_vec()).unwrap().to_json().unwrap();
    let made: Value = serde_json::from_slice(&made).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let of_directory = Manifest::of_directory(folder.path(), &Work::on_all_cores()).unwrap();
    let of_directory: Value = serde_json::from_slice(&of_directory.to_json().unwrap()).unwrap();
    let Some(good) = valid(test, "manifest.schema.json", &[made.clone(), of_directory]) else { return };
    assert_eq!(good, [true, true]);

    let changed = |pointer: &str, name: &str, value: Value| {
        let mut changed = made.clone();
        changed.pointer_mut(pointer).unwrap()[name] = value;
        assert!(Manifest::parse_json(changed.to_string().as_bytes()).is_err(), "{pointer}/{name}");
        changed
    };
    let bad = [
        changed("", "version", json!(2)),
        changed("", "more", json!(1)),
        changed("/entries/0", "sha256", json!("0".repeat(64))),
        changed("/entries/1", "mode", json!("644")),
        changed("/entries/2", "major", json!(-1)),
        changed("/entries/3", "target", json!("x")),
    ];
    let refused = valid(test, "manifest.schema.json", &bad).unwrap();
    assert_eq!(refused, [false; 6]);
}

#[test]
fn documents_are_valid_by_their_schema() {
    let test = "documents_are_valid_by_their_schema";
    let made = crate::document::payload();
    let changed = |pointer: &str, value: Value| {
        let mut changed = made.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let documents = [
        made.clone(),
        changed("/predicate/version", json!(2)),
        changed("/predicate/verity/dataBlockSize", json!(4097)),
        changed("/predicate/verity/salt", json!("0")),
        changed("/predicate/image/sha256", json!("00")),
        changed("/predicate/signature/time", json!("now")),
        changed("/predicate/sboms/0", json!({"name": "x"})),
        changed("/predicate/buildLog", json!(null)),
        changed("/predicate/tests/categories/0/status", json!("good")),
        changed("/predicate/signature/name", json!("")),
        changed("/predicate/signature/meaning", json!(" ")),
        changed("/predicate/builder/id", json!("a\nb")),
        changed("/predicate/buildId", json!("x".repeat(1025))),
    ];
    let Some(judged) = valid(test, "verification-document.schema.json", &documents) else { return };
    let (first, others) = judged.split_first().unwrap();
    assert!(*first && others.len() == 12 && !others.contains(&true), "{judged:?}");
}
