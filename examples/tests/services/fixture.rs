//! A build as the platform would make it: a tree, its squashfs, manifest and signed document. And a stub router.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::extract::{Path as Place, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use openfactory_attest::document::{
    Builder, FileDigest, ImageFile, ManifestDigest, NamedDigest, Signature, VerificationDocument, VerityTree,
};
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::report::Nonce;
use openfactory_attest::squashfs::{Compression, Packer};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_attest::verity::{self, Params, Uuid};
use openfactory_attest::{Manifest, Sha256Digest, Work};
use openfactory_examples::serve::{Limits, Running, serve};
use openfactory_examples::shutdown::Shutdown;
use openfactory_sn::lifecycle::cloud_event;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A key from a fixed seed.
pub(crate) fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

/// Writes a key as only its owner may read it.
pub(crate) fn write_key(path: &Path, key: &Ed25519Key) {
    write_secret(path, &key.to_pem().unwrap());
}

pub(crate) fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Trusts one key.
pub(crate) fn trust(name: &str, kind: KeyKind, key: &Ed25519Key) -> TrustStore {
    let mut trust = TrustStore::new();
    trust.add(TrustedKey::new(name, kind, key.public_key().clone())).unwrap();
    trust
}

/// A build with its files in a directory of its own.
pub(crate) struct Build {
    _directory: TempDir,
    /// The tree that was packed.
    pub(crate) tree: PathBuf,
    pub(crate) image: PathBuf,
    pub(crate) hash_tree: PathBuf,
    pub(crate) manifest: PathBuf,
    pub(crate) document: PathBuf,
    pub(crate) sbom: PathBuf,
}

impl Build {
    /// Packs a small tree in which `etc/motd` says `motd`, and signs for it with `key`.
    pub(crate) fn new(build_id: &str, motd: &str, key: &Ed25519Key) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let tree = at("tree");
        for directory in ["etc/ssh", "usr/bin", "sealed"] {
            fs::create_dir_all(tree.join(directory)).unwrap();
        }
        fs::write(tree.join("etc/motd"), motd).unwrap();
        fs::write(tree.join("etc/ssh/sshd_config"), "PermitRootLogin no\n").unwrap();
        fs::write(tree.join("usr/bin/tool"), vec![0x7f; 200_000]).unwrap();
        fs::set_permissions(tree.join("usr/bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("tool", tree.join("usr/bin/alias")).unwrap();
        fs::write(tree.join("sealed/file"), "read only directory\n").unwrap();
        fs::set_permissions(tree.join("sealed"), fs::Permissions::from_mode(0o555)).unwrap();

        let mut packer = Packer::new(Compression::Gzip);
        packer.add_tree(&tree).unwrap();
        let mut bytes = Cursor::new(Vec::new());
        packer.write(&mut bytes).unwrap();
        let mut bytes = bytes.into_inner();
        bytes.resize(bytes.len().next_multiple_of(4096), 0);
        fs::write(at("image.squashfs"), &bytes).unwrap();

        let work = Work::on_all_cores();
        let manifest = Manifest::of_squashfs(&bytes, &work).unwrap();
        let hash_tree = at("image.verity");
        fs::write(at("manifest.json"), manifest.to_json().unwrap()).unwrap();
        let mut hashes = Cursor::new(Vec::new());
        let params = Params::new(Uuid::from_bytes([7; 16]));
        let verity = verity::format(&bytes, None, &mut hashes, &params, &work).unwrap();
        let document = VerificationDocument::new(
            build_id,
            ImageFile::new("image.squashfs", FileDigest::of(&bytes)),
            VerityTree::new(&verity, FileDigest::of(hashes.get_ref())).unwrap(),
            ManifestDigest::of(&manifest).unwrap(),
            Sha256Digest::of(b"recipe"),
            FileDigest::of(b"log"),
            Builder::new("test-builder"),
            Signature::new(
                "Ada",
                "build verified",
                SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            ),
        );
        let sbom: &[u8] = br#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}"#;
        fs::write(at("sbom.json"), sbom).unwrap();
        let document = document.with_sbom(NamedDigest::new("sbom.json", FileDigest::of(sbom)));
        fs::write(&hash_tree, hashes.into_inner()).unwrap();
        fs::write(at("verification.json"), document.sign(key).unwrap().to_json()).unwrap();
        Self {
            tree,
            image: at("image.squashfs"),
            hash_tree,
            manifest: at("manifest.json"),
            document: at("verification.json"),
            sbom: at("sbom.json"),
            _directory: directory,
        }
    }

    pub(crate) fn document_bytes(&self) -> Vec<u8> {
        fs::read(&self.document).unwrap()
    }
}

/// How the stub router answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As a router does.
    Take,
    /// Takes the event, but the answer is lost on the way: 502.
    TakeSilently,
    /// 503 with `Retry-After: 1`.
    Down,
    /// 400.
    Refuse,
    /// 401.
    Unknown,
}

struct Inner {
    mode: Mode,
    events: Vec<(Event, Bytes)>,
    duplicates: usize,
    challenges: u8,
    commands: Vec<Envelope>,
}

/// What a router does at its door: the signature, the id, the answer; it remembers what it took.
pub(crate) struct StubRouter {
    inner: Arc<Mutex<Inner>>,
    running: Running,
    stop: Shutdown,
}

#[derive(Clone)]
struct Door {
    inner: Arc<Mutex<Inner>>,
    trust: Arc<TrustStore>,
    kind: KeyKind,
}

impl StubRouter {
    pub(crate) fn start(trust: TrustStore, kind: KeyKind) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            mode: Mode::Take,
            events: Vec::new(),
            duplicates: 0,
            challenges: 0,
            commands: Vec::new(),
        }));
        let door = Door { inner: Arc::clone(&inner), trust: Arc::new(trust), kind };
        let app = Router::new()
            .route("/v1/events", post(take))
            .route("/v1/devices/{device}/challenge", post(challenge))
            .route("/v1/devices/{device}/commands", get(commands))
            .with_state(door);
        let stop = Shutdown::new();
        let running = serve(app, "127.0.0.1:0".parse().unwrap(), None, Limits::default(), &stop).unwrap();
        Self { inner, running, stop }
    }

    pub(crate) fn url(&self) -> String {
        self.running.local_url()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.inner.lock().unwrap().mode = mode;
    }

    /// Hands out this command, until an event tells that it was handled.
    pub(crate) fn hand_out(&self, command: Envelope) {
        self.inner.lock().unwrap().commands.push(command);
    }

    /// The events it took, with the bytes that came.
    pub(crate) fn events(&self) -> Vec<(Event, Bytes)> {
        self.inner.lock().unwrap().events.clone()
    }

    /// Waits until it took so many events.
    pub(crate) async fn wait_for(&self, events: usize) -> Vec<(Event, Bytes)> {
        for _ in 0..200 {
            let taken = self.events();
            if taken.len() >= events {
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {events} events came", self.events().len());
    }

    /// Waits until so many events came again.
    pub(crate) async fn wait_for_duplicates(&self, duplicates: usize) {
        for _ in 0..200 {
            if self.inner.lock().unwrap().duplicates >= duplicates {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no duplicate came");
    }
}

impl Drop for StubRouter {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

async fn challenge(State(door): State<Door>, Place(device): Place<String>) -> (StatusCode, Json<Value>) {
    let mut inner = door.inner.lock().unwrap();
    if inner.mode == Mode::Down {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "down"})));
    }
    inner.challenges += 1;
    let nonce = Nonce::from_bytes([inner.challenges; 32]);
    (StatusCode::OK, Json(json!({"device": device, "nonce": nonce, "expires": "2099-01-01T00:00:00.000Z"})))
}

async fn commands(State(door): State<Door>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    if !headers["authorization"].to_str().unwrap().starts_with("DSSE ") {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "who are you"})));
    }
    for _ in 0..20 {
        {
            let inner = door.inner.lock().unwrap();
            let handled = |command: &&Envelope| {
                let id: Value = serde_json::from_slice(command.payload_unverified()).unwrap();
                !inner.events.iter().any(|(event, _)| {
                    matches!(&event.body, EventBody::CommandHandled(body) if body.command_id.as_str() == id["id"])
                })
            };
            let pending: Vec<_> = inner.commands.iter().filter(handled).collect();
            if !pending.is_empty() {
                return (StatusCode::OK, Json(json!({ "commands": pending })));
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (StatusCode::OK, Json(json!({ "commands": [] })))
}

async fn take(
    State(door): State<Door>,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], Json<Value>) {
    let mut inner = door.inner.lock().unwrap();
    let answer = |status, body| (status, [("retry-after", "1")], Json(body));
    match inner.mode {
        Mode::Take | Mode::TakeSilently => {}
        Mode::Down => return answer(StatusCode::SERVICE_UNAVAILABLE, json!({"error": "down"})),
        Mode::Refuse => return answer(StatusCode::BAD_REQUEST, json!({"error": "not an event"})),
        Mode::Unknown => return answer(StatusCode::UNAUTHORIZED, json!({"error": "who are you"})),
    }
    let cloud = cloud_event::parse(&body).unwrap();
    let opened = match cloud.data.open(&door.trust, PAYLOAD_TYPE, &[door.kind]) {
        Ok(opened) => opened,
        Err(error) => return answer(StatusCode::UNAUTHORIZED, json!({"error": error.to_string()})),
    };
    let event = Event::parse(opened.get()).unwrap();
    cloud.check(&event).unwrap();
    event.check_sender(opened.signer().kind, &opened.signer().name).unwrap();
    let known = inner.events.iter().find(|(known, _)| known.id == event.id && known.source == event.source);
    let duplicate = match known {
        Some((_, known)) if *known != body => {
            return answer(StatusCode::CONFLICT, json!({"error": "other content"}));
        }
        Some(_) => true,
        None => false,
    };
    inner.duplicates += usize::from(duplicate);
    let id = event.id.to_string();
    if !duplicate {
        inner.events.push((event, body));
    }
    if inner.mode == Mode::TakeSilently {
        return answer(StatusCode::BAD_GATEWAY, json!({}));
    }
    answer(StatusCode::ACCEPTED, json!({"id": id, "duplicate": duplicate}))
}
