//! Witnesses of a published log: what they cosign, what they refuse, and what they remember.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::audit::cosignature::{self, AddCosignatureError};
use openfactory_attest::audit::policy::PolicyError;
use openfactory_attest::audit::proof::ProofError;
use openfactory_attest::audit::publish::{PublishError, add_cosignatures};
use openfactory_attest::audit::tiles::{ReadTilesError, Tiles};
use openfactory_attest::audit::tree::TreeHead;
use openfactory_attest::audit::witness::{OpenWitnessError, Request, WitnessError};
use openfactory_attest::audit::{Checkpoint, Entry, Log, Policy, Proof, Publisher, Witness};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::{Ed25519Key, Signer};

use crate::log::{ORIGIN, key};

fn signer(seed: u8) -> Arc<Ed25519Key> {
    Arc::new(Ed25519Key::from_seed(&[seed; 32]))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A log of these entries, published.
fn published(folder: &Path, name: &str, entries: std::ops::Range<u64>) -> (Log, PathBuf) {
    let log = Log::open(&folder.join(name), ORIGIN, signer(3)).unwrap();
    let entry = |id| Entry::new(format!("event-{id}"), "router", "tested", SystemTime::UNIX_EPOCH, "log");
    log.append(&entries.map(entry).collect::<Vec<_>>()).unwrap();
    let public = folder.join(format!("{name}-public"));
    Publisher::new(log.clone(), &public).publish().unwrap();
    (log, public)
}

fn witness(folder: &Path, number: u8) -> Witness {
    let name = format!("w{number}.example.com");
    Witness::open(&folder.join(&name), &name, signer(number), vec![key()]).unwrap()
}

#[test]
fn a_witness_goes_along_with_a_log_that_grows() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path(), 10);
    assert_eq!(witness.latest(ORIGIN).unwrap(), None);
    let mut before = 0;
    for (size, time) in [(0, 1), (1, 2), (300, 3), (300, 4), (700, 5)] {
        let (log, public) = published(folder.path(), &format!("log-{size}-{time}"), 0..size);
        let tiles = Tiles::open(&public).unwrap();
        let request = tiles.request(before).unwrap();
        assert_eq!(Request::parse(request.to_string().as_bytes()), Ok(request.clone()));
        let line = witness.add_checkpoint(&request, at(time)).unwrap();
        assert_eq!(witness.latest(ORIGIN).unwrap(), Some(TreeHead::new(size, log.root())));
        before = size;

        let policy = Policy::at_least(1, [witness.key().clone()]);
        assert!(policy.cosigned(tiles.checkpoint().as_bytes()).is_err());
        add_cosignatures(&public, &line, &[witness.key()]).unwrap();
        let note = fs::read(public.join("checkpoint")).unwrap();
        let cosigned = policy.cosigned(&note).unwrap();
        assert_eq!((cosigned.len(), cosigned[0].time), (1, at(time)));
        // Published again it keeps what it has, and what the witness remembers says the same.
        Publisher::new(log, &public).publish().unwrap();
        assert_eq!(fs::read(public.join("checkpoint")).unwrap(), note);
        let memory =
            folder.path().join("w10.example.com").join(Sha256Digest::of(ORIGIN.as_bytes()).to_string());
        assert_eq!(fs::read(memory.join("checkpoint")).unwrap(), note);
    }
}

#[test]
fn what_was_cosigned_is_never_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), "log", 0..300);
    let witness = witness(folder.path(), 10);
    let tiles = Tiles::open(&public).unwrap();
    witness.add_checkpoint(&tiles.request(0).unwrap(), at(1)).unwrap();
    let latest = TreeHead::new(300, log.root());

    // A log that was set back, one that was made anew, and one that goes on from another beginning.
    let (_, back) = published(folder.path(), "back", 0..299);
    let (_, anew) = published(folder.path(), "anew", 1..301);
    let (_, other) = published(folder.path(), "other", 1..601);
    let refused = |public: &Path, old: u64| {
        let tiles = Tiles::open(public).unwrap();
        let request = tiles.request(old).unwrap();
        let error = witness.add_checkpoint(&request, at(2)).unwrap_err();
        assert_eq!(witness.latest(ORIGIN).unwrap(), Some(latest));
        error
    };
    let missing = Tiles::open(&back).unwrap().request(300);
    assert!(matches!(missing, Err(ReadTilesError::NotCovered { .. })));
    for old in [0, 299] {
        let error = refused(&back, old);
        assert!(
            matches!(error, WitnessError::Conflict { latest: 300, .. }) && error.status() == 409,
            "{error}"
        );
    }
    for public in [&anew, &other] {
        let error = refused(public, 300);
        assert!(matches!(error, WitnessError::Inconsistent { old: 300 }) && error.status() == 422, "{error}");
    }
    let note = Tiles::open(&back).unwrap().checkpoint().to_owned();
    let error = witness.add_checkpoint(&Request::new(300, Vec::new(), note), at(2)).unwrap_err();
    assert!(matches!(error, WitnessError::Backwards { old: 300, size: 299 }) && error.status() == 400);

    // Nor after it was stopped and begun again.
    drop(witness);
    let witness = self::witness(folder.path(), 10);
    assert_eq!(witness.latest(ORIGIN).unwrap(), Some(latest));
    let (_, more) = published(folder.path(), "more", 0..301);
    let more = Tiles::open(&more).unwrap();
    assert!(matches!(
        witness.add_checkpoint(&more.request(0).unwrap(), at(3)),
        Err(WitnessError::Conflict { old: 0, latest: 300 })
    ));
    let line = witness.add_checkpoint(&more.request(300).unwrap(), at(3)).unwrap();
    // Under the smaller checkpoint, what was said of the larger one is worth nothing.
    let added = add_cosignatures(&public, &line, &[witness.key()]);
    assert!(matches!(added, Err(PublishError::Cosignatures(AddCosignatureError::Note(_)))), "{added:?}");
    let nowhere = add_cosignatures(&folder.path().join("nowhere"), &line, &[witness.key()]);
    assert!(matches!(nowhere, Err(PublishError::NotPublished { .. })));
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn what_a_witness_does_not_believe() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), "log", 0..10);
    let witness = witness(folder.path(), 10);
    let note = fs::read_to_string(public.join("checkpoint")).unwrap();
    let status = |request: &Request| witness.add_checkpoint(request, at(1)).unwrap_err().status();
    let request = |note: String| Request::new(0, Vec::new(), note);
    assert_eq!(status(&request(note.replace("\n10\n", "\n11\n"))), 403);
    assert_eq!(status(&request("nothing".to_owned())), 403);
    assert_eq!(status(&request(note.replace(ORIGIN, "example.com/other"))), 404);
    assert_eq!(status(&Request::new(0, vec![log.root()], note.clone())), 422);
    assert!(matches!(witness.latest("example.com/other"), Err(WitnessError::UnknownLog { .. })));
    for bad in ["", "old 1\n", "old x\n\nnote", "old 01\n\nnote", "old 1\nAAAA\n\nnote"] {
        assert!(Request::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    assert!(Request::parse(format!("old 1\n{}\nnote", hash.repeat(63)).as_bytes()).is_ok());
    assert!(Request::parse(format!("old 1\n{}\nnote", hash.repeat(64)).as_bytes()).is_err());
    // An empty tree has one root only.
    let wrong = {
        use base64::Engine as _;
        let text = format!("{ORIGIN}\n0\n{}", hash);
        let key = key().to_string();
        let id =
            hex::decode(key.strip_prefix(&format!("{ORIGIN}+")).unwrap().split_once('+').unwrap().0).unwrap();
        let signature = [id, signer(3).sign(text.as_bytes()).unwrap()].concat();
        format!("{text}\n\u{2014} {ORIGIN} {}\n", base64::engine::general_purpose::STANDARD.encode(signature))
    };
    assert!(Checkpoint::open(wrong.as_bytes(), &key()).is_ok());
    assert_eq!(status(&request(wrong)), 422);
    // Nothing of all that was remembered.
    assert_eq!(witness.latest(ORIGIN).unwrap(), None);
    witness.add_checkpoint(&request(note), at(1)).unwrap();
}

#[test]
fn a_witness_does_not_go_on_from_a_memory_that_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, public) = published(folder.path(), "log", 0..10);
    let witness = witness(folder.path(), 10);
    let tiles = Tiles::open(&public).unwrap();
    let line = witness.add_checkpoint(&tiles.request(0).unwrap(), at(1)).unwrap();
    let memory = folder.path().join("w10.example.com").join(Sha256Digest::of(ORIGIN.as_bytes()).to_string());
    let memory = memory.join("checkpoint");
    let kept = fs::read_to_string(&memory).unwrap();
    let stranger = self::witness(folder.path(), 11);
    let theirs = stranger.add_checkpoint(&tiles.request(0).unwrap(), at(1)).unwrap();
    for bad in [String::new(), "junk".to_owned(), tiles.checkpoint().to_owned(), kept.replace(&line, &theirs)]
    {
        fs::write(&memory, &bad).unwrap();
        let error = witness.add_checkpoint(&tiles.request(10).unwrap(), at(2)).unwrap_err();
        assert!(matches!(error, WitnessError::Memory { .. }) && error.status() == 500, "{bad:?}: {error}");
    }
    fs::write(&memory, kept).unwrap();
    witness.add_checkpoint(&tiles.request(10).unwrap(), at(2)).unwrap();

    let again =
        Witness::open(&folder.path().join("w10.example.com"), "w10.example.com", signer(10), Vec::new());
    assert!(matches!(again, Err(OpenWitnessError::Locked { .. })));
    let unnamed = Witness::open(&folder.path().join("x"), "a name", signer(10), Vec::new());
    assert!(matches!(unnamed, Err(OpenWitnessError::Name(_))));
    let no_directory = Witness::open(&memory, "w10.example.com", signer(10), Vec::new());
    assert!(matches!(no_directory, Err(OpenWitnessError::Io { .. })));
}

#[test]
fn threads_that_ask_at_once_never_set_a_witness_back() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path(), 10);
    let sizes: Vec<PathBuf> =
        (1..=6).map(|size| published(folder.path(), &format!("log-{size}"), 0..size * 50).1).collect();
    std::thread::scope(|scope| {
        for public in &sizes {
            let witness = &witness;
            scope.spawn(move || {
                let tiles = Tiles::open(public).unwrap();
                loop {
                    let old = witness.latest(ORIGIN).unwrap().map_or(0, |head| head.size);
                    let Ok(request) = tiles.request(old) else { return };
                    match witness.add_checkpoint(&request, at(1)) {
                        Ok(_) => return,
                        Err(WitnessError::Conflict { latest, .. }) => assert!(latest > old),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(witness.latest(ORIGIN).unwrap().unwrap().size, 300);
    let line = witness.add_checkpoint(&Tiles::open(&sizes[5]).unwrap().request(300).unwrap(), at(9)).unwrap();
    let note = Tiles::open(&sizes[5]).unwrap().checkpoint().to_owned();
    let note = cosignature::add(&note, &line, &[witness.key()]).unwrap();
    assert_eq!(cosignature::verify(note.as_bytes(), &[witness.key()]).unwrap()[0].time, at(9));
    assert!(Checkpoint::open(note.as_bytes(), &key()).is_ok());
}

#[test]
fn a_proof_carries_its_cosignatures_and_stands_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, public) = published(folder.path(), "log", 0..700);
    let witnesses = [witness(folder.path(), 10), witness(folder.path(), 11)];
    let tiles = Tiles::open(&public).unwrap();
    for witness in &witnesses {
        let line = witness.add_checkpoint(&tiles.request(0).unwrap(), at(7)).unwrap();
        add_cosignatures(&public, &line, &[witness.key()]).unwrap();
    }
    let policy = |count| {
        let keys = witnesses.iter().map(|witness| witness.key().clone());
        Policy::at_least(count, keys).of_log(key())
    };
    let tiles = Tiles::open(&public).unwrap();
    let (proof, entry) = (tiles.prove(333).unwrap(), tiles.entry(333).unwrap());
    let proof = Proof::parse(proof.with_extra(b"where from".to_vec()).to_string().as_bytes()).unwrap();
    assert_eq!((proof.index(), proof.extra()), (333, Some(&b"where from"[..])));
    let proven = proof.verify(&entry, &policy(2)).unwrap();
    assert_eq!((proven.checkpoint.head, proven.cosignatures.len()), (tiles.head(), 2));
    assert!(proof.verify_inclusion(&entry, &key()).is_ok());

    assert_eq!(proof.verify(b"another", &policy(2)), Err(ProofError::Path));
    let refused = proof.verify(&entry, &policy(3)).unwrap_err();
    assert!(matches!(refused, ProofError::Policy(PolicyError::Quorum { .. })), "{refused}");
    // One flipped bit anywhere is seen, but in what nobody vouches for.
    let text = proof.to_string();
    let extra = text.find("extra ").unwrap() * 8..text.find("index ").unwrap() * 8;
    for bit in (0..text.len() * 8).filter(|bit| !extra.contains(bit)) {
        let mut flipped = text.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let proved = Proof::parse(&flipped).is_ok_and(|proof| proof.verify(&entry, &policy(2)).is_ok());
        assert!(!proved, "bit {bit}");
    }
    for bad in ["extra !\n", "extra YQ\n"] {
        let line = text.lines().nth(1).unwrap().to_owned() + "\n";
        assert!(Proof::parse(text.replace(&line, bad).as_bytes()).is_err());
    }
}
