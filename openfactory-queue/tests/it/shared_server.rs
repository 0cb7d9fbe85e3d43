//! A server that all tests of a run share, though each may be a process of its own.
//!
//! The first test starts it, whoever is there holds a shared lock on a file, and a watchman that outlives the tests
//! stops the server and deletes its files when nobody has held that lock for a while.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A server for whoever holds this.
#[derive(Debug)]
pub(crate) struct SharedServer {
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "PostgreSQL is reached by its files"))]
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
    _user: File,
}

/// What is to be known to share a server.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    /// Makes the files in the directory, before the first start.
    pub(crate) prepare: fn(&Path) -> Result<(), String>,
    /// The command that runs it on this port of loopback.
    pub(crate) run: fn(&Path, u16) -> Result<Command, String>,
    /// Whether it answers.
    pub(crate) answers: fn(&Path, u16) -> bool,
}

impl SharedServer {
    pub(crate) fn get(recipe: &Recipe) -> Result<Self, String> {
        let dir = directory(recipe.name);
        let beside = |end: &str| PathBuf::from(format!("{}.{end}", dir.display()));
        let starting = lock_file(&beside("start"))?;
        starting.lock().map_err(|error| format!("lock: {error}"))?;
        let user = lock_file(&beside("users"))?;
        user.lock_shared().map_err(|error| format!("lock: {error}"))?;
        let noted = fs::read_to_string(dir.join("port")).ok().and_then(|port| port.trim().parse().ok());
        let port = match noted {
            Some(port) if (recipe.answers)(&dir, port) => port,
            _ => start(recipe, &dir, &beside("users"))?,
        };
        Ok(Self { dir, port, _user: user })
    }
}

/// One directory for each build directory, so that two runs side by side have two servers.
fn directory(name: &str) -> PathBuf {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    std::env::current_exe().ok().as_deref().and_then(Path::parent).hash(&mut hasher);
    std::env::temp_dir().join(format!("openfactory-{name}-{:016x}", hasher.finish()))
}

fn lock_file(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    file.map_err(|error| format!("{}: {error}", path.display()))
}

fn start(recipe: &Recipe, dir: &Path, users: &Path) -> Result<u16, String> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    (recipe.prepare)(dir)?;
    let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = free.map_err(|error| format!("no free port: {error}"))?.port();
    let log = File::create(dir.join("log")).map_err(|error| format!("log: {error}"))?;
    let errors = log.try_clone().map_err(|error| format!("log: {error}"))?;
    let mut run = (recipe.run)(dir, port)?;
    let server = run.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
    let mut server = server.map_err(|error| format!("{}: {error}", recipe.name))?;
    watch(dir, users, server.id())?;
    let begun = Instant::now();
    while !(recipe.answers)(dir, port) {
        let ended = server.try_wait().map_err(|error| error.to_string())?;
        if ended.is_some() || begun.elapsed() > Duration::from_secs(60) {
            let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
            return Err(format!("{} does not come up: {log}", recipe.name));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::write(dir.join("port"), port.to_string()).map_err(|error| format!("port: {error}"))?;
    Ok(port)
}

/// Stops the server some seconds after the last user has gone.
fn watch(dir: &Path, users: &Path, pid: u32) -> Result<(), String> {
    let script = "while kill -0 \"$1\" 2>/dev/null; do
            sleep 3
            flock -n -x \"$2\" sh -c '
                kill -INT \"$1\"
                n=0; while kill -0 \"$1\" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
                kill -KILL \"$1\" 2>/dev/null
                rm -rf \"$2\"' sh \"$1\" \"$3\" && break
        done";
    let mut call = Command::new("setsid");
    call.args(["sh", "-c", script, "sh"]).arg(pid.to_string()).arg(users).arg(dir);
    call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    call.spawn().map(drop).map_err(|error| format!("setsid: {error}"))
}

/// The server, or none if it is not installed: then the test is skipped aloud, or fails where nothing may be skipped.
pub(crate) fn or_skip<T>(got: &Result<T, String>, test: &str, needs: &str) -> bool {
    let Err(reason) = got else { return false };
    assert!(
        std::env::var_os("OPENFACTORY_STRICT").is_none_or(|strict| strict != "1"),
        "{test} needs {needs}: {reason}"
    );
    eprintln!("SKIPPED: {test}: needs {needs} ({reason})");
    true
}
