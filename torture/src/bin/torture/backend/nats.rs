//! NATS JetStream: a server of our own on loopback.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use openfactory_queue::SyncQueue;
use openfactory_queue::backend::nats::{NatsConfig, NatsQueue, ServerSync};
use openfactory_queue::backend::tls::Tls;
use openfactory_queue::clock::Clock;

use super::{Later, Server};
use crate::{Result, child, process};

/// So many routers share the queue in each life.
const HANDLES: usize = 2;

/// How long a server may take to recover.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, and what it keeps where.
pub(super) struct Nats {
    configuration: PathBuf,
    log: PathBuf,
    running: Option<Child>,
}

impl Nats {
    pub(super) fn new(place: &Path, disk: &Path, synced: bool) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        fs::write(port_file(place), port.to_string())?;
        let (configuration, log) = (place.join("nats.conf"), place.join("server.log"));
        let sync = if synced { "sync_interval: always" } else { "" };
        let store = disk.join("jetstream");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{\nstore_dir: \"{}\"\nmax_file_store: 512MB\n{sync}\n}}\n",
            store.display()
        );
        fs::write(&configuration, text)?;
        Ok(Self { configuration, log, running: None })
    }
}

impl Server for Nats {
    fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let said = log.metadata()?.len();
        let mut command = Command::new(program()?);
        command.arg("-c").arg(&self.configuration).stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        let child = self.running.insert(child);
        let begun = Instant::now();
        loop {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let new = log.get(usize::try_from(said)?..).unwrap_or_default();
            if new.contains("Server is ready") {
                return Ok(());
            }
            if child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err(format!("the server does not come up: {new}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn stop(&self) -> Result<()> {
        self.running.as_ref().map_or(Ok(()), |server| process::stop_tree(server.id()))
    }

    fn kill(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), process::kill_tree)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("the server may still run: {error}");
        }
    }
}

pub(super) fn missing() -> Option<String> {
    program().err().map(|error| error.to_string())
}

fn port_file(place: &Path) -> PathBuf {
    place.join("port")
}

pub(super) fn address(place: &Path) -> String {
    // Without it the server was not made, and the address is refused.
    fs::read_to_string(port_file(place))
        .map_or_else(|_| String::new(), |port| format!("nats://127.0.0.1:{port}"))
}

/// Opens it as routers do. A lease outlives its router, so each life begins when those of the one before have lapsed.
pub(super) async fn open(address: &str, life: u32, synced: bool) -> Result<Vec<Arc<dyn SyncQueue>>> {
    let clock: Arc<dyn Clock> = Arc::new(Later(child::TTL * 2 * life));
    let mut queues: Vec<Arc<dyn SyncQueue>> = Vec::with_capacity(HANDLES);
    let sync = if synced { ServerSync::Always } else { ServerSync::Interval };
    for _ in 0..HANDLES {
        let config = NatsConfig::new(address)?.tls(Tls::Off).clock(Arc::clone(&clock)).sync(sync);
        queues.push(Arc::new(NatsQueue::open(config).await?));
    }
    Ok(queues)
}

/// Beside the tests' Python, whose package brings it, or on the path.
fn program() -> Result<PathBuf> {
    let name = OsString::from("nats-server");
    let beside = std::env::var_os("OPENFACTORY_PYTHON").map(PathBuf::from);
    let beside = beside.and_then(|python| Some(python.parent()?.join(&name)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join(&name));
    let found = beside.into_iter().chain(on_path).find(|file| file.is_file());
    found.ok_or_else(|| "no nats-server beside OPENFACTORY_PYTHON or on the path".into())
}
