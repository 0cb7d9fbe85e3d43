//! `attest audit` as the operator of a log, a witness and an auditor run it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use openfactory_attest::Ed25519Key;
use openfactory_attest::audit::{Entry, Log};

use crate::ran::attest;

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

/// A witness's key in `NAME.key`, and the line that a policy has for it.
fn witness(directory: &Path, name: &str) -> String {
    attest(directory, &format!("key generate --kind audit-log --out {name}.key --name {name}.example.com"))
        .expect(0);
    let key =
        attest(directory, &format!("audit witness-key {name}.key.pub --name {name}.example.com")).expect(0);
    format!("witness {name} {}", key.stdout)
}

#[test]
fn witnesses_cosign_what_only_grows_and_proofs_carry_that() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    grow(path, 300);
    attest(path, "audit publish log public").expect(0);
    let policy = witness(path, "w1") + &witness(path, "w2") + "group both all w1 w2\nquorum both\n";
    fs::write(path.join("policy"), &policy).unwrap();
    let ask = |name: &str, log: &str| {
        let line = format!(
            "audit witness {log} --log-key log.key.pub --state state-{name} --key {name}.key --name {name}.example.com"
        );
        attest(path, &line)
    };
    let verify = "audit verify-tiles public --key log.key.pub --policy policy";
    let bad = attest(path, verify).expect(1);
    assert!(bad.stdout.contains("BAD: the checkpoint does not have the witnesses"), "{}", bad.stdout);
    fs::write(path.join("c1"), ask("w1", "public").expect(0).stdout).unwrap();
    fs::write(path.join("c2"), ask("w2", "public").expect(0).stdout).unwrap();
    attest(path, "audit cosign public c1 --policy policy").expect(0);
    let bad = attest(path, verify).expect(1);
    assert!(bad.stdout.contains("it has w1.example.com"), "{}", bad.stdout);
    attest(path, "audit cosign public c1 c2 --policy policy").expect(0);
    let good = attest(path, verify).expect(0);
    assert!(good.stdout.contains("Cosigned by w2.example.com at "), "{}", good.stdout);
    let told = attest(path, &format!("{verify} --json")).expect(0).json();
    assert_eq!(told["witnesses"], serde_json::json!(["w1.example.com", "w2.example.com"]));

    // A proof that stands by itself.
    attest(path, "audit prove public 7 -o proof --entry entry").expect(0);
    let check = "audit verify-proof proof --entry entry --key log.key.pub --policy policy";
    let proved = attest(path, check).expect(0);
    assert!(
        proved.stdout.contains("Entry 7 is in example.com/log, under its checkpoint of 300"),
        "{}",
        proved.stdout
    );
    assert!(proved.stdout.contains("Cosigned by w1.example.com at "), "{}", proved.stdout);
    attest(path, "key generate --kind audit-log --out x.key --name example.com/log").expect(0);
    attest(path, "audit verify-proof proof --entry entry --key x.key.pub").expect(1);
    attest(path, "audit verify-proof proof --entry policy --key log.key.pub").expect(1);
    // Without a log's key, by a policy that names none, nothing can be said.
    attest(path, "audit verify-proof proof --entry entry --policy policy").expect(2);
    attest(path, "audit verify-proof proof --entry entry").expect(2);
    attest(path, "audit verify-proof policy --entry entry --key log.key.pub").expect(2);
    // From the log's own directory it is under the checkpoint without cosignatures.
    attest(path, "audit prove log 7 -o plain --entry entry").expect(0);
    attest(path, "audit verify-proof plain --entry entry --key log.key.pub").expect(0);
    attest(path, "audit verify-proof plain --entry entry --key log.key.pub --policy policy").expect(1);

    // The log goes on; so do its witnesses, and what the old checkpoint says holds.
    fs::copy(path.join("public/checkpoint"), path.join("older")).unwrap();
    grow(path, 700);
    attest(path, "audit publish log public").expect(0);
    attest(path, "audit cosign public c1 c2 --policy policy").expect(1);
    for source in ["public", "log"] {
        attest(path, &format!("audit prove-consistency {source} older -o grown")).expect(0);
        attest(path, "audit verify-consistency older grown --key log.key.pub").expect(0);
        attest(path, &format!("audit prove-consistency {source} 701")).expect(1);
    }
    assert!(fs::read_to_string(path.join("grown")).unwrap().starts_with("old 300\n"));
    fs::write(path.join("c1"), ask("w1", "grown").expect(0).stdout).unwrap();
    attest(path, "audit cosign public c1 --policy policy").expect(0);
    attest(path, "audit verify-consistency grown older --key log.key.pub").expect(2);
    attest(path, "audit verify-consistency older grown --key x.key.pub").expect(1);

    // Nobody's witness: a log that was made anew, one of another key, the log itself.
    fs::rename(path.join("log"), path.join("true")).unwrap();
    grow(path, 500);
    attest(path, "audit publish log back").expect(0);
    let back = ask("w1", "back").expect(1);
    assert!(back.stderr.contains("from 700 entries on"), "{}", back.stderr);
    let own = "audit witness public --log-key log.key.pub --state s --key log.key --name example.com";
    attest(path, own).expect(2);
    attest(path, "audit verify-consistency older plain --key log.key.pub").expect(2);
    fs::write(
        path.join("forged"),
        fs::read_to_string(path.join("grown")).unwrap().replace("\n700\n", "\n701\n"),
    )
    .unwrap();
    attest(path, "audit verify-consistency older forged --key log.key.pub").expect(1);
    attest(path, "audit witness-key w1.key --name w1").expect(2);
    attest(path, "audit witness-key w1.key.pub --name w+1").expect(2);
    attest(path, "audit cosign public policy --policy policy").expect(1);
    attest(path, "audit cosign public c1 --policy c1").expect(2);
}
