//! A disk whose power can be cut: ext4 on a loop device, whose file system is shut down by an ioctl.
//!
//! The shutdown is the one of the kernel's file system tests: with the flag for no log flush, nothing that was not
//! synced gets to the device any more. Unmounted and mounted again, the file system replays its journal as after a
//! power cut. What this does not model: torn sectors, and disks that lie about what they have written.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::ioctl;

use crate::Result;

/// `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`, of the kernel's `include/uapi/linux/ext4.h`.
const SHUTDOWN: ioctl::Opcode = ioctl::opcode::read::<u32>(b'X', 125);

/// `EXT4_GOING_FLAGS_NOLOGFLUSH`.
const NO_LOG_FLUSH: u32 = 2;

const SIZE: u64 = 1 << 30;

/// The disk, mounted; unmounted when it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes and mounts one, with its image in `place`.
    pub(crate) fn new(place: &Path) -> Result<Self> {
        let (image, mount) = (place.join("disk.img"), place.join("disk"));
        File::create_new(&image)?.set_len(SIZE)?;
        std::fs::create_dir(&mount)?;
        run(Command::new("mkfs.ext4").arg("-q").arg("-F").arg(&image))?;
        mount_at(&image, &mount)?;
        let disk = Self { image, mount };
        // A server's user passes through.
        std::fs::set_permissions(&disk.mount, Permissions::from_mode(0o711))?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Writes everything to the device.
    pub(crate) fn sync(&self) -> Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.mount)?)?)
    }

    /// Cuts the power: what is not on the device now never gets there.
    #[allow(unsafe_code, reason = "no crate has a safe call for this ioctl")]
    pub(crate) fn cut(&self) -> Result<()> {
        let directory = File::open(&self.mount)?;
        // SAFETY: the kernel reads one u32 through the pointer that the setter passes, and writes nothing.
        let cut = unsafe { ioctl::Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH) };
        // SAFETY: the opcode is that of the setter's type.
        unsafe { ioctl::ioctl(&directory, cut) }?;
        Ok(())
    }

    /// Gives the power back. Nobody may have a file open.
    pub(crate) fn restore(&self) -> Result<()> {
        run(Command::new("umount").arg(&self.mount))?;
        mount_at(&self.image, &self.mount)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("umount").arg(&self.mount)) {
            eprintln!("{} stays mounted: {error}", self.mount.display());
        }
    }
}

fn mount_at(image: &Path, mount: &Path) -> Result<()> {
    run(Command::new("mount").arg("-o").arg("loop").arg(image).arg(mount))
}

fn run(command: &mut Command) -> Result<()> {
    // Debian has system tools outside an ordinary user's PATH.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.env("PATH", path).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
