//! NATS servers as the tests start them: two that tests share, and ones that a test may stop and start.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::shared_server::{Recipe, SharedServer, or_skip};

/// How the server is configured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// As it comes: JetStream syncs every two minutes.
    Default,
    Always,
}

/// The server of this kind, or the test is skipped.
pub(crate) fn shared(sync: Sync, test: &str) -> Option<&'static SharedServer> {
    static DEFAULT: OnceLock<Result<SharedServer, String>> = OnceLock::new();
    static ALWAYS: OnceLock<Result<SharedServer, String>> = OnceLock::new();
    let (cell, recipe) = match sync {
        Sync::Default => {
            (&DEFAULT, Recipe { name: "nats", prepare: |_| program().map(drop), run: run_default, answers })
        }
        Sync::Always => (
            &ALWAYS,
            Recipe { name: "nats-sync", prepare: |_| program().map(drop), run: run_always, answers },
        ),
    };
    let server = cell.get_or_init(|| SharedServer::get(&recipe));
    if or_skip(server, test, "nats-server") { None } else { server.as_ref().ok() }
}

pub(crate) fn address(port: u16) -> String {
    format!("nats://localhost:{port}")
}

/// Beside the tests' Python, whose package brings it, or on the path.
fn program() -> Result<PathBuf, String> {
    let beside = std::env::var_os("OPENFACTORY_PYTHON").map(PathBuf::from);
    let beside = beside.and_then(|python| Some(python.parent()?.join("nats-server")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("nats-server"));
    let found = beside.into_iter().chain(on_path).find(|file| file.is_file());
    let found = found.ok_or("no nats-server beside OPENFACTORY_PYTHON or on the path")?;
    let version = Command::new(&found).arg("--version").output().map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    // nats-server: v2.15.1
    let minor = version.split_once("v2.").and_then(|(_, rest)| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor < 10) { Err(format!("{version} is too old")) } else { Ok(found) }
}

fn run_default(dir: &Path, port: u16) -> Result<Command, String> {
    command(dir, port, Sync::Default, "")
}

fn run_always(dir: &Path, port: u16) -> Result<Command, String> {
    command(dir, port, Sync::Always, "")
}

fn command(dir: &Path, port: u16, sync: Sync, more: &str) -> Result<Command, String> {
    let always = if sync == Sync::Always { "sync_interval: always" } else { "" };
    let store = dir.join("store");
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\"\n{always} }}\n{more}\n",
        store.display()
    );
    let file = dir.join("server.conf");
    fs::write(&file, text).map_err(|error| error.to_string())?;
    let mut command = Command::new(program()?);
    command.arg("-c").arg(file);
    Ok(command)
}

/// Its log says when JetStream is there too; the port alone answers before.
fn answers(dir: &Path, port: u16) -> bool {
    let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
    log.contains("Server is ready") && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// A server of one test's own.
pub(crate) struct OwnServer {
    dir: tempfile::TempDir,
    pub(crate) port: u16,
    sync: Sync,
    more: String,
    child: Option<Child>,
}

impl OwnServer {
    /// None if there is no program, which was said aloud.
    pub(crate) fn start(test: &str, sync: Sync, more: impl FnOnce(&Path) -> String) -> Option<Self> {
        if or_skip(&program(), test, "nats-server") {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let more = more(dir.path());
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut server = Self { dir, port, sync, more, child: None };
        server.up();
        Some(server)
    }

    pub(crate) fn up(&mut self) {
        let log = fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = command(self.dir.path(), self.port, self.sync, &self.more).unwrap();
        let errors = log.try_clone().unwrap();
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while !answers(self.dir.path(), self.port) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it.
    pub(crate) fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.down();
    }
}
