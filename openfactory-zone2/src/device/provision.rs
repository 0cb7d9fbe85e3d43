//! The first values of a device's overlay: checked, written, made durable, and only then the device is born.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::Sha256Digest;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::{Zone, look};
use crate::check::{self, Results};
use crate::durable;
use crate::live::LiveFacts;
use crate::lockdown::LockdownRecord;
use crate::lockdown::store::{LockdownStore, Lost, StoreError};
use crate::migrate::wipe;
use crate::policy::Policy;
use crate::scan::{Found, Kind, Scan, device_path};
use crate::value::Observer;

/// Stands in the state's directory from before the first value is written until the device is born.
const BEGUN: &str = "provisioning";

/// What provisioning came to.
#[derive(Debug)]
pub enum Provisioned {
    /// The device is born Unlocked: its record, and how many entries were written.
    Born(LockdownRecord, usize),
    /// The values break the policy, or could not be checked. Nothing was written.
    BadValues(Results),
}

/// Why a device was not provisioned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// The overlay holds something that no provisioning that was cut short has left.
    #[error("the overlay is not empty: this device was provisioned before")]
    NotEmpty,
    /// What was checked is not what would have been written.
    #[error("{path} has changed since it was checked")]
    Changed {
        /// Where, in the overlay.
        path: String,
    },
    /// The system would not.
    #[error("cannot {action} {path}")]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The lockdown record can't be begun; above all because there is one.
    #[error("the device can't be born")]
    Lockdown(#[source] StoreError),
}

impl From<StoreError> for ProvisionError {
    fn from(error: StoreError) -> Self {
        Self::Lockdown(error)
    }
}

impl From<durable::Failed> for ProvisionError {
    fn from(error: durable::Failed) -> Self {
        Self::Lockdown(error.into())
    }
}

/// Fills the empty overlay at `root` with the tree `values` and bears the device Unlocked, its record in `state`. Both directories
/// are made if they aren't there.
///
/// Everything is held against the policy before anything is written, and what is written is, byte for byte, what was checked.
/// No link is followed, on neither side; extended attributes are not taken over. The record is written when all else is on the
/// disk: after a crash at any instant there is a device that was born whole, or none, and then this begins anew.
///
/// ```
/// use openfactory_zone2::device::{Provisioned, provision};
/// use openfactory_zone2::{LockdownState, live::FixedFacts, policy::Policy};
///
/// let policy = Policy::parse(br#"{"version": 1, "paths": []}"#, br#"{"version": 1, "constraints": []}"#)?;
/// let (folder, now) = (tempfile::tempdir()?, std::time::SystemTime::now());
/// let [values, zone, state] = ["values", "zone", "state"].map(|name| folder.path().join(name));
/// std::fs::create_dir(&values)?;
/// let born = provision(&values, &zone, &state, &policy, &FixedFacts::default(), now)?;
/// assert!(matches!(born, Provisioned::Born(record, 0) if record.state() == LockdownState::Unlocked));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ProvisionError`]. No device was born; what was written until then, the next call takes away.
pub fn provision(
    values: &Path,
    root: &Path,
    state: &Path,
    policy: &Policy,
    facts: &dyn LiveFacts,
    now: SystemTime,
) -> Result<Provisioned, ProvisionError> {
    let values = Zone::open(values).map_err(failed("open", &values.to_string_lossy()))?;
    let scan = values.scan(&policy.manifest);
    let mut observer = Observer::new(&values, facts);
    let found = check::constraints(&policy.constraints, now, |place| observer.observe(place));
    let results = check::manifest(&scan, &policy.manifest).and(found);
    if !results.findings.is_empty() || !results.not_checked.is_empty() {
        return Ok(Provisioned::BadValues(results));
    }
    let store = LockdownStore::new(state);
    if !matches!(store.load(now).lost, Some(Lost::Missing)) {
        return Err(StoreError::Exists.into());
    }
    begin(root, state)?;
    let zone = Zone::open(root).map_err(failed("open", &root.to_string_lossy()))?;
    fill(&values, &scan, &zone)?;
    let record = store.provision(now)?;
    durable::discard(state, BEGUN)?;
    Ok(Provisioned::Born(record, scan.entries.len()))
}

/// Has an empty overlay, and a mark that tells what is in it from now on from what belongs to somebody.
fn begin(root: &Path, state: &Path) -> Result<(), ProvisionError> {
    let name = root.to_string_lossy();
    for directory in [root, state] {
        fs::create_dir_all(directory).map_err(failed("create", &directory.to_string_lossy()))?;
        if let Some(above) = directory.parent().filter(|above| !above.as_os_str().is_empty()) {
            durable::sync(above)?;
        }
    }
    let mut held = fs::read_dir(root).map_err(failed("list", &name))?;
    if held.next().is_some() {
        let mark = state.join(BEGUN);
        if !mark.try_exists().map_err(failed("look at", &mark.to_string_lossy()))? {
            return Err(ProvisionError::NotEmpty);
        }
        wipe(root).map_err(failed("empty", &name))?;
    }
    // It names the overlay for whoever looks; that it is there is what counts.
    Ok(durable::replace(state, BEGUN, root.as_os_str().as_bytes())?)
}

/// Writes what a scan found into an empty zone, and makes it durable.
fn fill(values: &Zone, scan: &Scan, zone: &Zone) -> Result<(), ProvisionError> {
    for found in &scan.entries {
        write(values, found, zone)?;
    }
    // A directory gets its mode when there is nothing more to be written into it.
    for found in scan.entries.iter().rev().filter(|found| found.kind == Kind::Directory) {
        let path = device_path(&found.path);
        let opened = look::directory(&zone.root, found.path.as_bytes());
        let opened = opened.map_err(system("open", &path))?;
        finish(&opened, found).map_err(failed("finish", &path))?;
    }
    let root = look::directory(&zone.root, b"").map_err(system("open", "/"))?;
    rustix::fs::fsync(&root).map_err(system("sync", "/"))
}

fn write(values: &Zone, found: &Found, zone: &Zone) -> Result<(), ProvisionError> {
    let path = device_path(&found.path);
    let whole = found.path.as_bytes();
    let split = whole.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = split.map_or((&[][..], whole), |at| (&whole[..at], &whole[at + 1..]));
    let changed = || ProvisionError::Changed { path: path.clone() };
    let into = look::directory(&zone.root, parent).map_err(system("open", &path))?;
    let to = CString::new(name).map_err(|_nul| changed())?;
    let pinned = look::directory(&values.root, parent).and_then(|from| look::pin(&from, name));
    let (pinned, stat) = pinned.map_err(|_gone| changed())?;
    match &found.kind {
        Kind::Directory => rustix::fs::mkdirat(&into, &to, Mode::RWXU).map_err(system("create", &path)),
        Kind::Symlink { target } => {
            let (uid, gid) = owner(found);
            let made = rustix::fs::symlinkat(target.as_slice(), &into, &to).and_then(|()| {
                rustix::fs::chownat(&into, &to, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            });
            made.map_err(system("create", &path))
        }
        Kind::File { size, digest, .. } => {
            if !look::is_file(&stat) {
                return Err(changed());
            }
            let from = look::open_pinned(&pinned).map_err(system("open", &path))?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let to = rustix::fs::openat(&into, &to, flags, Mode::RUSR | Mode::WUSR);
            let to = File::from(to.map_err(system("create", &path))?);
            // One byte more than was checked is read, so that it is missed.
            let copied = Sha256Digest::of_reader(Tee { from: from.take(size.saturating_add(1)), to: &to });
            let (is, length) = copied.map_err(failed("write", &path))?;
            if length != *size || digest.is_some_and(|digest| digest != is) {
                return Err(changed());
            }
            finish(&to, found).map_err(failed("finish", &path))
        }
        // The policy allows no others.
        _ => Err(changed()),
    }
}

/// Owner, then mode, since a change of owner takes set-id bits away; then all of it is on the disk.
fn finish(opened: impl AsFd, found: &Found) -> io::Result<()> {
    let (uid, gid) = owner(found);
    rustix::fs::fchown(&opened, Some(uid), Some(gid))?;
    rustix::fs::fchmod(&opened, Mode::from_raw_mode(found.mode))?;
    Ok(rustix::fs::fsync(&opened)?)
}

fn owner(found: &Found) -> (Uid, Gid) {
    (Uid::from_raw(found.owner.uid), Gid::from_raw(found.owner.gid))
}

/// Writes down what is read.
struct Tee<'t, R> {
    from: R,
    to: &'t File,
}

impl<R: io::Read> io::Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.to.write_all(buffer.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}

fn failed(action: &'static str, path: &str) -> impl FnOnce(io::Error) -> ProvisionError {
    let path = path.to_owned();
    move |source| ProvisionError::Io { action, path, source }
}

fn system(action: &'static str, path: &str) -> impl FnOnce(Errno) -> ProvisionError {
    let failed = failed(action, path);
    move |errno| failed(errno.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::Manifest;

    /// Something is changed between the check and the writing.
    fn changed(what: impl FnOnce(&Path)) -> ProvisionError {
        let folder = tempfile::tempdir().unwrap();
        let (values, root) = (folder.path().join("values"), folder.path().join("root"));
        for directory in [&values, &root, &values.join("etc"), &folder.path().join("etc")] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(values.join("etc/a.conf"), "a=1\n").unwrap();
        fs::write(folder.path().join("etc/a.conf"), "b=1\n").unwrap();
        let rules = br#"{"version": 1, "paths": [{"path": "/etc/a.conf", "kind": "file", "mode": "0644", "max_size": 9,
            "owner": {"uid": 0, "gid": 0}, "class": "sealed"}]}"#;
        let scan = Zone::open(&values).unwrap().scan(&Manifest::parse(rules).unwrap());
        what(folder.path());
        fill(&Zone::open(&values).unwrap(), &scan, &Zone::open(&root).unwrap()).unwrap_err()
    }

    #[test]
    fn what_was_checked_is_what_is_written() {
        for content in ["a=2\n", "a=1\n\n", "a"] {
            let error = changed(|folder| fs::write(folder.join("values/etc/a.conf"), content).unwrap());
            assert!(matches!(&error, ProvisionError::Changed { path } if path == "/etc/a.conf"), "{error:?}");
        }
        let error = changed(|folder| fs::remove_file(folder.join("values/etc/a.conf")).unwrap());
        assert!(matches!(error, ProvisionError::Changed { .. }), "{error:?}");
    }

    #[test]
    fn no_link_is_followed_on_either_side() {
        let error = changed(|folder| {
            fs::rename(folder.join("values/etc"), folder.join("values/old")).unwrap();
            symlink(folder.join("etc"), folder.join("values/etc")).unwrap();
        });
        assert!(matches!(error, ProvisionError::Changed { .. }), "{error:?}");
        let error = changed(|folder| symlink(folder.join("etc"), folder.join("root/etc")).unwrap());
        assert!(matches!(error, ProvisionError::Io { action: "create", .. }), "{error:?}");
    }
}
