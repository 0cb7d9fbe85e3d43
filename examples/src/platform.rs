//! A platform on this machine's file system: stored images, devices with two slots each, and durable holds.
//!
//! ```text
//! <root>/images/<build>.squashfs                 the image, whole
//! <root>/images/<build>.verification.json        its signed verification document
//! <root>/devices/<device>/slot-a, slot-b         see [`Slot`]
//! <root>/devices/<device>/active -> slot-a
//! <root>/devices/<device>/hold.json              there while the device is held
//! <root>/devices/<device>/services.json          what stands in for its service manager, if it has one:
//!                                                `{"ssh.service": "active", ...}`
//! <root>/orders/<order>.json                     what an order came to
//! ```
//! An image is never used because it is there, but because its SHA-256 is the one in a document that a trusted key
//! signed; what it unpacks to is compared with the manifest that the same document names. An order is performed
//! once: its record is written after the act and before the answer, and every step before that can be repeated.

mod error;
mod hold;
mod image;
mod order;
mod services;
mod slot;

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use openfactory_sn::lifecycle::id::{BuildId, DeviceId};
use openfactory_sn::lifecycle::platform::{Order, Performed, Platform, PlatformError};

pub use error::LocalError;
pub use hold::Hold;
pub use slot::{Installed, Slot};

use error::Io as _;
use slot::Slots;

use crate::trust_file::TrustFile;

/// By whom a device's first image was put there.
const PROVISION: &str = "provision";

/// A [`Platform`] on the file system. Clones are one platform; several processes may use one root, they take turns.
#[derive(Clone, Debug)]
pub struct LocalPlatform {
    root: PathBuf,
    trust: TrustFile,
}

/// How a device stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceStatus {
    /// The slot that it runs from.
    pub active: Slot,
    /// What that slot holds.
    pub installed: Installed,
    /// Its hold, if it has one.
    pub hold: Option<Hold>,
}

/// The files beside a device's tree that say what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Baseline {
    /// The image that the slot was filled from.
    pub image: PathBuf,
    /// The image's dm-verity hash tree.
    pub hash_tree: PathBuf,
    /// Its signed verification document.
    pub document: PathBuf,
    /// The manifest that the document names.
    pub manifest: PathBuf,
    /// Whose signatures count, as the device was told last.
    pub trust: PathBuf,
}

impl LocalPlatform {
    /// Opens the platform below `root`, and makes the directories that are missing. They are for their owner alone:
    /// an unpacked image holds set-id programs. `trust` says whose documents count.
    ///
    /// # Errors
    /// When the directories can't be made.
    pub fn open(root: &Path, trust: TrustFile) -> Result<Self, LocalError> {
        for directory in [root.to_owned(), root.join("images"), root.join("devices"), root.join("orders")] {
            DirBuilder::new().recursive(true).mode(0o700).create(&directory).at(&directory)?;
        }
        Ok(Self { root: root.to_owned(), trust })
    }

    /// Stores a build's image and its signed verification document. Both are checked first: the document's
    /// signature, its build, and the image's SHA-256. Storing the same again does nothing.
    ///
    /// # Errors
    /// When the document doesn't count, is of another build, or the image is not the one it names.
    pub fn store_image(&self, build: &BuildId, image: &Path, document: &[u8]) -> Result<(), LocalError> {
        let _turn = self.turn()?;
        image::store(&self.images(), build, image, document, &*self.trust.current()?)
    }

    /// Stores the document that was signed anew for a stored build: for the very image and manifest of the first.
    /// Storing the same again does nothing.
    ///
    /// # Errors
    /// When the document doesn't count, or is about anything else than the document that is stored.
    pub fn store_document(&self, build: &BuildId, document: &[u8]) -> Result<(), LocalError> {
        let _turn = self.turn()?;
        image::store_document(&self.images(), build, document, &*self.trust.current()?)
    }

    /// Puts a stored build on a device that has none yet. A device that has one is left as it is.
    ///
    /// # Errors
    /// When the stored image is missing or not the signed one, or can't be unpacked.
    pub fn provision(&self, device: &DeviceId, build: &BuildId) -> Result<DeviceStatus, LocalError> {
        let _turn = self.turn()?;
        let directory = self.device(device);
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).at(&directory)?;
        let slots = Slots::of(&directory);
        if slots.active()?.is_none() {
            self.install(&slots, build, PROVISION)?;
        }
        self.status_of(device)
    }

    /// Makes a device known that has no image yet: the first order that deploys one brings it. A device that is
    /// known is left as it is.
    ///
    /// # Errors
    /// When its directory can't be made.
    pub fn enroll(&self, device: &DeviceId) -> Result<(), LocalError> {
        let _turn = self.turn()?;
        let directory = self.device(device);
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).at(&directory)
    }

    /// How a device stands.
    ///
    /// # Errors
    /// When there is no such device, or what is stored of it can't be read.
    pub fn status(&self, device: &DeviceId) -> Result<DeviceStatus, LocalError> {
        let _turn = self.turn()?;
        self.status_of(device)
    }

    /// The root of the tree that a device runs. It goes by way of the link `active`, so it stays right over a
    /// rollback.
    #[must_use]
    pub fn rootfs(&self, device: &DeviceId) -> PathBuf {
        Slots::of(&self.device(device)).file(slot::ROOTFS)
    }

    /// What a device's agent checks that tree against; by way of the link `active` too.
    #[must_use]
    pub fn baseline(&self, device: &DeviceId) -> Baseline {
        let directory = self.device(device);
        let slots = Slots::of(&directory);
        Baseline {
            image: slots.file(image::IMAGE),
            hash_tree: slots.file(image::HASH_TREE),
            document: slots.file(image::DOCUMENT),
            manifest: slots.file(image::MANIFEST),
            trust: slots.file(image::TRUST),
        }
    }

    /// Where a simulated device's services are, from which its agent reads them and in which they are started again.
    #[must_use]
    pub fn services(&self, device: &DeviceId) -> PathBuf {
        services::path(&self.device(device))
    }

    fn status_of(&self, device: &DeviceId) -> Result<DeviceStatus, LocalError> {
        let directory = self.device(device);
        let slots = Slots::of(&directory);
        let Some(active) = slots.active()? else {
            return Err(LocalError::UnknownDevice { device: device.clone() });
        };
        Ok(DeviceStatus { active, installed: slots.installed(active)?, hold: hold::read(&directory)? })
    }

    /// Unpacks a stored build, which is proved first, into the slot that is not active, and makes it active.
    fn install(&self, slots: &Slots<'_>, build: &BuildId, by: &str) -> Result<Slot, LocalError> {
        let image = image::prove(&self.images(), build, &*self.trust.current()?)?;
        let what = Installed { build_id: build.clone(), by: by.to_owned() };
        slots.install(&what, |slot| image.fill(slot))
    }

    fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    fn device(&self, device: &DeviceId) -> PathBuf {
        self.root.join("devices").join(device.as_str())
    }

    /// Waits for this caller's turn: one change at a time, over all threads and processes.
    fn turn(&self) -> Result<File, LocalError> {
        let path = self.root.join(".lock");
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).at(&path)?;
        lock.lock().at(&path)?;
        Ok(lock)
    }
}

#[async_trait]
impl Platform for LocalPlatform {
    async fn perform(&self, order: &Order) -> Result<Performed, PlatformError> {
        let (platform, order) = (self.clone(), order.clone());
        let unavailable = |source| PlatformError::Unavailable { source };
        match tokio::task::spawn_blocking(move || platform.perform_blocking(&order)).await {
            Ok(Ok(performed)) => Ok(performed),
            Ok(Err(refused @ (LocalError::UnknownDevice { .. } | LocalError::OtherOrder { .. }))) => {
                Err(PlatformError::Refused { reason: refused.to_string() })
            }
            Ok(Err(error)) => Err(unavailable(error.into())),
            Err(panicked) => Err(unavailable(panicked.into())),
        }
    }
}
