//! The audit log on a real disk: durable, found again, and every way of changing it seen.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use openfactory_attest::audit::journal::FlawKind;
use openfactory_attest::audit::verify::{Finding, Which};
use openfactory_attest::audit::{self, Appended, Entry, Log, OpenLogError, Proof, VerifierKey};
use openfactory_attest::{Ed25519Key, Signer};

use crate::log::{ORIGIN, key, signer};
use crate::python;

fn open(directory: &Path) -> Result<Log, OpenLogError> {
    Log::open(directory, ORIGIN, signer())
}

fn entry(id: u64) -> Entry {
    Entry::new(
        format!("event-{id}"),
        "router",
        "incident.created",
        SystemTime::UNIX_EPOCH,
        format!("device-{id}"),
    )
    .because("drift")
    .with_old(serde_json::json!("Compliant"))
    .with_new(serde_json::json!("Drifted"))
}

/// A log of three batches with one, two and three entries, and its checkpoints.
fn small(directory: &Path) -> Vec<String> {
    let log = open(directory).unwrap();
    let batches = [vec![entry(0)], vec![entry(1), entry(2)], vec![entry(3), entry(4), entry(5)]];
    batches
        .into_iter()
        .map(|batch| {
            log.append(&batch).unwrap();
            log.checkpoint().unwrap()
        })
        .collect()
}

/// Changes one byte of a file in its place.
fn poke(path: &Path, at: usize, byte: u8) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[byte], at as u64).unwrap();
}

fn verify(directory: &Path) -> audit::VerifyReport {
    audit::verify(directory, &key(), None).unwrap()
}

#[test]
fn appended_entries_are_found_again_and_never_stored_twice() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let stored = log.append(&[entry(0), entry(1), entry(0)]).unwrap();
    let again = Appended::Duplicate { index: 0, same: true };
    assert_eq!(stored, [Appended::Stored { index: 0 }, Appended::Stored { index: 1 }, again]);
    let other = entry(1).because("another reason");
    assert_eq!(log.append(&[other]).unwrap(), [Appended::Duplicate { index: 1, same: false }]);
    let (size, root) = (log.size(), log.root());
    assert!(matches!(open(folder.path()), Err(OpenLogError::Locked { .. })));
    drop(log);

    let log = open(folder.path()).unwrap();
    assert_eq!((log.size(), log.root(), log.torn_tail()), (size, root, None));
    assert_eq!(log.entry(1).unwrap(), entry(1));
    assert_eq!(log.append(&[entry(0)]).unwrap(), [again]);
    assert_eq!(log.append(&[]).unwrap(), []);
    assert_eq!(log.append(&[entry(2)]).unwrap(), [Appended::Stored { index: 2 }]);
}

#[test]
fn threads_append_at_once_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for id in 0..25 {
                    // Every id is appended by two threads.
                    let id = (thread / 2) * 25 + id;
                    let index = log.append(&[entry(id)]).unwrap()[0].index();
                    assert_eq!(log.entry(index).unwrap().id, format!("event-{id}"));
                }
            });
        }
    });
    assert_eq!(log.size(), 100);
    log.checkpoint().unwrap();
    let report = verify(folder.path());
    assert!(report.is_good(), "{report:?}");
    assert_eq!((report.verified.size, report.verified.root), (100, log.root()));
}

#[test]
fn every_flipped_bit_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let entry = |id| Entry::new(id, "a", "b", SystemTime::UNIX_EPOCH, "c");
    log.append(&[entry("1")]).unwrap();
    log.append(&[entry("2")]).unwrap();
    log.checkpoint().unwrap();
    assert!(verify(folder.path()).is_good());
    for name in ["journal", "checkpoint"] {
        let path = folder.path().join(name);
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            poke(&path, bit / 8, good[bit / 8] ^ (1 << (bit % 8)));
            assert!(!verify(folder.path()).is_good(), "{name}, bit {bit}");
            poke(&path, bit / 8, good[bit / 8]);
        }
    }
    assert!(verify(folder.path()).is_good());
}

#[test]
fn the_first_bad_entry_is_named() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let path = folder.path().join("journal");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("device-4", "device-9")).unwrap();
    let findings = verify(folder.path()).findings;
    let [Finding::Journal(flaw)] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((flaw.index, &flaw.kind), (4, &FlawKind::LeafHash));
    assert!(matches!(open(folder.path()), Err(OpenLogError::Corrupt { .. })));
}

#[test]
fn lines_taken_away_swapped_or_added_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let path = folder.path().join("journal");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for index in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(index);
        fs::write(&path, fewer.concat()).unwrap();
        // A commit between others says nothing that those don't: all entries are still there, and still proved.
        let harmless = lines[index].starts_with("= ") && index + 1 < lines.len();
        assert_eq!(verify(folder.path()).is_good(), harmless, "without line {index}");
        let mut doubled = lines.clone();
        doubled.insert(index, lines[index]);
        fs::write(&path, doubled.concat()).unwrap();
        // A commit that stands there twice says the same twice.
        assert_eq!(verify(folder.path()).is_good(), lines[index].starts_with("= "), "line {index} twice");
        for other in index + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(index, other);
            fs::write(&path, swapped.concat()).unwrap();
            assert!(!verify(folder.path()).is_good(), "lines {index} and {other} swapped");
        }
    }
}

#[test]
fn a_cut_off_end_is_seen_by_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let path = folder.path().join("journal");
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(!verify(folder.path()).is_good(), "cut to {len}");
    }
    let text = String::from_utf8(whole).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    fs::write(&path, lines[..6].concat()).unwrap();
    let findings = verify(folder.path()).findings;
    assert_eq!(findings, [Finding::Truncated { which: Which::Own, signed: 6, found: 3 }]);
    assert!(matches!(open(folder.path()), Err(OpenLogError::Truncated { signed: 6, found: 3 })));
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenLogError::CheckpointMissing)));
    assert_eq!(verify(folder.path()).findings, [Finding::CheckpointMissing]);
}

#[test]
fn a_log_made_anew_with_its_own_key_is_seen_by_an_older_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let older = small(folder.path());
    let since = |note: &str| audit::verify(folder.path(), &key(), Some(note.as_bytes())).unwrap();
    for note in &older {
        assert!(since(note).is_good());
    }
    fs::remove_file(folder.path().join("journal")).unwrap();
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let log = open(folder.path()).unwrap();
    log.append(&[entry(0), entry(1), entry(7), entry(3)]).unwrap();
    log.checkpoint().unwrap();
    assert!(verify(folder.path()).is_good(), "by itself it is consistent");
    assert!(since(&older[0]).is_good(), "the first entry is the same");
    assert_eq!(since(&older[1]).findings, [Finding::Rewritten { which: Which::Since, size: 3 }]);
    assert_eq!(since(&older[2]).findings, [Finding::Truncated { which: Which::Since, signed: 6, found: 4 }]);
    let forged = older[1].replace("\n3\n", "\n4\n");
    assert!(matches!(since(&forged).findings[..], [Finding::Checkpoint { which: Which::Since, .. }]));
}

#[test]
fn a_log_is_opened_by_its_own_key_and_name_only() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let stranger = Arc::new(Ed25519Key::from_seed(&[4; 32]));
    assert!(matches!(Log::open(folder.path(), ORIGIN, stranger), Err(OpenLogError::Checkpoint(_))));
    assert!(matches!(Log::open(folder.path(), "other", signer()), Err(OpenLogError::OtherLog { .. })));
    assert!(matches!(Log::open(folder.path(), "two words", signer()), Err(OpenLogError::Origin(_))));
    let key = VerifierKey::new(ORIGIN, Ed25519Key::from_seed(&[4; 32]).public_key().clone()).unwrap();
    assert!(!audit::verify(folder.path(), &key, None).unwrap().is_good());
    assert!(audit::verify(&folder.path().join("nowhere"), &key, None).is_err());
}

#[test]
fn a_torn_tail_is_cut_off_wherever_it_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    log.append(&[entry(0)]).unwrap();
    log.checkpoint().unwrap();
    let path = folder.path().join("journal");
    let durable = fs::metadata(&path).unwrap().len() as usize;
    log.append(&[entry(1), entry(2)]).unwrap();
    drop(log);
    let whole = fs::read(&path).unwrap();
    for len in (durable..whole.len()).step_by(9).chain([whole.len() - 1]) {
        // The beginning arrived, or the length did and its end is still zeros, or a block in between is.
        let mut zeros = whole.clone();
        zeros[len..].fill(0);
        let mut hole = whole.clone();
        let end = (len + 40).min(whole.len());
        hole[len..end].fill(0);
        for (how, torn) in [("cut", whole[..len].to_vec()), ("zeros", zeros), ("hole", hole)] {
            fs::write(&path, torn).unwrap();
            let log = open(folder.path()).unwrap_or_else(|error| panic!("{how} at {len}: {error}"));
            assert_eq!(log.size(), 1, "{how} at {len}");
            if len > durable || how != "cut" {
                let torn = log.torn_tail().unwrap();
                assert_eq!(torn.offset, durable as u64);
                let kept = fs::read(folder.path().join(format!("journal.torn-{durable}"))).unwrap();
                assert_eq!(kept.len() as u64, torn.len);
            }
            assert_eq!(log.append(&[entry(1), entry(2)]).unwrap().len(), 2);
        }
    }
    assert!(verify(folder.path()).is_good());
}

#[test]
fn a_corrupted_middle_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let path = folder.path().join("journal");
    let whole = fs::read(&path).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let last_batch = text.match_indices("\n= ").nth(1).unwrap().0 + 1;
    let last_batch = last_batch + text[last_batch..].find('\n').unwrap() + 1;
    for at in 0..last_batch {
        for value in [0, b'X', whole[at] ^ 1] {
            let mut bad = whole.clone();
            bad[at] = value;
            if bad == whole {
                continue;
            }
            poke(&path, at, value);
            assert!(open(folder.path()).is_err(), "byte {at} as {value}");
            assert!(fs::read(&path).unwrap() == bad, "byte {at} as {value}: left as it was");
            poke(&path, at, whole[at]);
        }
    }
}

#[test]
fn proofs_hold_for_their_entry_and_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let log = open(folder.path()).unwrap();
    log.append(&[entry(6)]).unwrap();
    assert!(audit::prove(folder.path(), 6).is_err(), "no checkpoint reaches it yet");
    assert_eq!(log.prove(6).unwrap().unwrap().index(), 6);
    assert_eq!(log.prove(7).unwrap(), None);
    for index in 0..7 {
        let (proof, json) = audit::prove(folder.path(), index).unwrap();
        assert_eq!(json, entry(index).to_bytes().unwrap());
        let text = proof.to_string();
        let proof = Proof::parse(text.as_bytes()).unwrap();
        assert_eq!(proof.to_string(), text);
        assert_eq!(proof.verify_inclusion(&json, &key()).unwrap().head.size, 7);
        assert!(proof.verify_inclusion(&entry(index + 1).to_bytes().unwrap(), &key()).is_err());
        let bits = if index == 4 { text.len() * 8 } else { 0 };
        for bit in 0..bits {
            let mut flipped = text.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let holds =
                Proof::parse(&flipped).is_ok_and(|proof| proof.verify_inclusion(&json, &key()).is_ok());
            assert!(!holds, "entry {index}, bit {bit}");
        }
    }
}

/// Appends until it is killed, and says what was acknowledged. Started by the test below.
#[test]
#[ignore = "is the process that another test kills"]
fn appender() {
    let Some(directory) = std::env::var_os("OPENFACTORY_TEST_LOG") else { return };
    let log = open(Path::new(&directory)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let log = log.clone();
            scope.spawn(move || {
                for id in 0.. {
                    let id = thread * 1_000_000 + id;
                    log.append(&[entry(id)]).unwrap();
                    println!("acknowledged {id}");
                    if id % 7 == 0 {
                        log.checkpoint().unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    use std::io::{BufRead as _, BufReader};

    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["audit::appender", "--exact", "--ignored", "--nocapture"])
            .env("OPENFACTORY_TEST_LOG", folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        while seen < 20 + round * 13 {
            let line = lines.next().unwrap().unwrap();
            if let Some(id) = line.strip_prefix("acknowledged ") {
                acknowledged.push(id.parse::<u64>().unwrap());
                seen += 1;
            }
        }
        child.kill().unwrap();
        // What it said before it died counts too.
        for line in lines.map_while(Result::ok) {
            acknowledged.extend(line.strip_prefix("acknowledged ").and_then(|id| id.parse::<u64>().ok()));
        }
        child.wait().unwrap();
        let log = open(folder.path()).unwrap();
        let size = log.size();
        for id in &acknowledged {
            let answer = log.append(&[entry(*id)]).unwrap();
            assert!(matches!(answer[..], [Appended::Duplicate { same: true, .. }]), "{id} was lost");
        }
        assert_eq!(log.size(), size);
        drop(log);
        assert!(verify(folder.path()).is_good());
    }
}

#[test]
fn a_python_auditor_comes_to_the_same_verdict() {
    let test = "a_python_auditor_comes_to_the_same_verdict";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit/verify_log.py");
    let folder = tempfile::tempdir().unwrap();
    let older = small(folder.path());
    let since = folder.path().join("older");
    fs::write(&since, &older[1]).unwrap();
    let vkey = key().to_string();
    let arguments = [folder.path().to_str().unwrap(), &vkey, since.to_str().unwrap()];
    let python = || python::run(test, &["cryptography"], &script, &arguments);
    let Some(output) = python() else { return };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let report = verify(folder.path());
    assert!(text.contains(&report.verified.root.to_string()), "{text}");

    let path = folder.path().join("journal");
    let good = fs::read_to_string(&path).unwrap();
    let first_line = good.find('\n').unwrap() + 1;
    for bad in [
        good.replace("device-4", "device-9"),
        good.replace("= 3 ", "= 4 "),
        good[..good.len() - 80].to_owned(),
        format!("{}{}", &good[..first_line], &good[good.match_indices('\n').nth(2).unwrap().0 + 1..]),
    ] {
        fs::write(&path, bad).unwrap();
        assert_eq!(python().unwrap().status.code(), Some(1));
        assert!(!verify(folder.path()).is_good());
    }
}

/// A checkpoint's text under the log's own signature, whatever it says.
fn signed_by_the_log(good: &str, text: &str) -> String {
    let start = good.rfind(' ').unwrap() + 1;
    let known = STANDARD.decode(good[start..].trim_end()).unwrap();
    let signature = signer().sign(text.as_bytes()).unwrap();
    let signature = STANDARD.encode([&known[..4], &signature[..]].concat());
    format!("{text}\n\u{2014} {ORIGIN} {signature}\n")
}

#[test]
fn a_damaged_checkpoint_is_bad_to_the_python_auditor_too() {
    let test = "a_damaged_checkpoint_is_bad_to_the_python_auditor_too";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit/verify_log.py");
    let folder = tempfile::tempdir().unwrap();
    let good = small(folder.path()).pop().unwrap();
    let text = &good[..=good.find("\n\n").unwrap()];
    let root = text.lines().nth(2).unwrap();
    let signed = |text: String| signed_by_the_log(&good, &text).into_bytes();
    let vkey = key().to_string();
    let cases = [
        ("as it was", signed(text.to_owned()), 0),
        ("no line at all", signed("\n".to_owned()), 1),
        ("no root", signed(format!("{ORIGIN}\n6\n")), 1),
        ("no size", signed(format!("{ORIGIN}\n{root}\n")), 1),
        ("a size without end", signed(format!("{ORIGIN}\n{}\n{root}\n", "9".repeat(5000))), 1),
        ("a root that is no base64", signed(format!("{ORIGIN}\n6\n!{}\n", &root[1..])), 1),
        ("a root of 31 bytes", signed(format!("{ORIGIN}\n6\n{}\n", STANDARD.encode([7; 31]))), 1),
        ("a root of no bytes", signed(format!("{ORIGIN}\n6\n\n{root}\n")), 1),
        ("a signature that is no base64", format!("{}!\n", good.trim_end()).into_bytes(), 1),
        ("a signature that is cut off", format!("{}\n", &good[..good.len() - 9]).into_bytes(), 1),
        ("not UTF-8", [b"\xff", good.as_bytes()].concat(), 1),
        ("empty", Vec::new(), 1),
    ];
    for (what, checkpoint, status) in cases {
        fs::write(folder.path().join("checkpoint"), checkpoint).unwrap();
        let arguments = [folder.path().to_str().unwrap(), &vkey];
        let Some(output) = python::run(test, &["cryptography"], &script, &arguments) else { return };
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(status), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(told.starts_with("BAD: "), status == 1, "{what}: {told}");
        assert!(output.stderr.is_empty(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
