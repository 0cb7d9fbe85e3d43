//! A stolen build key: what it signed is refused, but for what the log held before; and that is signed anew.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use openfactory_attest::audit::{Log, Proof};
use openfactory_attest::chain::{ChainVerdict, Evidence, LinkName, LinkStatus, verify_chain};
use openfactory_attest::document::{
    Builder, DocumentError, FileDigest, ImageFile, ManifestDigest, MeasuredImage, ReissueError, Signature,
    VerificationDocument, VerityTree,
};
use openfactory_attest::envelope::{Acceptance, OpenError, pre_authentication_encoding};
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::ledger::{FindHeldError, Held, HeldError, KeyUse, ReadUsesError, find_held};
use openfactory_attest::statement::StatementError;
use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey, Window};
use openfactory_attest::verity::{self, Params};
use openfactory_attest::{
    Ed25519Key, Envelope, KeyKind, Sha256Digest, Signer as _, TrustStore, TrustedKey, Work,
};

use crate::log::ORIGIN;
use crate::{python, tool};

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400 + seconds)
}

const ROOT: u8 = 1;
const STOLEN: u8 = 2;
const SUCCESSOR: u8 = 3;
const LOG: u8 = 4;

/// Trusts root, build platform and its successor; the platform's key is revoked, with this window.
fn trust(window: Option<Window>) -> TrustStore {
    let mut trust = TrustStore::new();
    for (seed, kind, name) in [
        (ROOT, KeyKind::RootSigning, "root"),
        (STOLEN, KeyKind::BuildPlatformSigning, "platform"),
        (SUCCESSOR, KeyKind::BuildPlatformSigning, "platform 2"),
    ] {
        trust.add(TrustedKey::new(name, kind, key(seed).public_key().clone())).unwrap();
    }
    let mut stolen =
        RevokedKey::new(*key(STOLEN).key_id(), Reason::KeyCompromise).with_incident("INC0010001");
    if let Some(window) = window {
        stolen = stolen.with_window(window);
    }
    let list = RevocationList::new(1, time(9)).with(stolen).sign(&key(ROOT)).unwrap();
    trust.take_revocations(&list).unwrap();
    trust
}

fn image() -> Vec<u8> {
    vec![7_u8; 3 * 4096]
}

/// A document of the stolen key and its intent, for the build of this name, dated long ago.
fn document(build: &str) -> (Envelope, Envelope, MeasuredImage) {
    let recipe = Sha256Digest::of(build.as_bytes());
    let intent = BuildIntent::new(recipe, "a press", "qa@example.com", "13.1", time(0));
    let intent = intent.sign(&key(STOLEN)).unwrap();
    let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse().unwrap());
    let mut hash_area = std::io::Cursor::new(Vec::new());
    let tree = verity::format(&image(), None, &mut hash_area, &params, &Work::on_all_cores()).unwrap();
    let file = FileDigest::of(&image());
    let document = VerificationDocument::new(
        build,
        ImageFile::new("press.squashfs", file),
        VerityTree::new(&tree, FileDigest::of(&hash_area.into_inner())).unwrap(),
        ManifestDigest::json(Sha256Digest::of(b"manifest"), 3),
        recipe,
        FileDigest::of(b"log"),
        Builder::new("worker-3"),
        Signature::new("platform", "verified", time(1)),
    );
    let envelope = document.with_intent(&intent).sign(&key(STOLEN)).unwrap();
    (envelope, intent, MeasuredImage::new(file, tree.root_hash()))
}

fn open_log(directory: &Path) -> Log {
    Log::open(directory, ORIGIN, Arc::new(key(LOG))).unwrap()
}

fn record(log: &Log, envelope: &Envelope) -> u64 {
    let key_use = KeyUse::of_envelope(envelope, *key(STOLEN).key_id(), "router", time(2));
    log.append(&[key_use.to_entry()]).unwrap()[0].index()
}

/// A log that held a good build's document (index 1) and intent (0), then, in the window, another build's (2).
struct Story {
    folder: tempfile::TempDir,
    log: Log,
    before: (Envelope, Envelope, MeasuredImage),
    inside: Envelope,
    backdated: Envelope,
}

fn story() -> Story {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(folder.path());
    let before = document("build-1");
    let (inside, backdated) = (document("build-2").0, document("build-3").0);
    assert_eq!([&before.1, &before.0, &inside].map(|envelope| record(&log, envelope)), [0, 1, 2]);
    log.checkpoint().unwrap();
    Story { folder, log, before, inside, backdated }
}

impl Story {
    /// The store with all that the log can prove of these.
    fn trust(&self, window: Option<Window>, envelopes: &[&Envelope]) -> TrustStore {
        let payloads: Vec<_> = envelopes.iter().map(|envelope| envelope.payload_digest()).collect();
        trust(window).holding(find_held(self.folder.path(), self.log.verifier_key(), &payloads).unwrap())
    }
}

fn is_revoked(error: &DocumentError) -> bool {
    matches!(error, DocumentError::Statement(StatementError::Envelope(OpenError::Revoked { .. })))
}

#[test]
fn what_the_log_held_before_is_accepted_and_says_where() {
    let story = story();
    let (document, intent, measured) = &story.before;
    let window = || Some(Window::from(ORIGIN, 2));
    let error = VerificationDocument::open(document, &trust(window())).unwrap_err();
    assert!(is_revoked(&error), "{error:?}");

    let trust = story.trust(window(), &[document, intent]);
    let opened = VerificationDocument::open(document, &trust).unwrap();
    assert_eq!(opened.acceptance(), &Acceptance::ByLog { origin: ORIGIN.to_owned(), index: 1 });

    let mut evidence = Evidence::default();
    evidence.image = Some(measured.file);
    evidence.intent = Some(intent.clone());
    let report = verify_chain(document, &trust, &evidence);
    assert_eq!(report.verdict, ChainVerdict::Incomplete, "{report:?}");
    let status = |name: LinkName| report.links.iter().find(|link| link.name == name).unwrap().status.clone();
    let by_log = |index| LinkStatus::AcceptedByLog { log: ORIGIN.to_owned(), index };
    assert_eq!((status(LinkName::Signature), status(LinkName::Intent)), (by_log(1), by_log(0)));
    assert!(by_log(1).to_string().contains("at index 1"));

    // A proof of the document is none of its intent.
    let trust = story.trust(window(), &[document]);
    let report = verify_chain(document, &trust, &evidence);
    assert_eq!(report.verdict, ChainVerdict::Broken);
    assert_eq!(report.broken().map(|link| link.name.clone()).collect::<Vec<_>>(), [LinkName::Intent]);
}

#[test]
fn what_the_log_did_not_hold_before_is_refused() {
    let story = story();
    let all = [&story.before.0, &story.inside, &story.backdated];
    let verdicts = |window: Option<Window>| {
        let trust = story.trust(window, &all);
        all.map(|envelope| {
            VerificationDocument::open(envelope, &trust).map(|_| ()).map_err(|e| is_revoked(&e))
        })
    };
    let (yes, no) = (Ok(()), Err(true));
    // The window's first index belongs to it: what stands at `from` is inside.
    assert_eq!(verdicts(Some(Window::from(ORIGIN, 2))), [yes, no, no]);
    assert_eq!(verdicts(Some(Window::from(ORIGIN, 1))), [no, no, no]);
    assert_eq!(verdicts(Some(Window::from(ORIGIN, 3))), [yes, yes, no]);
    // After the window nobody should have signed: a closed window lets nothing more through.
    assert_eq!(verdicts(Some(Window::from(ORIGIN, 1).until(2))), [no, no, no]);
    // Another log's index says nothing, and without a window there is no exception.
    assert_eq!(verdicts(Some(Window::from("example.com/other", 9))), [no, no, no]);
    assert_eq!(verdicts(None), [no, no, no]);
}

#[test]
fn proof_has_to_be_of_this_key_by_the_logs_key() {
    let story = story();
    let (document, ..) = &story.before;
    let (proof, entry) = openfactory_attest::audit::prove(story.folder.path(), 1).unwrap();
    let log_key = story.log.verifier_key();
    assert_eq!(Held::verify(&proof, &entry, log_key).unwrap().index(), 1);
    // Another entry, another index, another log's key.
    let (_, other) = openfactory_attest::audit::prove(story.folder.path(), 2).unwrap();
    assert!(matches!(Held::verify(&proof, &other, log_key), Err(HeldError::Proof(_))));
    let moved = proof.to_string().replace("index 1", "index 0");
    let moved = Proof::parse(moved.as_bytes()).unwrap();
    assert!(matches!(Held::verify(&moved, &entry, log_key), Err(HeldError::Proof(_))));
    // The thief has a log of his own of the same name, under the stolen key.
    let forged = tempfile::tempdir().unwrap();
    let log = Log::open(forged.path(), ORIGIN, Arc::new(key(STOLEN))).unwrap();
    record(&log, &story.backdated);
    log.checkpoint().unwrap();
    let (proof, entry) = openfactory_attest::audit::prove(forged.path(), 0).unwrap();
    assert!(matches!(Held::verify(&proof, &entry, log_key), Err(HeldError::Proof(_))));
    let searched = find_held(forged.path(), log_key, &[story.backdated.payload_digest()]);
    assert!(matches!(searched, Err(FindHeldError::Read(ReadUsesError::Bad { .. }))));

    // The log held the same payload, signed by another key: that says nothing of this one.
    let by_other = KeyUse::of_envelope(&story.backdated, *key(SUCCESSOR).key_id(), "router", time(3));
    story.log.append(&[by_other.to_entry()]).unwrap();
    story.log.checkpoint().unwrap();
    let trust = story.trust(Some(Window::from(ORIGIN, 9)), &[document, &story.backdated]);
    assert!(VerificationDocument::open(document, &trust).is_ok());
    assert!(is_revoked(&VerificationDocument::open(&story.backdated, &trust).unwrap_err()));

    // An entry about something else is no proof of anything.
    let other = openfactory_attest::audit::Entry::new("1", "router", "incident.created", time(4), "device-1");
    let index = story.log.append(&[other]).unwrap()[0].index();
    let proof = story.log.prove(index).unwrap().unwrap();
    let (_, entry) = openfactory_attest::audit::prove(story.folder.path(), index).unwrap();
    assert!(matches!(Held::verify(&proof, &entry, log_key), Err(HeldError::OtherEntry { .. })));
}

#[test]
fn what_the_checkpoint_does_not_reach_is_no_proof_yet() {
    let story = story();
    record(&story.log, &story.backdated);
    let payload = [story.backdated.payload_digest()];
    let find = || find_held(story.folder.path(), story.log.verifier_key(), &payload).unwrap();
    assert_eq!(find(), []);
    story.log.checkpoint().unwrap();
    assert_eq!(find()[0].index(), 3);
}

#[test]
fn a_good_signature_beside_a_revoked_one_is_enough() {
    let trust = trust(None);
    let signed = Envelope::sign("text/plain", b"x", &key(STOLEN)).unwrap();
    let kinds = &[KeyKind::BuildPlatformSigning];
    let both = signed.clone().countersign(&key(SUCCESSOR)).unwrap();
    let opened = both.open(&trust, "text/plain", kinds).unwrap();
    assert_eq!((opened.signer().name.as_str(), opened.acceptance()), ("platform 2", &Acceptance::Trusted));
    assert!(matches!(
        both.open_by(2, &trust, "text/plain", kinds),
        Err(OpenError::Threshold { needed: 2, found: 1 })
    ));
    let error = signed.open(&trust, "text/plain", kinds).unwrap_err();
    assert!(error.to_string().contains("INC0010001"), "{error}");
}

#[test]
fn a_document_is_signed_anew_only_for_the_very_image_and_with_proof() {
    let story = story();
    let (document, intent, measured) = &story.before;
    let trust = story.trust(Some(Window::from(ORIGIN, 2)), &[document, intent, &story.inside]);
    let signature = || Signature::new("Q. A. Person", "signed anew", time(99));
    let reissue = |of: &Envelope, trust: &TrustStore, image: &MeasuredImage, seed: u8| {
        VerificationDocument::reissue(of, trust, image, signature(), &key(seed))
    };
    let anew = reissue(document, &trust, measured, SUCCESSOR).unwrap();
    let opened = VerificationDocument::open(&anew, &trust).unwrap();
    assert_eq!((opened.signer().name.as_str(), opened.acceptance()), ("platform 2", &Acceptance::Trusted));
    let replaces = opened.get().replaces.clone().unwrap();
    assert_eq!(replaces.document_digest, document.payload_digest());
    assert_eq!((replaces.key_id, replaces.incident.as_deref()), (*key(STOLEN).key_id(), Some("INC0010001")));
    let old = VerificationDocument::open(document, &trust).unwrap().into_inner();
    let new = opened.into_inner();
    assert_eq!((&old.image, &old.verity, &old.manifest), (&new.image, &new.verity, &new.manifest));
    assert_eq!(new.signature, signature());

    let other_bytes = MeasuredImage::new(FileDigest::of(b"x"), measured.root_hash);
    let refused = reissue(document, &trust, &other_bytes, SUCCESSOR);
    assert!(matches!(refused, Err(ReissueError::Image { what: "size and sha256" })));
    let other_root = MeasuredImage::new(measured.file, "0".repeat(64).parse().unwrap());
    assert!(matches!(
        reissue(document, &trust, &other_root, SUCCESSOR),
        Err(ReissueError::Image { what: "root hash" })
    ));
    assert!(matches!(reissue(&story.inside, &trust, measured, SUCCESSOR), Err(ReissueError::NotBelieved(_))));
    assert!(matches!(
        reissue(&story.backdated, &trust, measured, SUCCESSOR),
        Err(ReissueError::NotBelieved(_))
    ));
    assert!(matches!(reissue(&anew, &trust, measured, SUCCESSOR), Err(ReissueError::NotRevoked)));
    // Not by the stolen key, nor by one that nobody trusts.
    assert!(matches!(reissue(document, &trust, measured, STOLEN), Err(ReissueError::Successor { .. })));
    assert!(matches!(reissue(document, &trust, measured, 77), Err(ReissueError::Successor { .. })));
}

#[test]
fn openssl_and_securesystemslib_verify_the_revocation_list() {
    let test = "openssl_and_securesystemslib_verify_the_revocation_list";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let root = key(ROOT);
    let trust = trust(Some(Window::from(ORIGIN, 2)));
    let list = trust.revocations_envelope().unwrap();
    fs::write(path("root.pub"), root.public_key().to_pem()).unwrap();
    fs::write(path("list.json"), list.to_json()).unwrap();

    let json: serde_json::Value = serde_json::from_slice(&list.to_json()).unwrap();
    let signature = json["signatures"][0]["sig"].as_str().unwrap();
    let signature = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
    fs::write(path("sig"), signature).unwrap();
    let signed = pre_authentication_encoding(list.payload_type_unverified(), list.payload_unverified());
    let verify =
        ["pkeyutl", "-verify", "-pubin", "-inkey", "root.pub", "-rawin", "-in", "signed", "-sigfile", "sig"];
    for (bytes, good) in [(signed.clone(), true), (signed.iter().rev().copied().collect(), false)] {
        fs::write(path("signed"), bytes).unwrap();
        let Some(output) = tool::run(test, folder.path(), "openssl", &verify) else { return };
        assert_eq!(output.status.success(), good, "{}", String::from_utf8_lossy(&output.stderr));
    }

    let key_id = root.key_id().to_string();
    let script = python::script("dsse.py");
    let arguments = ["verify", &path("list.json"), &path("root.pub"), &key_id, &path("payload")];
    let modules = &["securesystemslib", "cryptography"];
    let Some(output) = python::run(test, modules, &script, &arguments) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(path("payload")).unwrap(), list.payload_unverified());
    let text = String::from_utf8(list.to_json()).unwrap();
    fs::write(path("list.json"), text.replace("revocation-list.v1", "revocation-list.v2")).unwrap();
    assert!(!python::run(test, modules, &script, &arguments).unwrap().status.success());
}

#[test]
fn a_python_auditor_verifies_a_log_with_ledger_entries() {
    let test = "a_python_auditor_verifies_a_log_with_ledger_entries";
    let story = story();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit/verify_log.py");
    let vkey = story.log.verifier_key().to_string();
    let arguments = [story.folder.path().to_str().unwrap(), &vkey];
    let Some(output) = python::run(test, &["cryptography"], &script, &arguments) else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("good: 3 entries"), "{text}");
}
