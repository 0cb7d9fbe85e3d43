//! Verification of a seal over 10,000 files, against `aide --check` with SHA-256 over the same files.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use openfactory_attest::Sha256Digest;
use openfactory_benches::median_time;
use openfactory_zone2::device::{Snapshot, Zone};
use openfactory_zone2::seal::Binding;
use openfactory_zone2::{Manifest, Seal};

use super::{Result, judge};

pub(crate) const FILES: usize = 10_000;
const GOAL: f64 = 5.0;

/// Files of some kilobytes, and the manifest that allows them.
pub(crate) fn files(root: &Path) -> Result<Manifest> {
    for number in 0..FILES {
        let folder = root.join(format!("etc/d{:03}", number % 100));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("f{number}")), format!("value {number}\n").repeat(100 + number % 300))?;
    }
    manifest(root)
}

/// What allows them.
pub(crate) fn manifest(root: &Path) -> Result<Manifest> {
    let owner = fs::metadata(root)?;
    let owner = {
        use std::os::unix::fs::MetadataExt as _;
        format!(r#""owner": {{"uid": {}, "gid": {}}}, "class": "sealed""#, owner.uid(), owner.gid())
    };
    let rules = format!(
        r#"{{"version": 1, "paths": [{{"path": "/**", "kind": "directory", "mode": "0755", {owner}}},
           {{"path": "/**", "kind": "file", "mode": "0644", "max_size": 65536, {owner}}}]}}"#
    );
    Ok(Manifest::parse(rules.as_bytes())?)
}

pub(crate) fn measure(dir: &Path, rounds: usize) -> Result<bool> {
    let folder = tempfile::tempdir_in(dir)?;
    let root = folder.path().canonicalize()?.join("zone");
    fs::create_dir(&root)?;
    let manifest = files(&root)?;
    let zone = Zone::open(&root)?;
    let policy = Sha256Digest::of(b"policy");
    let binding = Binding::new("press-1", SystemTime::UNIX_EPOCH, "lock-1", policy);
    let seal = Seal::of(&zone.scan(&manifest), binding)?;
    // Whoever starts after the last change knows that nothing changed in the same second.
    std::thread::sleep(Duration::from_secs(2));
    let (_, mut seen) = zone.scan_changed(&manifest, &Snapshot::default());
    let configuration = folder.path().join("aide.conf");
    let (old, new) = (folder.path().join("aide.db"), folder.path().join("aide.db.new"));
    fs::write(
        &configuration,
        format!(
            "database_in=file:{}\ndatabase_out=file:{}\ngzip_dbout=no\nreport_url=stdout\n{} p+u+g+ftype+s+sha256+xattrs\n",
            old.display(),
            new.display(),
            root.display()
        ),
    )?;
    let aide = |action: &str| -> std::io::Result<bool> {
        let mut command = Command::new("aide");
        command.arg(action).arg("--config").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status()?.success())
    };
    let rival = match aide("--init") {
        Ok(true) => {
            fs::rename(&new, &old)?;
            true
        }
        Ok(false) => return Err("aide --init failed".into()),
        Err(error) => {
            println!("seal verification: not measured against aide: {error}");
            false
        }
    };
    let (mut theirs, mut whole, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        if rival {
            let begun = Instant::now();
            if !aide("--check")? {
                return Err("aide --check found something".into());
            }
            theirs.push(begun.elapsed());
        }
        let begun = Instant::now();
        let check = seal.check(&zone.scan(&manifest));
        whole.push(begun.elapsed());
        if !check.differences.is_empty() || !check.unread.is_empty() {
            return Err("the seal does not hold".into());
        }
        let begun = Instant::now();
        let (scan, next) = zone.scan_changed(&manifest, &seen);
        if !seal.check(&scan).differences.is_empty() {
            return Err("the seal does not hold".into());
        }
        changed.push(begun.elapsed());
        seen = next;
    }
    let (whole, changed) = (median_time(whole), median_time(changed));
    println!("seal of {FILES} files: whole {whole:.3?}, nothing changed {changed:.3?}");
    if !rival {
        return Ok(true);
    }
    let theirs = median_time(theirs);
    println!("aide --check: {theirs:.3?}");
    Ok(judge("seal verification", theirs.as_secs_f64() / whole.as_secs_f64(), GOAL))
}
