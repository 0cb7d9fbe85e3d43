//! `signed_note` and `tlog_tiles`, which were not written here, on checkpoints, cosignatures, tiles and proofs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::audit::publish::add_cosignatures;
use openfactory_attest::audit::tile::{Level, TileId};
use openfactory_attest::audit::tiles::Tiles;
use openfactory_attest::audit::{Entry, Log, Policy, Publisher, VerifierKey, Witness, WitnessKey};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::{Ed25519Key, Signer};
use signed_note::{Note, NoteError, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, Tile, TileHashReader, TileReader};

use crate::log::ORIGIN;
use crate::python;

const SIZE: u64 = 66_000;

fn signer(seed: u8) -> Arc<Ed25519Key> {
    Arc::new(Ed25519Key::from_seed(&[seed; 32]))
}

/// A log of three levels, published.
fn published(folder: &Path, size: u64) -> (Log, PathBuf) {
    let (log, public) = (Log::open(&folder.join("log"), ORIGIN, signer(3)).unwrap(), folder.join("public"));
    let entry = |id| Entry::new(format!("event-{id}"), "router", "tested", SystemTime::UNIX_EPOCH, "log");
    log.append(&(log.size()..size).map(entry).collect::<Vec<_>>()).unwrap();
    Publisher::new(log.clone(), &public).publish().unwrap();
    (log, public)
}

/// The published files, as `tlog_tiles` asks for them; its paths have the height of a tile, those of tlog-tiles don't.
struct Files(PathBuf);

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        Ok(tiles.iter().map(|tile| fs::read(self.0.join(name(tile))).unwrap()).collect())
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

fn name(tile: &Tile) -> String {
    format!("tile/{}", tile.path().strip_prefix("tile/8/").unwrap())
}

fn theirs(hashes: &[Sha256Digest]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(*hash.as_bytes())).collect()
}

#[test]
fn signed_note_and_tlog_tiles_read_what_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), SIZE);
    let note = Note::from_bytes(&fs::read(public.join("checkpoint")).unwrap()).unwrap();
    let verifier = |vkey: &str| VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).unwrap())]);
    let (signed, unknown) = note.verify(&verifier(&log.verifier_key().to_string())).unwrap();
    assert_eq!((signed.len(), unknown.len()), (1, 0));
    let other = VerifierKey::new(ORIGIN, signer(4).public_key().clone()).unwrap();
    assert!(matches!(note.verify(&verifier(&other.to_string())), Err(NoteError::UnverifiedNote)));
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.extension()), (ORIGIN, SIZE, ""));
    assert_eq!(checkpoint.hash().0, *log.root().as_bytes());

    // Every record proved from the tiles, by their code, and the same by ours.
    let files = Files(public.clone());
    let hashes = TileHashReader::new(SIZE, *checkpoint.hash(), &files);
    let tiles = Tiles::open(&public).unwrap();
    for index in [0, 1, 255, 256, 32_767, 65_535, 65_536, 65_999] {
        let entry = tlog_tiles::record_hash(&tiles.entry(index).unwrap());
        let proof = tlog_tiles::prove_record(SIZE, index, &hashes).unwrap();
        tlog_tiles::check_record(&proof, SIZE, *checkpoint.hash(), index, entry).unwrap();
        assert_eq!(proof, theirs(&tiles.inclusion_proof(index).unwrap()), "{index}");
        assert!(tlog_tiles::check_record(&proof, SIZE, *checkpoint.hash(), index ^ 1, entry).is_err());
    }
    for old in [1, 2, 255, 256, 700, 65_536, 65_999] {
        let root = tlog_tiles::tree_hash(old, &hashes).unwrap();
        let proof = theirs(&tiles.consistency_proof(old).unwrap());
        tlog_tiles::check_tree(&proof, SIZE, *checkpoint.hash(), old, root).unwrap();
        assert_eq!(proof, tlog_tiles::prove_tree(SIZE, old, &hashes).unwrap(), "{old}");
    }

    // A tile that was changed proves nothing to them either.
    let tile = public.join("tile/0/003");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[77] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let entry = tlog_tiles::record_hash(&tiles.entry(1_000).unwrap());
    let proved = tlog_tiles::prove_record(SIZE, 1_000, &hashes)
        .and_then(|proof| tlog_tiles::check_record(&proof, SIZE, *checkpoint.hash(), 1_000, entry));
    assert!(proved.is_err());
}

#[test]
fn the_tiles_to_publish_are_those_of_tlog_tiles() {
    for (old, new) in
        [(0, 0), (0, 1), (0, 256), (255, 257), (256, 256), (300, 70_000), (65_535, 65_536), (69_999, 70_000)]
    {
        let expected: Vec<String> = Tile::new_tiles(8, old, new).iter().map(name).collect();
        let ours = TileId::since(old, new).filter(|tile| tile.level != Level::Entries);
        assert_eq!(ours.map(|tile| tile.to_string()).collect::<Vec<_>>(), expected, "{old} to {new}");
    }
}

/// A witness's key as c2sp.org/tlog-cosignature has it, by `signed_note`'s Ed25519.
struct Cosigner {
    name: String,
    id: u32,
    key: StandardVerifier,
}

impl Verifier for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let (time, signature) = signature.split_first_chunk().unwrap();
        let header = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time));
        self.key.verify(&[header.as_bytes(), text].concat(), signature)
    }
}

#[test]
fn signed_note_believes_cosignatures_and_proofs() {
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 300);
    let (name, key) = ("w1.example.com", signer(10));
    let public_key = key.public_key().clone();
    let logs = vec![log.verifier_key().clone()];
    let witness = Witness::open(&folder.path().join("state"), name, key, logs).unwrap();
    let request = Tiles::open(&public).unwrap().request(0).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let line = witness.add_checkpoint(&request, time).unwrap();
    add_cosignatures(&public, &line, &[witness.key()]).unwrap();

    let plain = VerifierKey::new(name, public_key.clone()).unwrap().to_string();
    let cosigner = || Cosigner {
        name: name.to_owned(),
        id: signed_note::key_id(name, &[&[0x04][..], &public_key.to_bytes()].concat()),
        key: StandardVerifier::new(&plain).unwrap(),
    };
    let id = witness.key().to_string().split('+').nth(1).map(|id| u32::from_str_radix(id, 16).unwrap());
    assert_eq!(id, Some(cosigner().id));
    let log_key = || Box::new(StandardVerifier::new(&log.verifier_key().to_string()).unwrap());
    let known = || VerifierList::new(vec![log_key(), Box::new(cosigner())]);
    let note = Note::from_bytes(&fs::read(public.join("checkpoint")).unwrap()).unwrap();
    assert_eq!(note.verify(&known()).unwrap().0.len(), 2);
    let (_, unknown) = note.verify(&VerifierList::new(vec![log_key()])).unwrap();
    assert_eq!(unknown[0].name(), name);

    // A proof's parts, by their code alone.
    let proof = Tiles::open(&public).unwrap().prove(123).unwrap().to_string();
    let (head, checkpoint) = proof.split_once("\n\n").unwrap();
    let note = Note::from_bytes(checkpoint.as_bytes()).unwrap();
    assert_eq!(note.verify(&known()).unwrap().0.len(), 2);
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    let hashes: Vec<Hash> = head.lines().skip(2).map(|line| Hash::parse_hash(line).unwrap()).collect();
    let entry = tlog_tiles::record_hash(&log.entry(123).unwrap().to_bytes().unwrap());
    tlog_tiles::check_record(&hashes, checkpoint.size(), *checkpoint.hash(), 123, entry).unwrap();

    // And a note that they made counts here.
    let policy = Policy::at_least(1, [witness.key().clone()]);
    assert!(policy.cosigned(&note.to_bytes()).is_ok());
}

#[test]
fn a_python_auditor_checks_tiles_and_cosignatures() {
    let test = "a_python_auditor_checks_tiles_and_cosignatures";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit/verify_log.py");
    let folder = tempfile::tempdir().unwrap();
    let (log, public) = published(folder.path(), 100);
    let older = folder.path().join("older");
    fs::copy(public.join("checkpoint"), &older).unwrap();
    log.append(&[Entry::new("more", "router", "tested", SystemTime::UNIX_EPOCH, "log")]).unwrap();
    let (log, public) = {
        drop(log);
        published(folder.path(), 600)
    };
    let logs = vec![log.verifier_key().clone()];
    let witness = Witness::open(&folder.path().join("state"), "w1.example.com", signer(10), logs).unwrap();
    let line = witness
        .add_checkpoint(&Tiles::open(&public).unwrap().request(0).unwrap(), SystemTime::now())
        .unwrap();
    add_cosignatures(&public, &line, &[witness.key()]).unwrap();

    let (vkey, of_witness) = (log.verifier_key().to_string(), witness.key().to_string());
    let [public_text, older] = [&public, &older].map(|path| path.to_str().unwrap());
    let arguments = [public_text, &vkey, older, "--witness", &of_witness];
    let python = |arguments: &[&str]| python::run(test, &["cryptography"], &script, arguments);
    let Some(output) = python(&arguments) else { return };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("good: 600 entries") && text.contains(&log.root().to_string()), "{text}");
    assert!(text.contains("cosigned by w1.example.com"), "{text}");

    let status = |arguments: &[&str]| python(arguments).unwrap().status.code();
    let stranger = WitnessKey::new("w2.example.com", signer(11).public_key().clone()).unwrap().to_string();
    assert_eq!(status(&[public_text, &vkey, "--witness", &stranger]), Some(1));
    let imposter = WitnessKey::new("w1.example.com", signer(11).public_key().clone()).unwrap().to_string();
    assert_eq!(status(&[public_text, &vkey, "--witness", &imposter]), Some(1));
    assert_eq!(status(&[public_text, &of_witness]), Some(2));
    for tile in TileId::since(0, 600).map(|tile| public.join(tile.to_string())) {
        let good = fs::read(&tile).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&tile, bad).unwrap();
            assert_eq!(status(&arguments), Some(1), "{} at {at}", tile.display());
        }
        fs::remove_file(&tile).unwrap();
        assert_eq!(status(&arguments), Some(1), "without {}", tile.display());
        fs::write(&tile, good).unwrap();
    }
    assert_eq!(status(&arguments), Some(0));
}
