//! A device's two slots: one is active, the other is filled with what is to become active; the switch is one rename.
//!
//! ```text
//! devices/<device>/slot-a/rootfs          what the image holds
//! devices/<device>/slot-a/image.squashfs, image.verity, verification.json, manifest.json   what it is checked against
//! devices/<device>/slot-a/installed.json  which build that is, and by whose order
//! devices/<device>/active -> slot-a       a symbolic link, replaced by rename
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use openfactory_sn::lifecycle::id::BuildId;
use serde::{Deserialize, Serialize};

use super::error::{Io as _, LocalError};
use crate::write_once::write_atomically;

const ACTIVE: &str = "active";
pub(super) const ROOTFS: &str = "rootfs";
const INSTALLED: &str = "installed.json";

/// One of the two places for an image on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// `slot-a`
    A,
    /// `slot-b`
    B,
}

impl Slot {
    /// The slot's directory name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "slot-a",
            Self::B => "slot-b",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Installed {
    /// The build.
    pub build_id: BuildId,
    /// By whose order it was put there: an order's id, or `provision`.
    pub by: String,
}

/// The slots of one device.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    device: &'a Path,
}

impl<'a> Slots<'a> {
    pub(super) fn of(device: &'a Path) -> Self {
        Self { device }
    }

    /// The active slot; none on a device that was never provisioned.
    pub(super) fn active(&self) -> Result<Option<Slot>, LocalError> {
        let path = self.device.join(ACTIVE);
        let target = match fs::read_link(&path) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LocalError::Io { path, source }),
        };
        match [Slot::A, Slot::B].into_iter().find(|slot| Path::new(slot.name()) == target) {
            Some(slot) => Ok(Some(slot)),
            None => Err(LocalError::Damaged { path, source: "it points to no slot".into() }),
        }
    }

    /// What a slot holds.
    pub(super) fn installed(&self, slot: Slot) -> Result<Installed, LocalError> {
        let path = self.device.join(slot.name()).join(INSTALLED);
        let bytes = fs::read(&path).at(&path)?;
        serde_json::from_slice(&bytes)
            .map_err(|source| LocalError::Damaged { path, source: Box::new(source) })
    }

    /// A file of the active slot.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.device.join(ACTIVE).join(name)
    }

    /// Fills the slot that is not active by `fill`, which is given the slot's empty directory, and then makes it
    /// active. Whatever the slot held before, also from an attempt that was cut short, is removed first. Everything
    /// is on the disk before the switch.
    pub(super) fn install(
        &self,
        what: &Installed,
        fill: impl FnOnce(&Path) -> Result<(), LocalError>,
    ) -> Result<Slot, LocalError> {
        let slot = self.active()?.map_or(Slot::A, Slot::other);
        let directory = self.device.join(slot.name());
        remove_tree(&directory).at(&directory)?;
        fs::create_dir(&directory).at(&directory)?;
        fill(&directory)?;
        let path = directory.join(INSTALLED);
        let bytes = serde_json::to_vec_pretty(what)
            .map_err(|source| LocalError::Damaged { path: path.clone(), source: Box::new(source) })?;
        write_atomically(&path, &bytes, 0o600).at(&path)?;
        sync_file_system(&directory).at(&directory)?;
        self.switch(slot)?;
        Ok(slot)
    }

    fn switch(&self, slot: Slot) -> Result<(), LocalError> {
        let path = self.device.join(ACTIVE);
        let next = self.device.join(".active.next");
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LocalError::Io { path: next, source: error });
            }
            Ok(()) | Err(_) => {}
        }
        symlink(slot.name(), &next).at(&next)?;
        fs::rename(&next, &path).at(&path)?;
        File::open(self.device).and_then(|directory| directory.sync_all()).at(self.device)
    }
}

/// Writes everything of the file system that holds `path` to the disk.
fn sync_file_system(path: &Path) -> io::Result<()> {
    rustix::fs::syncfs(File::open(path)?)?;
    Ok(())
}

/// Removes a tree, if it is there, also one with directories that their owner may not write.
fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(_there) => {}
    }
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        let mode = fs::symlink_metadata(&directory)?.permissions().mode();
        if mode & 0o700 != 0o700 {
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        }
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use openfactory_sn::lifecycle::id::BuildId;

    use super::super::error::LocalError;
    use super::{Installed, ROOTFS, Slot, Slots};

    fn installed(build: &str) -> Installed {
        Installed { build_id: BuildId::new(build).unwrap(), by: "provision".to_owned() }
    }

    fn unpack(text: &'static str) -> impl FnOnce(&Path) -> Result<(), LocalError> {
        move |slot| {
            let rootfs = slot.join(ROOTFS);
            fs::create_dir(&rootfs).unwrap();
            fs::write(rootfs.join("os-release"), text).unwrap();
            fs::create_dir(rootfs.join("sealed")).unwrap();
            fs::write(rootfs.join("sealed/file"), text).unwrap();
            fs::set_permissions(rootfs.join("sealed"), fs::Permissions::from_mode(0o555)).unwrap();
            Ok(())
        }
    }

    #[test]
    fn slots_take_turns_and_the_old_one_stays_until_the_next() {
        let device = tempfile::tempdir().unwrap();
        let slots = Slots::of(device.path());
        assert_eq!(slots.active().unwrap(), None);
        for (build, expected) in [("b-1", Slot::A), ("b-2", Slot::B), ("b-3", Slot::A)] {
            assert_eq!(slots.install(&installed(build), unpack("x")).unwrap(), expected);
            assert_eq!(slots.active().unwrap(), Some(expected));
            assert_eq!(slots.installed(expected).unwrap(), installed(build));
        }
        assert_eq!(slots.installed(Slot::B).unwrap(), installed("b-2"));
    }

    #[test]
    fn an_attempt_that_fails_leaves_the_active_slot_as_it_is() {
        let device = tempfile::tempdir().unwrap();
        let slots = Slots::of(device.path());
        slots.install(&installed("b-1"), unpack("first")).unwrap();
        let failed = slots.install(&installed("b-2"), |slot| {
            unpack("half")(slot)?;
            Err(LocalError::NoImage { build: BuildId::new("b-2").unwrap() })
        });
        assert!(matches!(failed, Err(LocalError::NoImage { .. })));
        assert_eq!(slots.active().unwrap(), Some(Slot::A));
        assert_eq!(fs::read_to_string(slots.file(ROOTFS).join("os-release")).unwrap(), "first");
        slots.install(&installed("b-2"), unpack("whole")).unwrap();
        assert_eq!(fs::read_to_string(slots.file(ROOTFS).join("os-release")).unwrap(), "whole");
    }
}
