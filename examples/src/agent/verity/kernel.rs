//! The kernel's word: the root file system is served by a dm-verity target, and under which root hash.
//!
//! `/proc/self/mountinfo` says which device a path is on (proc(5)), sysfs whether that is a device-mapper device of
//! type verity, `dmsetup` shows its table and status (Documentation/admin-guide/device-mapper/verity.rst): the eighth
//! parameter of the table is the root hash, the status is `V` or, once a block did not match, `C`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::report::{VerityProof, VerityState};

/// Where the kernel is asked.
pub(super) struct Kernel {
    proc: PathBuf,
    sys: PathBuf,
    dmsetup: PathBuf,
}

impl Kernel {
    pub(super) fn system() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), dmsetup: "dmsetup".into() }
    }

    /// What guards the file system that `root` is on.
    ///
    /// # Errors
    /// Why nobody can say, for a person.
    pub(super) fn look(&self, root: &Path, signed: &Sha256Digest) -> Result<VerityState, String> {
        let device = self.device(root)?;
        let name = self.verity_name(&device)?;
        let table = self.ask("table", &name)?;
        let words: Vec<&str> = table.split_ascii_whitespace().collect();
        let (Some(&"verity"), Some(root_hash)) = (words.get(2), words.get(11)) else {
            return Err(format!("the table of {name} is none of dm-verity"));
        };
        let root_hash: Sha256Digest =
            root_hash.parse().map_err(|error| format!("the root hash of {name} can't be read: {error}"))?;
        let status = self.ask("status", &name)?;
        let broken = |reason: String| Ok(VerityState::Broken { root_hash, by: VerityProof::Kernel, reason });
        if root_hash != *signed {
            return broken(format!("the kernel checks against another root hash than the signed {signed}"));
        }
        match status.split_ascii_whitespace().nth(3) {
            Some("V") => Ok(VerityState::Proved { root_hash, by: VerityProof::Kernel }),
            Some("C") => broken("the kernel has met a block that does not match".to_owned()),
            _ => Err(format!("the status of {name} is none of dm-verity")),
        }
    }

    /// `major:minor` of the device that `root` is on: that of the mount whose mount point is its longest beginning,
    /// the last one where several were mounted over each other.
    fn device(&self, root: &Path) -> Result<String, String> {
        let path = self.proc.join("self/mountinfo");
        let bytes = fs::read(&path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
        let mounts = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
            let mut words = line.split(|byte| *byte == b' ').skip(2);
            let (device, _root, point) = (words.next()?, words.next()?, words.next()?);
            let point = unescaped(point);
            let point = Path::new(OsStr::from_bytes(&point));
            root.starts_with(point).then(|| (point.components().count(), device.to_owned()))
        });
        let (_, device) = mounts
            .max_by_key(|(length, _)| *length)
            .ok_or_else(|| format!("no mount holds {}", root.display()))?;
        String::from_utf8(device).map_err(|_| "mountinfo names no device".to_owned())
    }

    fn verity_name(&self, device: &str) -> Result<String, String> {
        let directory = self.sys.join("dev/block").join(device).join("dm");
        let read = |name: &str| fs::read_to_string(directory.join(name)).map(|text| text.trim().to_owned());
        match (read("uuid"), read("name")) {
            // cryptsetup's prefix for verity devices.
            (Ok(uuid), Ok(name)) if uuid.starts_with("CRYPT-VERITY-") => Ok(name),
            (Ok(_), Ok(name)) => Err(format!("the base is on {name}, which is no dm-verity device")),
            _ => Err(format!("the base is on device {device}, which is no device-mapper device")),
        }
    }

    fn ask(&self, what: &str, name: &str) -> Result<String, String> {
        let program = self.dmsetup.display();
        let asked = Command::new(&self.dmsetup).args([what, name]).env("LC_ALL", "C").output();
        let output = asked.map_err(|error| format!("{program} can't be run: {error}"))?;
        if !output.status.success() {
            return Err(format!("{program} {what} {name} ended with {}", output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A mount point as mountinfo has it: blank, tab, newline and backslash are three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let octal = (first == b'\\').then(|| after.get(..3)).flatten();
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match value {
            Some(value) => {
                bytes.push(value);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A machine whose base is on the verity device `vroot`, with this root hash and status.
    fn machine(folder: &Path, uuid: &str, root_hash: &str, status: &str) -> Kernel {
        fs::create_dir_all(folder.join("proc/self")).unwrap();
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      30 22 253:0 / /run/open\\040factory/base ro - squashfs /dev/dm-0 ro\n";
        fs::write(folder.join("proc/self/mountinfo"), mounts).unwrap();
        let dm = folder.join("sys/dev/block/253:0/dm");
        fs::create_dir_all(&dm).unwrap();
        fs::write(dm.join("uuid"), format!("{uuid}\n")).unwrap();
        fs::write(dm.join("name"), "vroot\n").unwrap();
        let dmsetup = folder.join("dmsetup");
        let script = format!(
            "#!/bin/sh\n[ \"$2\" = vroot ] || exit 1\ncase $1 in\n\
             table) echo '0 2048 verity 1 8:2 8:3 4096 4096 256 1 sha256 {root_hash} aabb';;\n\
             status) echo '0 2048 verity {status}';;\nesac\n"
        );
        fs::write(&dmsetup, script).unwrap();
        fs::set_permissions(&dmsetup, fs::Permissions::from_mode(0o755)).unwrap();
        Kernel { proc: folder.join("proc"), sys: folder.join("sys"), dmsetup }
    }

    #[test]
    fn the_kernels_table_and_status_decide() {
        let folder = tempfile::tempdir().unwrap();
        let signed = Sha256Digest::of(b"root");
        let base = Path::new("/run/open factory/base");
        let look = |uuid: &str, root_hash: &str, status: &str| {
            machine(folder.path(), uuid, root_hash, status).look(base, &signed)
        };
        let (uuid, hex) = ("CRYPT-VERITY-0123-vroot", signed.to_string());
        let proved = VerityState::Proved { root_hash: signed, by: VerityProof::Kernel };
        assert_eq!(look(uuid, &hex, "V"), Ok(proved));
        assert!(matches!(look(uuid, &hex, "C"), Ok(VerityState::Broken { .. })));
        let other = Sha256Digest::of(b"other").to_string();
        assert!(matches!(look(uuid, &other, "V"), Ok(VerityState::Broken { .. })));
        for (uuid, hex, status) in
            [("LVM-x", hex.as_str(), "V"), (uuid, "zz", "V"), (uuid, &hex, "?"), (uuid, &hex, "")]
        {
            assert!(look(uuid, hex, status).is_err(), "{uuid} {status}: nobody can say, so it is no finding");
        }
        let kernel = machine(folder.path(), uuid, &hex, "V");
        let elsewhere = kernel.look(Path::new("/etc"), &signed).unwrap_err();
        assert!(elsewhere.contains("no device-mapper device"), "{elsewhere}");
    }
}
