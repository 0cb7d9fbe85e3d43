//! The agent and the overlay: what it finds there, and the signed commands that open and close it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::report::{VerityProof, VerityState};
use openfactory_attest::trust::TrustedKey;
use openfactory_examples::agent::config::{AgentConfig, DEFAULTS};
use openfactory_examples::agent::{AgentOutcome, Obeyed, obey, once, run};
use openfactory_examples::config::load;
use openfactory_examples::shutdown::Shutdown;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::command::CommandOutcome;
use openfactory_zone2::command::{self, Action, Authority, Target};
use openfactory_zone2::{LockdownState, Priority, Row};
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{Build, StubRouter, key, trust, write_key};

const DEVICE_KEY: u8 = 9;
const PLATFORM_KEY: u8 = 1;
const OPERATOR_KEY: u8 = 5;

struct Setup {
    build: Build,
    files: TempDir,
    router: StubRouter,
}

impl Setup {
    /// A device that was provisioned: its overlay holds a network address, and it is Unlocked.
    fn new() -> Self {
        let platform = key(PLATFORM_KEY);
        let build = Build::new("b-1", "as built\n", &platform);
        let files = tempfile::tempdir().unwrap();
        let mut trusted = trust("platform", KeyKind::BuildPlatformSigning, &platform);
        let operator = key(OPERATOR_KEY).public_key().clone();
        trusted.add(TrustedKey::new("ada", KeyKind::Operator, operator)).unwrap();
        fs::write(files.path().join("trust.json"), trusted.to_json()).unwrap();
        write_key(&files.path().join("device.key"), &key(DEVICE_KEY));
        write_key(&files.path().join("operator.key"), &key(OPERATOR_KEY));
        let router = StubRouter::start(
            trust("edge-1", KeyKind::DeviceAttestation, &key(DEVICE_KEY)),
            KeyKind::DeviceAttestation,
        );
        let setup = Self { build, files, router };
        fs::create_dir_all(setup.at("values/etc/plant")).unwrap();
        fs::write(setup.at("values/etc/plant/network.json"), r#"{"address": "10.20.3.7/24"}"#).unwrap();
        let owner = fs::metadata(setup.at("values")).unwrap();
        let owner = json!({"uid": owner.uid(), "gid": owner.gid()});
        let directory = |path: &str| {
            fs::set_permissions(setup.at("values").join(path), fs::Permissions::from_mode(0o755)).unwrap();
            json!({"path": format!("/{path}"), "kind": "directory", "class": "sealed", "owner": owner, "mode": "0755"})
        };
        let network = setup.at("values/etc/plant/network.json");
        fs::set_permissions(network, fs::Permissions::from_mode(0o640)).unwrap();
        let file = json!({
            "path": "/etc/plant/network.json", "kind": "file", "class": "sealed", "owner": owner, "mode": "0640",
            "max_size": 4096,
        });
        let manifest = json!({"version": 1, "paths": [directory("etc"), directory("etc/plant"), file]});
        fs::write(setup.at("zone2-manifest.json"), manifest.to_string()).unwrap();
        let constraints = json!({"version": 1, "constraints": [{
            "id": "plant-address", "type": "subnet",
            "place": {"file": "/etc/plant/network.json", "key": "address"}, "permitted": ["10.20.0.0/16"],
        }]});
        fs::write(setup.at("zone2-constraints.json"), constraints.to_string()).unwrap();
        fs::write(setup.at("services.json"), r#"{"ssh.service": "active"}"#).unwrap();
        let provisioned = setup.run(
            &["provision", "--image"],
            &[setup.build.image.to_str().unwrap(), "--values", setup.at("values").to_str().unwrap()],
        );
        assert_eq!(provisioned.status.code(), Some(0), "{provisioned:?}");
        setup
    }

    fn at(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn file(&self) -> PathBuf {
        let (files, build) = (self.files.path().display(), &self.build);
        let text = format!(
            r#"
            [device]
            id = "edge-1"
            fleet = "line-7"
            root = {:?}
            key_file = "{files}/device.key"
            [baseline]
            document = {:?}
            manifest = {:?}
            trust = "{files}/trust.json"
            [check]
            ownership = "never"
            [run]
            interval_s = 3600
            poll_s = 1
            [verity]
            probe = "file"
            image = {:?}
            hash_tree = {:?}
            [services]
            probe = "file"
            file = "{files}/services.json"
            required = ["ssh.service"]
            [overlay]
            root = "{files}/zone2"
            manifest = "{files}/zone2-manifest.json"
            constraints = "{files}/zone2-constraints.json"
            sbom = {:?}
            [router]
            url = "{}"
            timeout_s = 2
            deadline_s = 1
            [state]
            directory = "{files}/state"
            "#,
            build.tree,
            build.document,
            build.manifest,
            build.image,
            build.hash_tree,
            build.sbom,
            self.router.url(),
        );
        let path = self.at("agent.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn config(&self) -> AgentConfig {
        load(DEFAULTS, Some(&self.file()), Vec::new()).unwrap()
    }

    fn run(&self, arguments: &[&str], more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
        let (name, rest) = arguments.split_first().unwrap();
        command.arg(name).arg("--config").arg(self.file()).args(rest).args(more).env_remove("RUST_LOG");
        command.output().unwrap()
    }

    fn command(&self, id: &str, action: Action, signer: &Ed25519Key, expires: u64) -> Vec<u8> {
        let authority = Authority::new("ada@example.com", "the gateway is replaced", "CHG0030001");
        let (now, target) = (SystemTime::now(), Target::Device("edge-1".to_owned()));
        let expires = now + Duration::from_secs(expires);
        let command = command::Command::new(id, action, target, authority, now, expires).unwrap();
        command.sign(signer).unwrap().to_json()
    }

    async fn obey(&self, id: &str, action: Action, signer: &Ed25519Key) -> Obeyed {
        let command = self.command(id, action, signer, 600);
        obey(&self.config(), &command, SystemTime::now()).await.unwrap().0
    }

    async fn once(&self) -> AgentOutcome {
        once(&self.config(), SystemTime::now(), Arc::new(|_done, _total| {})).await.unwrap()
    }

    /// The transitions that the router was told of.
    fn transitions(&self) -> Vec<(LockdownState, LockdownState, usize)> {
        let events = self.router.events();
        let changes = events.iter().filter_map(|(event, _)| match &event.body {
            EventBody::LockdownChanged(body) => {
                Some((body.transition.from, body.transition.to, body.findings.len()))
            }
            _ => None,
        });
        changes.collect()
    }
}

fn refused(obeyed: &Obeyed) -> &str {
    match &obeyed.outcome {
        CommandOutcome::Refused { code, .. } => code,
        outcome => panic!("{outcome:?}"),
    }
}

fn rows(outcome: &AgentOutcome) -> Vec<(Row, Priority)> {
    let overlay = outcome.overlay.as_ref().unwrap();
    overlay.findings.iter().map(|finding| (finding.row, finding.priority)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_sealed_by_a_signed_lock_and_watched_against_the_seal() {
    let setup = Setup::new();
    let operator = key(OPERATOR_KEY);
    let locked = setup.obey("lock-1", Action::Lock, &operator).await;
    assert!(matches!(locked.outcome, CommandOutcome::Done { .. }), "{locked:?}");
    assert_eq!(setup.transitions(), [(LockdownState::Unlocked, LockdownState::Locked, 0)]);

    let good = setup.once().await;
    assert!(good.is_good() && good.is_delivered() && good.report.nonce.is_some(), "{good:?}");
    assert!(good.overlay.as_ref().unwrap().compliant(), "{good:?}");
    let Some(VerityState::Proved { by: VerityProof::File, .. }) = good.report.verity else {
        panic!("{good:?}")
    };

    // An address leaves its subnet, while locked: the file differs from the seal, and the value breaks the rule.
    fs::write(setup.at("zone2/etc/plant/network.json"), r#"{"address": "192.168.1.9/24"}"#).unwrap();
    let moved = setup.once().await;
    assert_eq!(rows(&moved), [(Row::HashMismatch, Priority::P1), (Row::NetworkAddress, Priority::P2)]);
    fs::write(setup.at("zone2/etc/plant/run.sh"), "#!/bin/sh\n").unwrap();
    let planted = setup.once().await;
    assert!(rows(&planted).contains(&(Row::Executable, Priority::P1)), "{planted:?}");
    assert!(!planted.is_good());
}

/// Whoever can write the policy's files could else allow what he has done.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_seals_the_combined_sbom() {
    let setup = Setup::new();
    let (sbom, operator) = (fs::read(&setup.build.sbom).unwrap(), key(OPERATOR_KEY));
    // One that the signed document does not name says nothing of this image.
    fs::write(&setup.build.sbom, [&sbom[..], b"\n"].concat()).unwrap();
    let other = setup.obey("lock-1", Action::Lock, &operator).await;
    assert!(
        matches!(&other.outcome, CommandOutcome::Failed { reason } if reason.contains("names no SBOM")),
        "{other:?}"
    );
    fs::write(&setup.build.sbom, &sbom).unwrap();
    setup.obey("lock-1", Action::Lock, &operator).await;

    let kept = fs::read_dir(setup.at("state/seals")).unwrap().map(|entry| entry.unwrap().path());
    let (combined, seals): (Vec<PathBuf>, Vec<_>) =
        kept.partition(|path| path.to_str().unwrap().ends_with(".sbom.json"));
    let seal = openfactory_attest::envelope::Envelope::parse(&fs::read(&seals[0]).unwrap()).unwrap();
    let seal: serde_json::Value = serde_json::from_slice(seal.payload_unverified()).unwrap();
    let bytes = fs::read(&combined[0]).unwrap();
    assert_eq!(seal["sbom_digest"], Sha256Digest::of(&bytes).to_string());
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("./etc/plant/network.json"), "{text}");
    let value = fs::read(setup.at("zone2/etc/plant/network.json")).unwrap();
    assert!(text.contains(&Sha256Digest::of(&value).to_string()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_than_the_sealed_one_is_a_p1() {
    let setup = Setup::new();
    setup.obey("lock-1", Action::Lock, &key(OPERATOR_KEY)).await;
    let policy = setup.at("zone2-constraints.json");
    let sealed = fs::read(&policy).unwrap();
    fs::write(&policy, r#"{"version": 1, "constraints": []}"#).unwrap();
    let loosened = setup.once().await;
    assert_eq!(rows(&loosened), [(Row::HashMismatch, Priority::P1)]);
    assert_eq!(loosened.overlay.unwrap().findings[0].subject, "policy");
    fs::write(&policy, sealed).unwrap();
    assert!(setup.once().await.is_good());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_is_revoked_while_the_agent_runs_commands_nothing_more() {
    let setup = Setup::new();
    let operator = key(OPERATOR_KEY);
    setup.obey("lock-1", Action::Lock, &operator).await;
    let stop = Shutdown::new();
    let (config, until) = (setup.config(), stop.clone());
    let running = tokio::spawn(async move { run(&config, &until).await });
    let reported =
        || setup.router.events().iter().any(|(event, _)| matches!(event.body, EventBody::DeviceReported(_)));
    let refused = || {
        let events = setup.router.events();
        events.iter().any(|(event, _)| match &event.body {
            EventBody::CommandHandled(body) => {
                matches!(&body.outcome, CommandOutcome::Refused { code, .. } if code == "unsigned")
            }
            _ => false,
        })
    };
    until_true(reported).await;
    let platform = trust("platform", KeyKind::BuildPlatformSigning, &key(PLATFORM_KEY));
    fs::write(setup.at("trust.json"), platform.to_json()).unwrap();
    let unlock = setup.command("unlock-1", Action::Unlock, &operator, 600);
    setup.router.hand_out(openfactory_attest::envelope::Envelope::parse(&unlock).unwrap());
    until_true(refused).await;
    stop.trigger();
    running.await.unwrap().unwrap();
    assert_eq!(setup.transitions().len(), 1, "it is still locked");
}

async fn until_true(condition: impl Fn() -> bool) {
    for _ in 0..400 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was waited for in vain");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_into_an_expired_window_is_never_sealed() {
    let setup = Setup::new();
    let operator = key(OPERATOR_KEY);
    setup.obey("lock-1", Action::Lock, &operator).await;
    let now = SystemTime::now();
    let (opened, _) =
        obey(&setup.config(), &setup.command("u-1", Action::Unlock, &operator, 5), now).await.unwrap();
    assert!(matches!(opened.outcome, CommandOutcome::Done { .. }), "{opened:?}");
    fs::write(setup.at("zone2/etc/plant/network.json"), r#"{"address": "10.20.9.9/24"}"#).unwrap();
    let lock = setup.command("lock-2", Action::Lock, &operator, 600);
    let (late, _) = obey(&setup.config(), &lock, now + Duration::from_secs(6)).await.unwrap();
    assert_eq!(refused(&late), "state", "it is locked already, by the old seal");
    let told = setup.transitions();
    assert_eq!(told.last(), Some(&(LockdownState::Unlocked, LockdownState::Locked, 1)), "{told:?}");
    let reported = setup.once().await;
    assert!(rows(&reported).contains(&(Row::HashMismatch, Priority::P1)), "{reported:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_lost_its_record_still_reports_and_can_be_commanded_again() {
    let setup = Setup::new();
    let operator = key(OPERATOR_KEY);
    setup.obey("lock-1", Action::Lock, &operator).await;
    fs::remove_file(setup.at("state/lockdown.json")).unwrap();
    let attest = |id: &str| setup.command(id, Action::Attest { nonce: "ab".repeat(32) }, &operator, 600);
    let (reported, _) = obey(&setup.config(), &attest("a-1"), SystemTime::now()).await.unwrap();
    assert!(matches!(reported.outcome, CommandOutcome::Done { .. }), "{reported:?}");
    assert!(!setup.at("state/lockdown.json").exists(), "a report leaves no record");
    assert_eq!(refused(&setup.obey("u-1", Action::Unlock, &operator).await), "used");
    let opened = setup.obey("u-2", Action::Unlock, &operator).await;
    assert!(matches!(opened.outcome, CommandOutcome::Done { .. }), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_the_right_changes_nothing_and_is_told() {
    let setup = Setup::new();
    let operator = key(OPERATOR_KEY);
    setup.obey("lock-1", Action::Lock, &operator).await;
    assert_eq!(refused(&setup.obey("c-1", Action::Unlock, &key(PLATFORM_KEY)).await), "wrong-key");
    assert_eq!(refused(&setup.obey("c-2", Action::Unlock, &key(77)).await), "unsigned");
    assert_eq!(refused(&setup.obey("c-3", Action::Lock, &operator).await), "state");
    assert_eq!(refused(&setup.obey("lock-1", Action::Lock, &operator).await), "used");
    let late = setup.command("c-4", Action::Unlock, &operator, 600);
    let later = SystemTime::now() + Duration::from_secs(601);
    let (late, _) = obey(&setup.config(), &late, later).await.unwrap();
    assert_eq!(refused(&late), "expired");
    let authority = Authority::new("ada@example.com", "no reason", "CHG0030001");
    let (now, target) = (SystemTime::now(), Target::Device("edge-2".to_owned()));
    let other =
        command::Command::new("c-5", Action::Unlock, target, authority, now, now + Duration::from_secs(9));
    let other = other.unwrap().sign(&operator).unwrap().to_json();
    assert_eq!(refused(&obey(&setup.config(), &other, now).await.unwrap().0), "other-device");
    let garbage = obey(&setup.config(), b"{}", now).await.unwrap().0;
    assert_eq!((refused(&garbage), &garbage.command), ("malformed", &None));

    assert_eq!(setup.transitions().len(), 1, "only the lock changed anything");
    let told: Vec<_> = setup
        .router
        .events()
        .into_iter()
        .filter_map(|(event, _)| match event.body {
            EventBody::CommandHandled(body) => match body.outcome {
                CommandOutcome::Refused { code, .. } => Some((body.command_id.to_string(), code)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    for (id, code) in [
        ("c-1", "wrong-key"),
        ("c-2", "unsigned"),
        ("c-3", "state"),
        ("lock-1", "used"),
        ("c-4", "expired"),
        ("c-5", "other-device"),
    ] {
        assert!(told.contains(&(id.to_owned(), code.to_owned())), "{id} {code}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_come_by_the_long_poll_and_a_window_closes_by_itself() {
    let setup = Setup::new();
    let operator = key(OPERATOR_KEY);
    setup.obey("lock-1", Action::Lock, &operator).await;
    let unlock = setup.command("unlock-1", Action::Unlock, &operator, 2);
    setup.router.hand_out(openfactory_attest::envelope::Envelope::parse(&unlock).unwrap());
    let stop = Shutdown::new();
    let (config, until) = (setup.config(), stop.clone());
    let running = tokio::spawn(async move { run(&config, &until).await });
    for _ in 0..200 {
        if setup.transitions().len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fs::write(setup.at("zone2/etc/plant/network.json"), r#"{"address": "10.20.9.9/24"}"#).unwrap();
    for _ in 0..200 {
        if setup.transitions().len() >= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.trigger();
    running.await.unwrap().unwrap();
    assert_eq!(
        setup.transitions(),
        [
            (LockdownState::Unlocked, LockdownState::Locked, 0),
            (LockdownState::Locked, LockdownState::Unlocked, 0),
            (LockdownState::Unlocked, LockdownState::Locked, 1),
        ],
        "closed against the old seal: what was changed meanwhile differs"
    );
    let reports = setup.router.events();
    let fresh = reports.iter().filter(
        |(event, _)| matches!(&event.body, EventBody::DeviceReported(body) if body.report.nonce.is_some()),
    );
    assert!(fresh.count() >= 1, "it has looked at the device meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_image_are_looked_at_and_what_nobody_can_see_is_no_finding() {
    let setup = Setup::new();
    fs::write(setup.at("services.json"), r#"{"ssh.service": "failed", "miner.service": "active"}"#).unwrap();
    let outcome = setup.once().await;
    let services = outcome.report.services.as_ref().unwrap();
    let faults: Vec<_> = services.faults().map(|(service, _)| service.name.as_str()).collect();
    assert_eq!(faults, ["miner.service", "ssh.service"]);
    assert!(!outcome.is_good());

    fs::write(setup.at("services.json"), "no JSON").unwrap();
    let outcome = setup.once().await;
    assert!(outcome.report.services.is_none());
    assert!(outcome.report.not_checked[0].starts_with("services: "), "{:?}", outcome.report.not_checked);

    let mut image = fs::read(&setup.build.image).unwrap();
    image[100] ^= 1;
    fs::write(&setup.build.image, image).unwrap();
    let outcome = setup.once().await;
    let Some(VerityState::Broken { reason, .. }) = &outcome.report.verity else { panic!("{outcome:?}") };
    assert!(reason.contains("block 0"), "{reason}");
    let mut config = setup.config();
    config.verity.hash_tree = None;
    let outcome = once(&config, SystemTime::now(), Arc::new(|_done, _total| {})).await.unwrap();
    assert!(matches!(outcome.report.verity, Some(VerityState::NotChecked { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_binary_do_what_they_say() {
    let setup = Setup::new();
    let status = setup.run(&["status"], &["--json"]);
    assert_eq!(status.status.code(), Some(1), "born unlocked: {status:?}");
    let bad = setup.at("bad");
    fs::create_dir_all(bad.join("etc/plant")).unwrap();
    fs::write(bad.join("etc/plant/network.json"), r#"{"address": "192.168.1.9/24"}"#).unwrap();
    let (image, bad) = (setup.build.image.to_str().unwrap(), bad.to_str().unwrap());
    let refused = setup.run(&["provision"], &["--image", image, "--values", bad]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let again =
        setup.run(&["provision"], &["--image", image, "--values", setup.at("values").to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");

    let out = setup.at("lock.json");
    let mut sign = Command::new(env!("CARGO_BIN_EXE_agent"));
    sign.args(["command", "sign", "lock", "--device", "edge-1", "--operator", "ada@example.com"])
        .args(["--justification", "provisioning is done", "--change-request", "CHG0030001", "--key"])
        .arg(setup.at("operator.key"))
        .arg("-o")
        .arg(&out);
    let signed = sign.output().unwrap();
    assert_eq!(signed.status.code(), Some(0), "{signed:?}");
    let (config, file) = (setup.file(), out.to_str().unwrap().to_owned());
    let by = |what: &'static str| {
        let (config, file) = (config.clone(), file.clone());
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
            command.arg(what).arg("--config").arg(config).arg("--command").arg(file).output().unwrap()
        })
    };
    let mistaken = by("unlock").await.unwrap();
    assert_eq!(mistaken.status.code(), Some(2), "{mistaken:?}");
    let locked = by("lock").await.unwrap();
    assert_eq!(locked.status.code(), Some(0), "{locked:?}");
    let twice = by("lock").await.unwrap();
    assert_eq!(twice.status.code(), Some(1), "{twice:?}");
    assert!(String::from_utf8_lossy(&twice.stdout).contains("refused (used)"), "{twice:?}");
    let status = setup.run(&["status"], &["--json"]);
    assert_eq!(status.status.code(), Some(0), "{status:?}");
}
