//! PostgreSQL: a server of our own on a socket, started as a user that it runs as, killed with all its processes.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use openfactory_queue::SyncQueue;
use openfactory_queue::backend::postgres::{PostgresConfig, PostgresQueue};
use openfactory_queue::clock::Clock;

use super::{Later, Server};
use crate::process::{self, unprivileged};
use crate::{Result, child};

/// So many routers share the queue in each life.
const HANDLES: usize = 2;

/// How long a server may take to recover.
const PATIENCE: Duration = Duration::from_secs(60);

/// Beside the data directory: no TCP, a small log so that it is recycled within a run, room for it on a small disk.
const SETTINGS: [&str; 5] = [
    "listen_addresses=",
    "shared_buffers=64MB",
    "max_connections=50",
    "max_wal_size=128MB",
    "checkpoint_timeout=30s",
];

/// The server, and what it keeps where.
pub(super) struct Postgres {
    data: PathBuf,
    socket: PathBuf,
    log: PathBuf,
    synced: bool,
    running: Option<Child>,
}

impl Postgres {
    pub(super) fn new(place: &Path, disk: &Path, synced: bool) -> Result<Self> {
        let (data, socket, log) = (disk.join("data"), socket(place), place.join("server.log"));
        for directory in [&data, &socket] {
            fs::create_dir(directory)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
            if let Some((user, group)) = process::stand_in() {
                chown(directory, Some(user), Some(group))?;
            }
        }
        let mut initdb = unprivileged(&program("initdb")?, Path::new("/"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        let output = initdb.output()?;
        if !output.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(Self { data, socket, log, synced, running: None })
    }
}

/// Its own note says when it is ready, and the note of the server before it may still lie there.
fn is_ready(data: &Path, pid: u32) -> bool {
    let note = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = note.lines();
    lines.next().is_some_and(|first| first.trim() == pid.to_string())
        && lines.last().is_some_and(|status| status.trim() == "ready")
}

impl Server for Postgres {
    fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = unprivileged(&program("postgres")?, Path::new("/"));
        command.arg("-D").arg(&self.data).arg("-k").arg(&self.socket);
        let fsync = if self.synced { "fsync=on" } else { "fsync=off" };
        for setting in SETTINGS.into_iter().chain([fsync]) {
            command.arg("-c").arg(setting);
        }
        let (out, errors): (File, File) = (log.try_clone()?, log);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(errors).spawn()?;
        let pid = child.id();
        let child = self.running.insert(child);
        let begun = Instant::now();
        loop {
            let ended = child.try_wait()?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("the server does not come up: {log}").into());
            }
            if is_ready(&self.data, pid) {
                return Ok(());
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

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("the server may still run: {error}");
        }
    }
}

pub(super) fn missing() -> Option<String> {
    program("postgres").err().map(|error| error.to_string())
}

fn socket(place: &Path) -> PathBuf {
    place.join("socket")
}

pub(super) fn address(place: &Path) -> String {
    format!("host={} user=postgres dbname=postgres", socket(place).display())
}

/// Opens it as routers do. A lease outlives its router, so each life begins when those of the one before have lapsed.
pub(super) async fn open(address: &str, life: u32) -> Result<Vec<Arc<dyn SyncQueue>>> {
    let clock: Arc<dyn Clock> = Arc::new(Later(child::TTL * 2 * life));
    let mut queues: Vec<Arc<dyn SyncQueue>> = Vec::with_capacity(HANDLES);
    for _ in 0..HANDLES {
        let config = PostgresConfig::new(address)?.clock(Arc::clone(&clock)).connections(6);
        queues.push(Arc::new(PostgresQueue::open(config).await?));
    }
    Ok(queues)
}

/// Where Debian puts the programs, the newest version last.
fn program(name: &str) -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort();
    found.pop().ok_or_else(|| format!("no {name} below /usr/lib/postgresql").into())
}
