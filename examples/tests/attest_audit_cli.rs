//! `attest audit` as the operator of a log, a witness and an auditor run it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use openfactory_attest::Ed25519Key;
use openfactory_attest::audit::{Entry, Log};
use serde_json::Value;

struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    #[track_caller]
    fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

fn attest(directory: &Path, line: &str) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_attest"))
        .args(line.split_whitespace())
        .current_dir(directory)
        .output()
        .unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The log in `log`, by the key in `log.key`, grown to this size; its checkpoint is signed.
fn grow(directory: &Path, size: u64) {
    let pem = directory.join("log.key");
    if !pem.exists() {
        attest(directory, "key generate --kind audit-log --out log.key --name example.com/log").expect(0);
    }
    let key = Ed25519Key::from_pem(&fs::read_to_string(pem).unwrap()).unwrap();
    let log = Log::open(&directory.join("log"), "example.com/log", Arc::new(key)).unwrap();
    let entry = |id| Entry::new(format!("event-{id}"), "router", "tested", SystemTime::UNIX_EPOCH, "log");
    log.append(&(log.size()..size).map(entry).collect::<Vec<_>>()).unwrap();
    log.checkpoint().unwrap();
}

#[test]
fn a_log_is_published_and_checked_by_whoever_has_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    grow(path, 300);
    let told = attest(path, "audit publish log public --json").expect(0).json();
    assert_eq!((&told["size"], &told["tiles_written"]), (&300.into(), &5.into()));
    fs::copy(path.join("public/checkpoint"), path.join("older")).unwrap();
    grow(path, 700);
    let told = attest(path, "audit publish log public").expect(0);
    assert!(told.stdout.starts_with("Entries published: 700\n"), "{}", told.stdout);
    assert_eq!(attest(path, "audit publish log public --json").expect(0).json()["tiles_written"], 0);

    let good =
        attest(path, "audit verify-tiles public --key log.key.pub --since older --json").expect(0).json();
    assert_eq!((&good["good"], &good["verified"], &good["size"]), (&true.into(), &700.into(), &700.into()));
    attest(path, "audit verify-tiles public --key nonsense").expect(2);
    attest(path, "audit verify-tiles nowhere --key log.key.pub").expect(2);
    attest(path, "key generate --kind audit-log --out other.key --name example.com/log").expect(0);
    let other = attest(path, "audit verify-tiles public --key other.key.pub").expect(2);
    assert!(other.stderr.contains("is not signed by this key"), "{}", other.stderr);

    let tile = path.join("public/tile/entries/001");
    let bundle = fs::read(&tile).unwrap();
    let mut changed = bundle.clone();
    changed[40] ^= 1;
    fs::write(&tile, changed).unwrap();
    let bad = attest(path, "audit verify-tiles public --key log.key.pub").expect(1);
    assert!(bad.stdout.contains("BAD: tile/entries/001: entry 256 is not"), "{}", bad.stdout);
    assert!(bad.stdout.contains("Entries verified: 444 of 700\n"), "{}", bad.stdout);
    // What is gone is made again.
    fs::remove_file(&tile).unwrap();
    assert_eq!(attest(path, "audit publish log public --json").expect(0).json()["tiles_written"], 1);
    attest(path, "audit verify-tiles public --key log.key.pub").expect(0);

    // A log that was set back, and one that was changed, are not published over what was.
    fs::rename(path.join("log"), path.join("newer")).unwrap();
    grow(path, 500);
    let back = attest(path, "audit publish log public").expect(1);
    assert!(back.stderr.contains("it was set back"), "{}", back.stderr);
    let journal = fs::read_to_string(path.join("log/journal")).unwrap();
    fs::write(path.join("log/journal"), journal.replacen("\"tested\"", "\"passed\"", 1)).unwrap();
    let damaged = attest(path, "audit publish log public").expect(1);
    assert!(damaged.stderr.contains("entry 0"), "{}", damaged.stderr);
    attest(path, "audit publish nowhere public").expect(2);
    attest(path, "audit verify-tiles public --key log.key.pub").expect(0);
}
