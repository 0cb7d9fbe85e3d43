//! The file-backed vault: it signs, writes down, refuses, and survives being stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use openfactory_attest::audit::{self, Log};
use openfactory_attest::key::{Passphrase, SignError};
use openfactory_attest::ledger::{KeyUse, read_uses};
use openfactory_attest::trust::revocation::Reason;
use openfactory_attest::vault::{FileVault, KeyState, UseRecorder, Vault, VaultErrorKind};
use openfactory_attest::{Ed25519Key, Envelope, KeyKind, Signer};

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400)
}

fn open(directory: &Path) -> FileVault {
    FileVault::open(directory, "build-1", noon).unwrap()
}

/// A vault with one key, and its signer.
fn with_key(directory: &Path) -> (FileVault, Arc<dyn Signer>) {
    let vault = open(directory);
    vault.create("platform", KeyKind::BuildPlatformSigning).unwrap();
    let signer = vault.signer("platform").unwrap();
    (vault, signer)
}

#[test]
fn signs_and_writes_down_each_use_for_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("vault");
    let (vault, signer) = with_key(&directory);
    let envelope = Envelope::sign("text/plain", b"hello", signer.as_ref()).unwrap();
    signer.public_key().verify(b"x", &signer.sign(b"x").unwrap()).unwrap();

    let uses = vault.uses().unwrap();
    assert_eq!(uses.len(), 2);
    assert_eq!(uses[0], KeyUse::of_envelope(&envelope, *signer.key_id(), "build-1", noon()));
    assert_eq!((uses[1].kind.as_str(), uses[1].when), ("raw", noon()));
    for file in fs::read_dir(&directory).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!format!("{vault:?}").contains("PRIVATE"));
}

#[test]
fn a_revoked_key_refuses_at_once_wherever_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, before) = with_key(folder.path());
    // Another process's view: nothing is shared but the directory.
    let elsewhere = open(folder.path()).signer("platform").unwrap();
    elsewhere.sign(b"fine").unwrap();

    let key_id = *before.key_id();
    let revoked = vault.revoke(&key_id, Reason::KeyCompromise, Some("INC0010001")).unwrap();
    assert!(!revoked.is_active());
    for signer in [&before, &elsewhere] {
        let error = signer.sign(b"more").unwrap_err();
        assert!(
            matches!(&error, SignError::Refused { reason, .. } if reason.contains("INC0010001")),
            "{error}"
        );
    }
    let asked = |vault: &FileVault| vault.signer("platform").err().unwrap().kind();
    assert_eq!(
        (asked(&vault), asked(&open(folder.path()))),
        (VaultErrorKind::Revoked, VaultErrorKind::Revoked)
    );
    assert_eq!(vault.uses().unwrap().len(), 1);
    assert!(!folder.path().join(format!("{key_id}.key")).exists());

    // Revoking again changes nothing: the first reason stays.
    let again = vault.revoke(&key_id, Reason::Superseded, None).unwrap();
    assert_eq!(again, revoked);
    let listed = vault.keys().unwrap();
    assert_eq!(listed, [revoked]);
}

/// The private half is there before the list that has it.
#[test]
fn a_vault_that_was_stopped_while_it_made_its_first_key_opens() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let list = fs::read(folder.path().join("keys.json")).unwrap();
    let (_, unlisted) = with_key(folder.path());
    fs::write(folder.path().join("keys.json"), list).unwrap();
    let vault = open(folder.path());
    assert_eq!(vault.keys().unwrap(), []);
    let key = vault.create("platform", KeyKind::BuildPlatformSigning).unwrap();
    assert!(unlisted.sign(b"x").is_err());
    vault.rotate("platform", None).unwrap();
    assert!(!folder.path().join(format!("{}.key", unlisted.key_id())).exists());
    assert!(!folder.path().join(format!("{}.key", key.key_id())).exists());
}

#[test]
fn a_successor_names_its_predecessor_and_its_incident() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, old) = with_key(folder.path());
    vault.revoke(old.key_id(), Reason::KeyCompromise, Some("INC0010001")).unwrap();
    let next = vault.rotate("platform", Some("INC0010001")).unwrap();
    assert_eq!((next.replaces, next.incident.as_deref()), (Some(*old.key_id()), Some("INC0010001")));
    assert_eq!(next.kind, KeyKind::BuildPlatformSigning);
    // In the registry and in the revocation list too.
    let registered = next.to_registered();
    assert_eq!(
        (registered.replaces, registered.incident),
        (Some(old.key_id().to_string()), Some("INC0010001".to_owned()))
    );
    let revoked = vault.keys().unwrap().remove(0).to_revoked().unwrap();
    assert_eq!(
        (revoked.superseded_by.as_ref(), revoked.incident.as_deref()),
        (Some(next.key_id()), Some("INC0010001"))
    );
    assert!(revoked.revoked_at.is_some());

    let keys = vault.keys().unwrap();
    assert_eq!(keys[0].superseded_by.as_ref(), Some(next.key_id()));
    let reason = matches!(keys[0].state, KeyState::Revoked { reason: Reason::KeyCompromise, .. });
    assert!(reason, "{:?}", keys[0].state);
    assert_eq!(vault.key("platform").unwrap(), next);
    let signer = vault.signer("platform").unwrap();
    assert_eq!(signer.key_id(), next.key_id());
    signer.sign(b"x").unwrap();

    // Rotated without a compromise, the old one signs no more either.
    let third = vault.rotate("platform", None).unwrap();
    assert!(matches!(signer.sign(b"x"), Err(SignError::Refused { .. })));
    let second = vault.keys().unwrap().remove(1);
    assert!(matches!(second.state, KeyState::Revoked { reason: Reason::Superseded, .. }));
    assert_eq!(second.to_revoked().unwrap().superseded_by.as_ref(), Some(third.key_id()));
}

#[test]
fn what_cannot_be_is_refused_each_with_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, signer) = with_key(folder.path());
    let kind = |name: &str, kind| vault.create(name, kind).unwrap_err().kind();
    assert_eq!(kind("platform", KeyKind::BuildPlatformSigning), VaultErrorKind::NameTaken);
    assert_eq!(kind("", KeyKind::BuildPlatformSigning), VaultErrorKind::NameTaken);
    assert_eq!(kind("a\nb", KeyKind::BuildPlatformSigning), VaultErrorKind::NameTaken);
    assert_eq!(kind("fernet", KeyKind::Fernet), VaultErrorKind::NotASigningKey);
    assert_eq!(vault.signer("other").err().unwrap().kind(), VaultErrorKind::UnknownKey);
    assert_eq!(vault.rotate("other", None).unwrap_err().kind(), VaultErrorKind::UnknownKey);
    assert_eq!(vault.key("other").unwrap_err().kind(), VaultErrorKind::UnknownKey);
    let stranger = Ed25519Key::from_seed(&[9; 32]);
    let unknown = vault.revoke(stranger.key_id(), Reason::KeyCompromise, None).unwrap_err();
    assert_eq!(unknown.kind(), VaultErrorKind::UnknownKey);

    // Another key under this key's name is not used.
    let path = folder.path().join(format!("{}.key", signer.key_id()));
    fs::write(&path, stranger.to_pem().unwrap().as_bytes()).unwrap();
    assert!(matches!(signer.sign(b"x"), Err(SignError::Unavailable { .. })));
    fs::write(&path, "nonsense").unwrap();
    assert!(matches!(signer.sign(b"x"), Err(SignError::Unavailable { .. })));
    // Nothing that failed before the use was written down is in the ledger.
    assert_eq!(vault.uses().unwrap(), []);
}

#[test]
fn damage_is_told_and_nothing_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, signer) = with_key(folder.path());
    signer.sign(b"x").unwrap();
    let (list, ledger) = (folder.path().join("keys.json"), folder.path().join("ledger"));
    let good = fs::read(&list).unwrap();

    fs::write(&list, "{}").unwrap();
    assert!(matches!(signer.sign(b"x"), Err(SignError::Unavailable { .. })));
    fs::remove_file(&list).unwrap();
    assert_eq!(vault.keys().unwrap_err().kind(), VaultErrorKind::Damaged);
    let opened = FileVault::open(folder.path(), "x", noon).unwrap_err();
    assert_eq!(opened.kind(), VaultErrorKind::Damaged);
    // Without its ledger it is no empty vault either: the key would sign again if it had been revoked.
    let uses = fs::read(&ledger).unwrap();
    fs::remove_file(&ledger).unwrap();
    let opened = FileVault::open(folder.path(), "x", noon).unwrap_err();
    assert_eq!(opened.kind(), VaultErrorKind::Damaged);
    let said = opened.to_string();
    assert!(said.contains(&signer.key_id().to_string()) && said.contains("put the list back"), "{said}");
    assert!(!list.exists());
    fs::write(&ledger, uses).unwrap();
    fs::write(&list, good).unwrap();

    let line = fs::read_to_string(&ledger).unwrap();
    for bad in [
        line.replace("key.signed", "key.signet"),
        line.replace("\"version\":1", "\"version\":2"),
        format!("{line}{{}}\n"),
        "x".repeat(70_000),
    ] {
        fs::write(&ledger, bad).unwrap();
        assert_eq!(vault.uses().unwrap_err().kind(), VaultErrorKind::Damaged);
    }
}

#[test]
fn what_a_power_cut_leaves_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, signer) = with_key(folder.path());
    signer.sign(b"one").unwrap();
    let ledger = folder.path().join("ledger");
    let whole = fs::read(&ledger).unwrap();

    // A line without its end was acknowledged to nobody.
    for len in [1, whole.len() / 2, whole.len() - 1] {
        fs::write(&ledger, [&whole[..], &whole[..len]].concat()).unwrap();
        assert_eq!(vault.uses().unwrap().len(), 1);
        signer.sign(b"two").unwrap();
        let uses = vault.uses().unwrap();
        assert_eq!(uses.len(), 2);
        assert_eq!(uses[1].payload, openfactory_attest::Sha256Digest::of(b"two"));
    }

    // A key that was made but never listed, and a half-written file: gone or replaced with the next change.
    let orphan = Ed25519Key::from_seed(&[5; 32]);
    let orphan_file = folder.path().join(format!("{}.key", orphan.key_id()));
    fs::write(&orphan_file, orphan.to_pem().unwrap().as_bytes()).unwrap();
    fs::write(folder.path().join("new"), "half").unwrap();
    // And one that was revoked, but whose private half is still there: it does not sign.
    let old_file = folder.path().join(format!("{}.key", signer.key_id()));
    let old = fs::read(&old_file).unwrap();
    vault.revoke(signer.key_id(), Reason::KeyCompromise, None).unwrap();
    fs::write(&old_file, old).unwrap();
    assert!(matches!(signer.sign(b"x"), Err(SignError::Refused { .. })));
    vault.rotate("platform", None).unwrap();
    assert!(!orphan_file.exists() && !old_file.exists());
    vault.signer("platform").unwrap().sign(b"x").unwrap();
}

/// A recorder that is out of order.
struct Broken;

impl UseRecorder for Broken {
    fn record(&self, _: &KeyUse) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("the log is full".into())
    }
}

#[test]
fn nothing_is_signed_that_the_audit_log_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let log =
        Log::open(&folder.path().join("log"), "example.com/log", Arc::new(Ed25519Key::from_seed(&[8; 32])));
    let log = log.unwrap();
    let (vault, _) = with_key(&folder.path().join("vault"));
    let recorded = vault.clone().recording_in(Arc::new(log.clone()));
    let signer = recorded.signer("platform").unwrap();
    signer.sign(b"one").unwrap();
    signer.sign(b"two").unwrap();
    signer.sign(b"one").unwrap();
    log.checkpoint().unwrap();
    let held = read_uses(&folder.path().join("log"), Some(log.verifier_key())).unwrap();
    let mut uses = vault.uses().unwrap();
    assert_eq!(uses.len(), 3);
    uses.pop();
    assert_eq!(held.uses.iter().map(|(_, one)| one.clone()).collect::<Vec<_>>(), uses);
    assert_eq!((held.size, held.covered), (2, 2));
    assert!(audit::verify(&folder.path().join("log"), log.verifier_key(), None).unwrap().is_good());

    let broken = vault.recording_in(Arc::new(Broken)).signer("platform").unwrap();
    let error = broken.sign(b"three").unwrap_err();
    assert!(matches!(error, SignError::Unavailable { .. }), "{error}");
}

#[test]
fn many_threads_and_a_revocation_among_them() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, _) = with_key(folder.path());
    let key_id = *vault.key("platform").unwrap().key_id();
    let revoked = AtomicBool::new(false);
    let late = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                // Each as another process would have it: nothing is shared but the directory.
                let (signer, revoked) = (open(folder.path()).signer("platform").unwrap(), &revoked);
                scope.spawn(move || {
                    let mut late = 0;
                    for number in 0..500 {
                        let known = revoked.load(Ordering::SeqCst);
                        match signer.sign(format!("{thread} {number}").as_bytes()) {
                            Ok(_) => late += u32::from(known),
                            Err(SignError::Refused { .. }) => break,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    late
                })
            })
            .collect();
        while vault.uses().unwrap().len() < 8 {
            std::thread::yield_now();
        }
        vault.revoke(&key_id, Reason::KeyCompromise, None).unwrap();
        revoked.store(true, Ordering::SeqCst);
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
    });
    // Whoever asked after the revocation had returned got nothing.
    assert_eq!(late, 0);
}

/// Run by the test below in a process of its own: signs until it is refused.
#[test]
fn child_signs_until_refused() {
    let Some(directory) = std::env::var_os("OPENFACTORY_TEST_VAULT") else { return };
    let signer = open(Path::new(&directory)).signer("platform").unwrap();
    fs::write(Path::new(&directory).join("child-ready"), "").unwrap();
    for number in 0.. {
        match signer.sign(format!("child {number}").as_bytes()) {
            Ok(_) => {}
            Err(SignError::Refused { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn another_process_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, signer) = with_key(folder.path());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vault::child_signs_until_refused"])
        .env("OPENFACTORY_TEST_VAULT", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while vault.uses().unwrap().len() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "the child stopped before it was refused");
        std::thread::yield_now();
    }
    vault.revoke(signer.key_id(), Reason::KeyCompromise, None).unwrap();
    let uses = vault.uses().unwrap().len();
    assert!(child.wait().unwrap().success());
    assert_eq!(vault.uses().unwrap().len(), uses, "the child signed after the revocation");
}

#[test]
fn encrypted_keys_sign_by_their_passphrase_alone() {
    let folder = tempfile::tempdir().unwrap();
    let encrypted = |words: &str| open(folder.path()).encrypted_by(Passphrase::new(words));
    let vault = encrypted("right words");
    let key = vault.create("platform", KeyKind::BuildPlatformSigning).unwrap();
    let file = folder.path().join(format!("{}.key", key.key_id()));
    assert!(fs::read_to_string(&file).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let signer = vault.signer("platform").unwrap();
    key.public_key.verify(b"x", &signer.sign(b"x").unwrap()).unwrap();
    // Without it, or by another, nothing is signed: it may work later.
    for other in [open(folder.path()), encrypted("wrong words")] {
        let refused = other.signer("platform").unwrap().sign(b"x").unwrap_err();
        assert!(matches!(refused, SignError::Unavailable { .. }), "{refused}");
    }
    // Decrypted keys are not asked for again, but whether they may sign is.
    fs::rename(&file, folder.path().join("elsewhere")).unwrap();
    signer.sign(b"y").unwrap();
    open(folder.path()).revoke(key.key_id(), Reason::KeyCompromise, None).unwrap();
    assert!(matches!(signer.sign(b"z").unwrap_err(), SignError::Refused { .. }));

    // Keys that were there before are read as they are; their successors are encrypted.
    let old = open(folder.path()).create("old", KeyKind::Integration).unwrap();
    encrypted("right words").signer("old").unwrap().sign(b"x").unwrap();
    let new = encrypted("right words").rotate("old", None).unwrap();
    assert_eq!(new.replaces.as_ref(), Some(old.key_id()));
    assert!(open(folder.path()).signer("old").unwrap().sign(b"x").is_err());
}
