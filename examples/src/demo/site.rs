//! Where the demo lives: its directory, its keys, its secrets. Everything is made once and then only read, so
//! that a demo that was killed goes on with what it had.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_attest::audit::VerifierKey;
use openfactory_attest::key::{Ed25519Key, KeyKind, Signer};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_attest::vault::{FileVault, Vault as _};
use openfactory_simulator::Profile;
use openfactory_sn::lifecycle::id::{BuildId, DeviceId, FleetId};

use super::error::{DemoError, During as _};
use crate::platform::LocalPlatform;
use crate::trust_file::TrustFile;
use crate::write_once::{read_or_write, write_atomically};

/// The OAuth client that the router is.
pub(crate) const CLIENT_ID: &str = "7d0c1e5f3b9a4c2e8f6a1b0d9e8c7f65";
/// The audit log's name.
pub(crate) const LOG: &str = "openfactory.example/demo";
/// The name of the root key.
const ROOT: &str = "root";
/// The name of the build platform's key.
pub(crate) const BUILD_PLATFORM: &str = "build platform";
/// The name of the operator's key.
pub(crate) const OPERATOR: &str = "operator";
/// The user who requests the build, as ServiceNow knows them.
pub(crate) const REQUESTER: &str = "build.requester@example.com";

/// The demo's directory and the names in the story.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    root: PathBuf,
    /// The build that the fleet comes to run.
    pub(crate) first: BuildId,
    /// The build after it, whose rollout fails.
    pub(crate) second: BuildId,
    /// The fleet.
    pub(crate) fleet: FleetId,
    /// The fleet's devices.
    pub(crate) devices: Vec<DeviceId>,
    /// A device on the test bench, a fleet whose devices may not be silent for long.
    pub(crate) bench: DeviceId,
    /// The test bench.
    pub(crate) bench_fleet: FleetId,
    /// The kind of ServiceNow.
    pub(crate) profile: Profile,
}

impl Site {
    /// The site below `root` with a fleet of `devices`, all keys, secrets and the trust file.
    pub(crate) fn prepare(root: &Path, devices: usize, profile: Profile) -> Result<Self, DemoError> {
        fs::create_dir_all(root).during(&format!("make {}", root.display()))?;
        let root = root.canonicalize().during(&format!("find {}", root.display()))?;
        let site = Self {
            root,
            first: BuildId::new("press-line-edge-1").during("name the build")?,
            second: BuildId::new("press-line-edge-2").during("name the build")?,
            fleet: FleetId::new("press-line").during("name the fleet")?,
            devices: (1..=devices)
                .map(|number| DeviceId::new(format!("edge-{number:04}")).during("name a device"))
                .collect::<Result<_, _>>()?,
            bench: DeviceId::new("bench-0001").during("name a device")?,
            bench_fleet: FleetId::new("test-bench").during("name the test bench")?,
            profile,
        };
        for directory in
            ["keys", "builds", "events", "overlay", "config", "story", "router", "webhook", "simulator"]
        {
            let path = site.path(directory);
            fs::create_dir_all(&path).during(&format!("make {}", path.display()))?;
        }
        site.check("devices", &site.devices.len().to_string())?;
        site.check("profile", profile.name())?;
        site.trust()?;
        for (name, prefix) in [("servicenow.secret", ""), ("webhook.secret", "whsec_")] {
            site.secret(name, prefix)?;
        }
        site.key("audit")?;
        Ok(site)
    }

    /// Whether the story that was begun here was begun with this value of an option.
    fn check(&self, option: &str, ours: &str) -> Result<(), DemoError> {
        let path = self.path("story").join(option);
        let begun = read_or_write::<std::io::Error>(&path, 0o644, || Ok(ours.as_bytes().to_vec()));
        let begun = begun.during(&format!("read {}", path.display()))?;
        let begun = String::from_utf8_lossy(&begun).trim().to_owned();
        if begun == ours {
            return Ok(());
        }
        Err(DemoError::new(format!(
            "the story in {} was begun with --{option} {begun}: go on with that, or begin anew in another --data-dir",
            self.root.display()
        )))
    }

    /// A path below the site's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file that belongs to a build.
    pub(crate) fn artifact(&self, build: &BuildId, name: &str) -> PathBuf {
        self.path("builds").join(build.as_str()).join(name)
    }

    /// The file of a key.
    pub(crate) fn key_file(&self, name: &str) -> PathBuf {
        self.path("keys").join(format!("{name}.pem"))
    }

    /// The key of this name: `webhook`, `audit`, `operator`, or a device's id.
    pub(crate) fn key(&self, name: &str) -> Result<Ed25519Key, DemoError> {
        let path = self.key_file(name);
        let pem = read_or_write::<Box<dyn std::error::Error + Send + Sync>>(&path, 0o600, || {
            Ok(Ed25519Key::generate()?.to_pem()?.as_bytes().to_vec())
        });
        let pem = pem.during(&format!("make the key {}", path.display()))?;
        let text = std::str::from_utf8(&pem).during(&format!("read the key {}", path.display()))?;
        Ed25519Key::from_pem(text).during(&format!("read the key {}", path.display()))
    }

    /// A random secret in a file of its own.
    pub(crate) fn secret(&self, name: &str, prefix: &str) -> Result<String, DemoError> {
        let path = self.path(name);
        let bytes = read_or_write::<Box<dyn std::error::Error + Send + Sync>>(&path, 0o600, || {
            let mut random = [0; 32];
            getrandom::fill(&mut random)?;
            Ok(format!("{prefix}{}", STANDARD.encode(random)).into_bytes())
        });
        let bytes = bytes.during(&format!("make the secret {}", path.display()))?;
        String::from_utf8(bytes).during(&format!("read the secret {}", path.display()))
    }

    /// The vault, with the root key and the build platform's.
    pub(crate) fn vault(&self) -> Result<FileVault, DemoError> {
        let vault = FileVault::open(&self.path("vault"), "build platform", SystemTime::now);
        let vault = vault.during("open the vault")?;
        for (name, kind) in [(ROOT, KeyKind::RootSigning), (BUILD_PLATFORM, KeyKind::BuildPlatformSigning)] {
            if vault.key(name).is_err() {
                vault.create(name, kind).during("make a key in the vault")?;
            }
        }
        Ok(vault)
    }

    /// What signs for the build platform; a key that was revoked does not.
    pub(crate) fn build_platform(&self) -> Result<Arc<dyn Signer>, DemoError> {
        self.vault()?.signer(BUILD_PLATFORM).during("sign for the build platform")
    }

    /// Whose signatures count: those of the vault's keys, the webhook receiver's, the operator's, each device's for
    /// itself. The file is made once; after that the router keeps it, as it revokes keys.
    pub(crate) fn trust(&self) -> Result<TrustStore, DemoError> {
        let path = self.trust_file();
        let bytes = read_or_write::<Box<dyn std::error::Error + Send + Sync>>(&path, 0o644, || {
            Ok(self.first_trust()?.to_json())
        });
        let bytes = bytes.during(&format!("write {}", path.display()))?;
        TrustStore::parse(&bytes).during(&format!("read {}", path.display()))
    }

    fn first_trust(&self) -> Result<TrustStore, DemoError> {
        let mut trust = TrustStore::new();
        for key in self.vault()?.keys().during("read the vault")? {
            let key = TrustedKey::new(key.name, key.kind, key.public_key);
            trust.add(key).during("put a key into the trust file")?;
        }
        let services =
            [("webhook", "webhook receiver", KeyKind::Integration), (OPERATOR, OPERATOR, KeyKind::Operator)];
        let devices = self.devices.iter().chain([&self.bench]);
        let devices = devices.map(|id| (id.as_str(), id.as_str(), KeyKind::DeviceAttestation));
        for (file, name, kind) in services.into_iter().chain(devices) {
            let key = TrustedKey::new(name, kind, self.key(file)?.public_key().clone());
            trust.add(key).during("put a key into the trust file")?;
        }
        Ok(trust)
    }

    /// The trust file of router and platform.
    pub(crate) fn trust_file(&self) -> PathBuf {
        self.path("trust.json")
    }

    /// The audit log's name and public key.
    pub(crate) fn log_key(&self) -> Result<VerifierKey, DemoError> {
        VerifierKey::new(LOG, self.key("audit")?.public_key().clone()).during("name the log's key")
    }

    /// The platform that orders go to, as the router has it too.
    pub(crate) fn platform(&self) -> Result<LocalPlatform, DemoError> {
        let trust = TrustFile::open(&self.trust_file()).during("open the trust file")?;
        LocalPlatform::open(&self.path("platform"), trust).during("open the platform")
    }

    /// Whether a part of the story was told to its end before.
    pub(crate) fn is_done(&self, chapter: &str) -> bool {
        self.marker(chapter).exists()
    }

    /// Remembers that a part of the story was told to its end.
    pub(crate) fn done(&self, chapter: &str) -> Result<(), DemoError> {
        write_atomically(&self.marker(chapter), b"", 0o644).during("remember how far the story is")
    }

    fn marker(&self, chapter: &str) -> PathBuf {
        self.path("story").join(chapter)
    }
}
