//! PostgreSQL: our backend and pgmq's SQL on one server, which is started here with its own settings, syncs included.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use openfactory_queue::SyncQueue as _;
use openfactory_queue::backend::postgres::{PostgresConfig, PostgresQueue};

use crate::deliver::Measured;
use crate::{Result, deliver, load, pgmq};

/// So many messages wait at first, at either.
pub(crate) const WAITING: u64 = 60_000;

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    stop: Command,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody wants the data, but what it shares with the system is to be given back.
        if !self.stop.status().is_ok_and(|status| status.success()) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

impl Server {
    /// Starts one on a socket in `directory`; nothing if there is no PostgreSQL.
    pub(crate) async fn start(directory: &Path) -> Result<Option<Self>> {
        let [Some(initdb), Some(postgres), Some(pg_ctl)] = ["initdb", "postgres", "pg_ctl"].map(program)
        else {
            return Ok(None);
        };
        std::fs::create_dir(directory)?;
        let data = directory.join("data");
        let mut prepare = unprivileged(&initdb, directory)?;
        prepare.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        let output = prepare.output()?;
        if !output.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let mut serve = unprivileged(&postgres, directory)?;
        serve.arg("-D").arg(&data).arg("-k").arg(directory).args(["-c", "listen_addresses="]);
        let child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut stop = unprivileged(&pg_ctl, directory)?;
        stop.args(["stop", "-m", "immediate", "-s", "-D"]).arg(&data);
        let address = format!("host={} user=postgres dbname=postgres", directory.display());
        let server = Self { child, stop, address };
        let began = Instant::now();
        while tokio_postgres::connect(&server.address, tokio_postgres::NoTls).await.is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("PostgreSQL does not come up".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Some(server))
    }

    /// Messages leased and acked a second by our backend, in order.
    pub(crate) async fn ours(&self, span: Duration, round: usize) -> Result<Measured> {
        let config = PostgresConfig::new(&self.address)?.schema(format!("bench_{round}"))?;
        let queue = PostgresQueue::open(config).await?;
        load::fill(&queue, WAITING).await?;
        let measured = deliver::drain(&queue, span).await?;
        queue.close().await?;
        Ok(measured)
    }

    /// The same by pgmq's SQL.
    pub(crate) async fn pgmq(&self, span: Duration, round: usize) -> Result<Measured> {
        pgmq::measure(&self.address, span, round, WAITING).await
    }
}

/// Where Debian puts the programs, the newest version.
fn program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop()
}

/// A command as a user that PostgreSQL runs as: root sends `nobody` instead, and gives it the directory.
fn unprivileged(program: &Path, directory: &Path) -> Result<Command> {
    let id = |arguments: &[&str]| -> Result<u32> {
        let output = Command::new("id").args(arguments).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    if id(&["-u"])? != 0 {
        return Ok(Command::new(program));
    }
    let (uid, gid) = (id(&["-u", "nobody"])?, id(&["-g", "nobody"])?);
    chown(directory, Some(uid), Some(gid))?;
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg(program);
    command.current_dir(directory);
    Ok(command)
}
