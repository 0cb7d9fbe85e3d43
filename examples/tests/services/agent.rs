//! `agent once`: what it finds, what it says, and that no report is lost while the router is away.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::key::KeyKind;
use openfactory_attest::manifest::DifferenceKind;
use openfactory_examples::agent::config::{AgentConfig, DEFAULTS};
use openfactory_examples::agent::{AgentError, AgentOutcome, CheckError, once};
use openfactory_examples::config::load;
use openfactory_queue::ErrorKind;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_sn::lifecycle::event::EventBody;
use tempfile::TempDir;

use crate::fixture::{Build, Mode, StubRouter, key, trust, write_key};

const DEVICE_KEY: u8 = 9;
const PLATFORM_KEY: u8 = 1;

struct Setup {
    build: Build,
    files: TempDir,
    router: StubRouter,
}

impl Setup {
    fn new() -> Self {
        let platform = key(PLATFORM_KEY);
        let build = Build::new("b-1", "as built\n", &platform);
        let files = tempfile::tempdir().unwrap();
        let trusted = trust("platform", KeyKind::BuildPlatformSigning, &platform);
        fs::write(files.path().join("trust.json"), trusted.to_json()).unwrap();
        write_key(&files.path().join("device.key"), &key(DEVICE_KEY));
        let router = StubRouter::start(
            trust("edge-1", KeyKind::DeviceAttestation, &key(DEVICE_KEY)),
            KeyKind::DeviceAttestation,
        );
        Self { build, files, router }
    }

    /// The configuration's file. Deadlines are short: tests that expect no delivery wait for them.
    fn file(&self) -> PathBuf {
        let (files, build) = (self.files.path().display(), &self.build);
        let text = format!(
            r#"
            [device]
            id = "edge-1"
            root = {:?}
            key_file = "{files}/device.key"
            [baseline]
            document = {:?}
            manifest = {:?}
            trust = "{files}/trust.json"
            [check]
            ownership = "never"
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
            self.router.url(),
        );
        let path = self.files.path().join("agent.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn config(&self) -> AgentConfig {
        load(DEFAULTS, Some(&self.file()), Vec::new()).unwrap()
    }

    async fn once(&self) -> Result<AgentOutcome, AgentError> {
        once(&self.config(), SystemTime::now(), Arc::new(|_done, _total| {})).await
    }

    fn tamper(&self) {
        fs::write(self.build.tree.join("etc/ssh/sshd_config"), "PermitRootLogin yes\n").unwrap();
    }

    /// Runs the binary, on a thread that may block.
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
        command.arg("once").arg("--config").arg(self.file()).args(arguments).env_remove("RUST_LOG");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_as_built_says_so_under_its_own_key() {
    let setup = Setup::new();
    let outcome = setup.once().await.unwrap();
    assert!(outcome.report.compliant() && outcome.is_delivered(), "{outcome:?}");
    let events = setup.router.events();
    let (event, _) = &events[0];
    assert_eq!((events.len(), event.source.as_str(), &event.id), (1, "/agent/edge-1", &outcome.event));
    let EventBody::DeviceReported(reported) = &event.body else { panic!("{event:?}") };
    assert_eq!(reported.report.device, "edge-1");
    assert_eq!(reported.report.build_id, "b-1");
    assert!(reported.report.checked_entries > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_named_and_every_report_has_an_id_of_its_own() {
    let setup = Setup::new();
    setup.tamper();
    fs::write(setup.build.tree.join("usr/bin/implant"), "x").unwrap();
    let first = setup.once().await.unwrap();
    let second = setup.once().await.unwrap();
    let found: Vec<_> =
        first.report.findings.iter().map(|finding| (finding.path.to_string(), finding.kind)).collect();
    assert_eq!(
        found,
        [
            ("./etc/ssh/sshd_config".to_owned(), DifferenceKind::Content),
            ("./usr/bin/implant".to_owned(), DifferenceKind::Added),
        ]
    );
    assert_ne!(first.event, second.event);
    assert_eq!(setup.router.events().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_wait_while_the_router_is_down_and_come_in_order() {
    let setup = Setup::new();
    setup.router.set(Mode::Down);
    let first = setup.once().await.unwrap();
    assert_eq!((first.delivery.waiting, first.delivery.delivered), (1, 0));
    assert!(first.delivery.last_failure.as_deref().unwrap().contains("503"));
    assert_eq!(first.report.nonce, None, "no challenge: it proves nothing about now");
    setup.tamper();
    let second = setup.once().await.unwrap();
    assert_eq!(second.delivery.waiting, 2);

    setup.router.set(Mode::Take);
    // The stub asks to wait for a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let third = setup.once().await.unwrap();
    assert_eq!((third.delivery.waiting, third.delivery.delivered), (0, 3));
    let ids: Vec<_> = setup.router.events().into_iter().map(|(event, _)| event.id).collect();
    assert_eq!(ids, [first.event, second.event, third.event]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_refused_for_good_does_not_hold_up_the_next() {
    let setup = Setup::new();
    setup.router.set(Mode::Refuse);
    let refused = setup.once().await.unwrap();
    assert_eq!((refused.delivery.refused, refused.delivery.waiting), (1, 0));
    assert!(!refused.is_delivered());
    setup.router.set(Mode::Unknown);
    let unknown = setup.once().await.unwrap();
    assert_eq!(
        (unknown.delivery.refused, unknown.delivery.waiting),
        (0, 1),
        "kept until the router knows the key"
    );
    setup.router.set(Mode::Take);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(setup.once().await.unwrap().delivery.delivered, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_checked_is_no_finding() {
    let setup = Setup::new();
    let check =
        async |config: &AgentConfig| match once(config, SystemTime::now(), Arc::new(|_done, _total| {}))
            .await
            .unwrap_err()
        {
            AgentError::Check(error) => error,
            error => panic!("{error:?}"),
        };

    let mut config = setup.config();
    config.device.root = setup.files.path().join("nowhere");
    assert!(matches!(check(&config).await, CheckError::Find { .. }));
    config.device.root = setup.build.image.clone();
    assert!(matches!(check(&config).await, CheckError::Tree { .. }));

    let stranger = Build::new("b-1", "as built\n", &key(2));
    let mut config = setup.config();
    config.baseline.document.clone_from(&stranger.document);
    assert!(matches!(check(&config).await, CheckError::Signature { .. }));

    let other = Build::new("b-2", "another\n", &key(PLATFORM_KEY));
    let mut config = setup.config();
    config.baseline.manifest.clone_from(&other.manifest);
    assert!(matches!(check(&config).await, CheckError::OtherManifest { .. }));

    let mut config = setup.config();
    config.baseline.manifest.clone_from(&setup.build.image);
    assert!(matches!(check(&config).await, CheckError::Content { expected: "manifest", .. }));

    let mut config = setup.config();
    config.baseline.document = setup.files.path().join("nowhere");
    assert!(matches!(check(&config).await, CheckError::Find { .. }));
    assert!(setup.router.events().is_empty(), "nothing was reported");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_at_a_time() {
    let setup = Setup::new();
    fs::create_dir(setup.files.path().join("state")).unwrap();
    let held = SqliteConfig::new(setup.files.path().join("state/queue.sqlite"));
    let _held = SqliteQueue::open(held).await.unwrap();
    let error = setup.once().await.unwrap_err();
    assert!(matches!(&error, AgentError::Queue(error) if error.kind() == ErrorKind::Locked), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_says_it_to_scripts() {
    let setup = Setup::new();
    let good = setup.run(&["--json"]).await;
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let json: serde_json::Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!((&json["compliant"], &json["delivered"]), (&true.into(), &true.into()));

    setup.tamper();
    let bad = setup.run(&[]).await;
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    let text = String::from_utf8(bad.stdout).unwrap();
    assert!(text.contains("./etc/ssh/sshd_config: content") && text.contains("NOT as built"), "{text}");

    setup.router.set(Mode::Down);
    let undelivered = setup.run(&["--json"]).await;
    assert_eq!(undelivered.status.code(), Some(2), "{undelivered:?}");
    let told = String::from_utf8(undelivered.stderr).unwrap();
    assert!(told.contains("1 kept in the queue for the next pass"), "{told}");
    let json: serde_json::Value = serde_json::from_slice(&undelivered.stdout).unwrap();
    assert_eq!((&json["compliant"], &json["waiting"]), (&false.into(), &1.into()));

    fs::write(setup.files.path().join("trust.json"), "{}").unwrap();
    let unchecked = setup.run(&["--json"]).await;
    assert_eq!((unchecked.status.code(), unchecked.stdout.len()), (Some(2), 0), "{unchecked:?}");
}
