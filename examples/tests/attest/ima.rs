//! `attest ima`, on the list of a machine that really booted.

use std::fs;
use std::path::Path;

use crate::ran::{attest, says};

const EVIDENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openfactory-attest/tests/evidence/boot");

#[test]
fn a_list_is_replayed_confirmed_and_held_against_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let replay = format!("ima replay {EVIDENCE}/ima.bin --pcrs {EVIDENCE}/pcrs.txt");
    let said = says(path, &format!("{replay} --keep state.json"), 1);
    assert!(said.contains("/etc/motd was read and written at once"), "{said}");
    assert!(said.contains("entries, and not the"), "{said}");
    // The list in text says the same.
    assert_eq!(said, says(path, &replay.replace("ima.bin", "ima.ascii"), 1));

    let json = attest(path, &format!("{replay} --json")).expect(1).json();
    assert_eq!(json["findings"][0]["kind"], "violation");
    let confirmed = json["confirmed"].as_u64().unwrap();
    let kept: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("state.json")).unwrap()).unwrap();
    assert_eq!(kept, json["replay"]);
    assert_eq!(kept["entries"], confirmed);

    // An empty list from that state on: nothing came, and all is confirmed.
    fs::write(path.join("empty"), "").unwrap();
    let resumed = format!("ima replay empty --pcrs {EVIDENCE}/pcrs.txt --from state.json");
    assert!(says(path, &resumed, 0).contains(&format!("confirms all {confirmed} entries")));
    says(path, &format!("ima replay empty --pcrs {EVIDENCE}/pcrs.txt"), 1);

    let root = path.join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/motd"), "motd\n").unwrap();
    says(path, "manifest create root -o manifest.json", 0);
    let said = says(path, &format!("{replay} --manifest manifest.json"), 1);
    assert!(said.contains("/bin/busybox is in no signed manifest"), "{said}");
    assert!(said.contains(", 1 files as the signed manifest has them"), "{said}");
}

#[test]
fn what_is_no_list_can_not_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = folder.path();
    fs::write(path.join("list"), "10 zz\n").unwrap();
    let said = says(path, "ima replay list", 2);
    assert!(said.contains("entry 1") && said.contains("its template digest is not of that form"), "{said}");
    fs::write(path.join("pcrs"), "x").unwrap();
    says(path, "ima replay list --pcrs pcrs", 2);
    says(path, "ima replay missing", 2);
}
