//! What several tests need.

use std::time::{Duration, SystemTime};

use openfactory_attest::manifest::TreePath;
use openfactory_attest::{Ed25519Key, KeyKind, Sha256Digest, Signer as _, TrustStore, TrustedKey};
#[cfg(feature = "device")]
use openfactory_zone2::Manifest;
use openfactory_zone2::command::{Action, Authority, Command, Target};
use openfactory_zone2::policy::{Class, Owner};
use openfactory_zone2::scan::{Executable, Found, Kind};

/// So many seconds after an instant of 2026.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
}

pub(crate) fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

/// The operator is key 1, the device 2, the integration 3, the build platform 4.
pub(crate) fn trust() -> TrustStore {
    let kinds = [
        (1, "ops", KeyKind::Operator),
        (2, "press-1", KeyKind::DeviceAttestation),
        (3, "router", KeyKind::Integration),
        (4, "builder", KeyKind::BuildPlatformSigning),
    ];
    let mut trust = TrustStore::new();
    for (seed, name, kind) in kinds {
        trust.add(TrustedKey::new(name, kind, key(seed).public_key().clone())).unwrap();
    }
    trust
}

/// A command for press-1, issued at 10, which expires at 1000.
pub(crate) fn command(id: &str, action: Action) -> Command {
    let authority = Authority::new("ann@example.com", "replace the broken probe", "CHG0030001");
    Command::new(id, action, Target::Device("press-1".into()), authority, at(10), at(1000)).unwrap()
}

/// Whoever runs the tests owns what they write.
pub(crate) fn me() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// `/etc/**` sealed, `/var/log/**` volatile, owned by whoever runs the tests; files of at most 4 KiB.
#[cfg(feature = "device")]
pub(crate) fn manifest() -> Manifest {
    Manifest::parse(manifest_json().as_bytes()).unwrap()
}

#[cfg(feature = "device")]
pub(crate) fn manifest_json() -> String {
    let (uid, gid) = me();
    let owner = format!(r#""owner": {{"uid": {uid}, "gid": {gid}}}"#);
    let rule = |path: &str, rest: &str, class: &str| {
        format!(r#"{{"path": "{path}", {rest}, {owner}, "class": "{class}"}}"#)
    };
    let rules = [
        rule("/etc", r#""kind": "directory", "mode": "0755""#, "sealed"),
        rule("/etc/*.conf", r#""kind": "file", "mode": "0644", "max_size": 4096"#, "sealed"),
        rule("/etc/localtime", r#""kind": "symlink""#, "sealed"),
        rule("/var", r#""kind": "directory", "mode": "0755""#, "sealed"),
        rule("/var/log", r#""kind": "directory", "mode": "0755""#, "volatile"),
        rule("/var/log/**", r#""kind": "file", "mode": "0644", "max_size": 4096"#, "volatile"),
    ];
    format!(r#"{{"version": 1, "paths": [{}]}}"#, rules.join(","))
}

pub(crate) fn file(path: impl AsRef<[u8]>, content: &str) -> Found {
    let kind = Kind::File {
        size: content.len() as u64,
        digest: Some(Sha256Digest::of(content.as_bytes())),
        executable: Executable::of(0o644, content.as_bytes()),
    };
    let (uid, gid) = me();
    let path = TreePath::new(path).unwrap();
    Found::new(path, kind, 0o644, Owner::new(uid, gid)).in_class(Some(Class::Sealed))
}
