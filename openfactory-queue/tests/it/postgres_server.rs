//! PostgreSQL as the tests start it: on a socket, and with TLS and passwords on loopback.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::shared_server::{Recipe, SharedServer};

const RECIPE: Recipe = Recipe { name: "postgres", prepare, run, answers };

/// The password of the user `queue`, who is let in by TLS alone.
pub(crate) const PASSWORD: &str = "correct horse";

/// The server of this process.
pub(crate) fn server() -> &'static Result<SharedServer, String> {
    static SERVER: OnceLock<Result<SharedServer, String>> = OnceLock::new();
    SERVER.get_or_init(|| SharedServer::get(&RECIPE))
}

/// By the socket, as its superuser.
pub(crate) fn address(server: &SharedServer) -> String {
    format!("host={} port={} user=postgres dbname=postgres", server.dir.display(), server.port)
}

/// The root that signed its certificate.
pub(crate) fn root(server: &SharedServer) -> Vec<u8> {
    fs::read(server.dir.join("root.pem")).unwrap()
}

/// Its own note says when it is ready; the socket alone is there before.
fn answers(dir: &Path, port: u16) -> bool {
    let note = fs::read_to_string(dir.join("data/postmaster.pid")).unwrap_or_default();
    let ready = note.lines().last().is_some_and(|status| status.trim() == "ready");
    ready && UnixStream::connect(dir.join(format!(".s.PGSQL.{port}"))).is_ok()
}

/// Where Debian puts the programs, the newest version last.
fn program(name: &str) -> Result<PathBuf, String> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().ok_or_else(|| format!("no {name} below /usr/lib/postgresql"))
}

/// A command as a user that PostgreSQL runs as: anybody but root.
fn unprivileged(program: &Path, dir: &Path) -> Result<Command, String> {
    let Some((uid, gid)) = stand_in() else { return Ok(Command::new(program)) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg(program);
    command.current_dir(dir);
    Ok(command)
}

/// Whom root sends instead: the user and group of `nobody`.
fn stand_in() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    (id(&["-u"]) == Some(0)).then(|| id(&["-u", "nobody"]).zip(id(&["-g", "nobody"])))?
}

fn prepare(dir: &Path) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let owned = |path: &Path| match stand_in() {
        Some((uid, gid)) => chown(path, Some(uid), Some(gid)).map_err(io),
        None => Ok(()),
    };
    owned(dir)?;
    let data = dir.join("data");
    let mut initdb = unprivileged(&program("initdb")?, dir)?;
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data);
    let output = initdb.output().map_err(|error| format!("initdb: {error}"))?;
    if !output.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let rules = "local all all trust\nhostssl all queue 127.0.0.1/32 scram-sha-256\n";
    fs::write(data.join("pg_hba.conf"), rules).map_err(io)?;
    for (path, text) in certificates()?.map(|(name, text)| (dir.join(name), text)) {
        fs::write(&path, text).map_err(io)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(io)?;
        owned(&path)?;
    }
    Ok(())
}

fn certificates() -> Result<[(&'static str, String); 3], String> {
    let text = |error: rcgen::Error| error.to_string();
    let root_key = rcgen::KeyPair::generate().map_err(text)?;
    let mut root = rcgen::CertificateParams::new(Vec::new()).map_err(text)?;
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).map_err(text)?.pem();
    let key = rcgen::KeyPair::generate().map_err(text)?;
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).map_err(text)?;
    let issuer = rcgen::Issuer::new(root, root_key);
    let pem = server.signed_by(&key, &issuer).map_err(text)?.pem();
    Ok([("root.pem", root_pem), ("server.pem", pem), ("server.key", key.serialize_pem())])
}

fn run(dir: &Path, port: u16) -> Result<Command, String> {
    let mut command = unprivileged(&program("postgres")?, dir)?;
    command.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).arg("-p").arg(port.to_string());
    let certificate = format!("ssl_cert_file={}", dir.join("server.pem").display());
    let key = format!("ssl_key_file={}", dir.join("server.key").display());
    for setting in [
        "listen_addresses=127.0.0.1",
        "max_connections=200",
        "shared_buffers=64MB",
        "ssl=on",
        certificate.as_str(),
        key.as_str(),
    ] {
        command.arg("-c").arg(setting);
    }
    Ok(command)
}
