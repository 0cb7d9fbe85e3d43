//! A published log: the same files whichever way they came to be, and every way of changing them seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::audit::publish::PublishError;
use openfactory_attest::audit::snapshot::ReadLogError;
use openfactory_attest::audit::tile::{Level, TileId};
use openfactory_attest::audit::tiles::{self, ReadTilesError, Tiles, TilesFinding, TilesReport};
use openfactory_attest::audit::tree::{TreeHead, leaf_hash, verify_consistency, verify_inclusion};
use openfactory_attest::audit::verify::Which;
use openfactory_attest::audit::{self, Checkpoint, Entry, Log, Publisher, VerifierKey};
use openfactory_attest::{Ed25519Key, Signer};

use crate::log::{ORIGIN, key, signer};

fn entry(id: u64) -> Entry {
    Entry::new(format!("event-{id}"), "router", "incident.created", SystemTime::UNIX_EPOCH, "device-7")
}

fn grow(log: &Log, size: u64) {
    let entries: Vec<Entry> = (log.size()..size).map(entry).collect();
    log.append(&entries).unwrap();
}

fn open(directory: &Path) -> Log {
    Log::open(directory, ORIGIN, signer()).unwrap()
}

/// A log of this size, published.
fn published(folder: &Path, size: u64) -> (Log, PathBuf) {
    let (log, public) = (open(&folder.join("log")), folder.join("public"));
    grow(&log, size);
    assert_eq!(Publisher::new(log.clone(), &public).publish().unwrap().head.size, size);
    (log, public)
}

fn verify(public: &Path) -> TilesReport {
    tiles::verify(public, &key(), None).unwrap()
}

/// All files below a directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(directory: &Path, root: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                add(&path, root, files);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(directory, directory, &mut found);
    found
}

#[test]
fn published_step_by_step_or_at_once_the_files_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder.path().join("log"));
    let steps = folder.path().join("steps");
    let mut publisher = Publisher::new(log.clone(), &steps);
    let sizes = [0, 1, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_793, 70_000];
    for (number, size) in sizes.into_iter().enumerate() {
        grow(&log, size);
        let published = publisher.publish().unwrap();
        assert_eq!(published.head, TreeHead::new(size, log.root()));
        let report = verify(&steps);
        assert!(report.is_good(), "{size}: {report:?}");
        assert_eq!((report.verified, report.checkpoint), (size, Some(published.head)));
        let nothing_new = publisher.publish().unwrap();
        assert_eq!((nothing_new.head, nothing_new.written), (published.head, 0));

        if (701..70_000).contains(&size) {
            continue;
        }
        // All that the tree's tiles are, from the log's directory alone. Partial tiles of checkpoints before are kept
        // until the full one is there.
        let once = folder.path().join(format!("once-{number}"));
        let tiles = TileId::since(0, size).count();
        assert_eq!(audit::publish(&folder.path().join("log"), &once).unwrap().written, tiles as u64);
        let (steps, once) = (files(&steps), files(&once));
        assert_eq!(once.len(), tiles + 2, "with checkpoint and lock");
        for (path, bytes) in &once {
            assert!(steps.get(path) == Some(bytes), "{size}: {}", path.display());
        }
        for path in steps.keys().filter(|path| !once.contains_key(*path)) {
            let tile = path.parent().unwrap().to_str().unwrap().strip_suffix(".p").unwrap().to_owned();
            assert!(!once.contains_key(Path::new(&tile)), "{size}: {}", path.display());
        }
    }
    // The example of c2sp.org/tlog-tiles.
    assert!(steps.join("tile/entries/273.p/112").is_file() && steps.join("tile/1/001.p/17").is_file());
    assert_eq!(fs::read(steps.join("tile/2/000.p/1")).unwrap().len(), 32);
}

#[test]
fn entries_and_proofs_come_from_the_tiles_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 1_300);
    let older: Vec<TreeHead> = {
        let head = |size| {
            let log = open(&folder.path().join(format!("old-{size}")));
            grow(&log, size);
            TreeHead::new(size, log.root())
        };
        [0, 1, 255, 256, 257, 768, 1_299, 1_300].into_iter().map(head).collect()
    };
    let tiles = Tiles::open(&public).unwrap();
    let head = tiles.head();
    assert_eq!(head, TreeHead::new(log.size(), log.root()));
    for index in [0, 1, 255, 256, 300, 1_023, 1_024, 1_279, 1_280, 1_299] {
        let json = tiles.entry(index).unwrap();
        assert_eq!(Entry::parse(&json).unwrap(), entry(index));
        let proof = tiles.inclusion_proof(index).unwrap();
        assert!(verify_inclusion(leaf_hash(&json), index, head.size, &proof, &head.root), "{index}");
    }
    for old in older {
        let proof = tiles.consistency_proof(old.size).unwrap();
        assert!(verify_consistency(old, head, &proof), "{}", old.size);
    }
    assert!(matches!(tiles.entry(1_300), Err(ReadTilesError::NotCovered { index: 1_300, size: 1_300 })));
    assert!(matches!(tiles.inclusion_proof(1_300), Err(ReadTilesError::NotCovered { .. })));
    assert!(matches!(tiles.consistency_proof(1_301), Err(ReadTilesError::NotCovered { .. })));

    // Another reader's log, whose partial tiles gave way to full ones while the checkpoint was being read.
    let checkpoint = fs::read(public.join("checkpoint")).unwrap();
    grow(&log, 1_600);
    Publisher::new(log, &public).publish().unwrap();
    assert!(!public.join("tile/0/005.p").exists());
    fs::write(public.join("checkpoint"), checkpoint).unwrap();
    let report = verify(&public);
    assert!(report.is_good() && report.verified == 1_300, "{report:?}");
    assert_eq!(Tiles::open(&public).unwrap().entry(1_299).unwrap(), entry(1_299).to_bytes().unwrap());
}

#[test]
fn a_changed_byte_anywhere_is_seen_and_its_tile_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, public) = published(folder.path(), 600);
    let mut names = Vec::new();
    for (path, bytes) in files(&public) {
        let name = path.to_str().unwrap();
        if name == "lock" {
            continue;
        }
        names.push(name.to_owned());
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 40) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(public.join(name), changed).unwrap();
            let report = tiles::verify(&public, &key(), None);
            if name == "checkpoint" {
                assert!(!report.is_ok_and(|report| report.is_good()), "{at}");
                continue;
            }
            let findings = report.unwrap().findings;
            assert_eq!(findings.len(), 1, "{name}, byte {at}: {findings:?}");
            let told = findings[0].to_string();
            assert!(
                told.starts_with(&format!("{name}: ")) || told == format!("{name} was changed"),
                "{name}: {told}"
            );
        }
        for other in [&bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), b""] {
            fs::write(public.join(name), other).unwrap();
            let good = tiles::verify(&public, &key(), None).is_ok_and(|report| report.is_good());
            assert!(!good, "{name} of {} bytes", other.len());
        }
        fs::remove_file(public.join(name)).unwrap();
        if name == "checkpoint" {
            let missing = tiles::verify(&public, &key(), None);
            assert!(matches!(missing, Err(ReadTilesError::NoCheckpoint { .. })));
        } else {
            let findings = verify(&public).findings;
            assert!(
                matches!(&findings[..], [TilesFinding::Unreadable { reason, .. }] if reason == "it is missing")
            );
        }
        fs::write(public.join(name), bytes).unwrap();
    }
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ];
    assert_eq!(names, expected);
    assert!(verify(&public).is_good());
}

#[test]
fn what_was_changed_along_with_its_hashes_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, public) = published(folder.path(), 600);
    // Another log's first 600 entries, under this log's checkpoint.
    let other = Log::open(&folder.path().join("other"), ORIGIN, signer()).unwrap();
    other.append(&(1_000..1_600).map(entry).collect::<Vec<_>>()).unwrap();
    let theirs = folder.path().join("theirs");
    Publisher::new(other, &theirs).publish().unwrap();
    let bytes = |name: &str| fs::read(theirs.join(name)).unwrap();

    // A bundle and its leaves: the hash above them is the signed one.
    for name in ["tile/0/001", "tile/entries/001"] {
        fs::write(public.join(name), bytes(name)).unwrap();
    }
    let report = verify(&public);
    let tile = TileId { level: Level::Hashes(0), index: 1, width: 256 };
    assert_eq!(
        report.findings,
        [TilesFinding::Changed { tile }, TilesFinding::Unproved { from: 256, to: 512 }]
    );
    assert_eq!(report.verified, 600 - 256);

    // All of it.
    for name in TileId::since(0, 600).map(|tile| tile.to_string()) {
        fs::write(public.join(&name), bytes(&name)).unwrap();
    }
    let report = verify(&public);
    assert_eq!((report.findings, report.verified), (vec![TilesFinding::Unproved { from: 0, to: 600 }], 0));
}

#[test]
fn an_older_checkpoint_shows_what_a_new_log_hides() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 300);
    let older = log.checkpoint().unwrap();
    grow(&log, 600);
    Publisher::new(log.clone(), &public).publish().unwrap();
    let since = |note: &str| tiles::verify(&public, &key(), Some(note.as_bytes())).unwrap().findings;
    assert_eq!(since(&older), []);

    let made_anew = open(&folder.path().join("anew"));
    made_anew.append(&[entry(5)]).unwrap();
    assert_eq!(since(&made_anew.checkpoint().unwrap()), [TilesFinding::Rewritten { size: 1 }]);
    grow(&log, 601);
    let longer = log.checkpoint().unwrap();
    assert_eq!(since(&longer), [TilesFinding::Truncated { signed: 601, found: 600 }]);
    let findings = since("nothing");
    assert!(matches!(findings[..], [TilesFinding::Checkpoint { which: Which::Since, .. }]), "{findings:?}");

    let stranger = VerifierKey::new(ORIGIN, Ed25519Key::from_seed(&[4; 32]).public_key().clone()).unwrap();
    let report = tiles::verify(&public, &stranger, None).unwrap();
    assert!(matches!(report.findings[..], [TilesFinding::Checkpoint { which: Which::Own, .. }]));
    assert_eq!((report.verified, report.checkpoint), (0, None));
}

#[test]
fn what_is_missing_or_was_not_finished_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 600);
    let good = files(&public);
    fs::remove_dir_all(public.join("tile/entries")).unwrap();
    fs::write(public.join("tile/0/001"), b"cut off").unwrap();
    assert_eq!(Publisher::new(log.clone(), &public).publish().unwrap().written, 4);
    assert_eq!(files(&public), good);

    // Tiles beyond the published checkpoint, as a power cut may leave them: of the right length, and empty inside.
    grow(&log, 900);
    let more = folder.path().join("more");
    log.checkpoint().unwrap();
    audit::publish(&folder.path().join("log"), &more).unwrap();
    let more = files(&more);
    for (path, bytes) in more.iter().filter(|(path, _)| !good.contains_key(*path)) {
        fs::create_dir_all(public.join(path).parent().unwrap()).unwrap();
        fs::write(public.join(path), vec![0; bytes.len()]).unwrap();
        fs::write(public.join(path).with_extension("new"), b"half").unwrap();
    }
    Publisher::new(log.clone(), &public).publish().unwrap();
    assert!(verify(&public).is_good());
    for (path, bytes) in &more {
        assert!(fs::read(public.join(path)).unwrap() == *bytes, "{}", path.display());
    }

    // Everything, from nothing.
    fs::remove_dir_all(&public).unwrap();
    Publisher::new(log, &public).publish().unwrap();
    assert_eq!(files(&public), more);
}

#[test]
fn nothing_is_published_over_another_history() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 300);
    let before = files(&public);
    let refused = |name: &str, origin: &str, entries: std::ops::Range<u64>| {
        let other = Log::open(&folder.path().join(name), origin, signer()).unwrap();
        other.append(&entries.map(entry).collect::<Vec<_>>()).unwrap();
        Publisher::new(other, &public).publish().unwrap_err()
    };
    assert!(matches!(refused("a", "example.com/other", 0..300), PublishError::OtherLog { .. }));
    assert!(matches!(refused("b", ORIGIN, 0..299), PublishError::Ahead { published: 300, size: 299 }));
    assert!(matches!(refused("c", ORIGIN, 1..301), PublishError::Fork { size: 300 }));
    assert!(matches!(refused("d", ORIGIN, 1..401), PublishError::Fork { size: 300 }));
    assert_eq!(files(&public), before);

    fs::write(public.join("checkpoint"), b"no checkpoint\n").unwrap();
    let mut publisher = Publisher::new(log, &public);
    assert!(matches!(publisher.publish(), Err(PublishError::NotPublished { .. })));
    fs::remove_file(public.join("checkpoint")).unwrap();
    let lock = fs::File::open(public.join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(publisher.publish(), Err(PublishError::Busy { .. })));
    drop(lock);
    publisher.publish().unwrap();
    assert_eq!(files(&public), before);
}

#[test]
fn a_journal_that_was_changed_is_not_published() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("log");
    let log = open(&directory);
    grow(&log, 10);
    log.checkpoint().unwrap();
    let journal = fs::read_to_string(directory.join("journal")).unwrap();
    let public = folder.path().join("public");

    fs::write(directory.join("journal"), journal.replace("event-3", "event-X")).unwrap();
    let of_log = Publisher::new(log, &public).publish();
    assert!(matches!(of_log, Err(PublishError::Changed { index: 3 })));
    let of_files = audit::publish(&directory, &public);
    assert!(matches!(of_files, Err(PublishError::Log(ReadLogError::Corrupt { .. }))));
    assert!(!public.join("checkpoint").exists());

    let five: String = journal.split_inclusive('\n').take(6).collect();
    fs::write(directory.join("journal"), five).unwrap();
    assert!(matches!(audit::publish(&directory, &public), Err(PublishError::Log(ReadLogError::Rewritten))));
    fs::remove_file(directory.join("checkpoint")).unwrap();
    assert!(matches!(
        audit::publish(&directory, &public),
        Err(PublishError::Log(ReadLogError::NoCheckpoint))
    ));
    let none = audit::publish(&folder.path().join("nowhere"), &public);
    assert!(matches!(none, Err(PublishError::Log(ReadLogError::NoCheckpoint))));
}

#[test]
fn a_published_checkpoint_is_the_logs_own() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 3);
    let note = fs::read(public.join("checkpoint")).unwrap();
    assert_eq!(Checkpoint::open(&note, log.verifier_key()).unwrap().head, TreeHead::new(3, log.root()));
    assert_eq!(Tiles::open(&public).unwrap().checkpoint().as_bytes(), note);
}
