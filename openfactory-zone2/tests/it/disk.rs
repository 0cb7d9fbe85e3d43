//! A real ext4 on a loop device, as root.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// Loop devices, audit rules and gates are the whole machine's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A file system of its own, as long as this lives.
pub(crate) struct Disk {
    folder: TempDir,
    mounts: Vec<PathBuf>,
    _alone: MutexGuard<'static, ()>,
}

/// Runs a program that has to succeed.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    told
}

/// Says out loud that a test is skipped, or fails where nothing may be.
pub(crate) fn skipped(test: &str, needs: &str) {
    let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
    assert!(!strict, "{test}: needs {needs}");
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: {test}: needs {needs}").unwrap();
}

impl Disk {
    /// An empty ext4 of 64 MiB with the directories `etc` and `var/log`; none, said out loud, where there can't be one.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skipped(test, "root");
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", "-m", "0", image.to_str().unwrap()]);
        let root = folder.path().join("zone");
        fs::create_dir(&root).unwrap();
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let mounted = Command::new("mount")
            .args(["-o", "loop"])
            .args([&image, &root])
            .env("PATH", path)
            .output()
            .unwrap();
        if !mounted.status.success() {
            skipped(test, &format!("loop devices: {}", String::from_utf8_lossy(&mounted.stderr).trim()));
            return None;
        }
        let disk = Self { folder, mounts: vec![root], _alone: alone };
        fs::remove_dir(disk.root().join("lost+found")).unwrap();
        for name in ["etc", "var", "var/log"] {
            fs::create_dir(disk.root().join(name)).unwrap();
            fs::set_permissions(disk.root().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(disk)
    }

    /// Where it is mounted.
    pub(crate) fn root(&self) -> &Path {
        &self.mounts[0]
    }

    /// Another directory beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Mounts something more, until the disk goes.
    pub(crate) fn mount(&mut self, arguments: &[&str], at: &Path) {
        run("mount", &[arguments, &[at.to_str().unwrap()]].concat());
        self.mounts.push(at.to_owned());
    }

    /// Takes away what was mounted last.
    pub(crate) fn unmount(&mut self) {
        let mount = self.mounts.pop().unwrap();
        run("umount", &[mount.to_str().unwrap()]);
    }

    pub(crate) fn remount(&self, how: &str) {
        run("mount", &["-o", &format!("remount,{how}"), self.root().to_str().unwrap()]);
    }

    /// The loop device.
    pub(crate) fn device(&self) -> PathBuf {
        run("findmnt", &["-n", "-o", "SOURCE", self.root().to_str().unwrap()]).trim().into()
    }

    /// Writes a file as the manifest of these tests wants it.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.root().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for mount in self.mounts.iter().rev() {
            let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
            let _ = Command::new("umount").arg("-l").arg(mount).env("PATH", path).status();
        }
    }
}
