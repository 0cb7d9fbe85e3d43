//! Two slots for base images: the one that runs, and the one that is filled with what is to run next.
//!
//! What is filled is on trial: it is booted a few times, and counts as good once it has proved itself and somebody said so
//! ([`BootSlots::mark_good`]); if nobody does, or somebody says the contrary, the device falls back to what ran before. So
//! a device that has once run a good image always has one to run, whenever its power is cut.
//!
//! What follows from what is decided purely ([`BootState`]); [`FileSlots`] keeps two images, files or partitions, and the
//! choice between them in two checksummed copies, the older of which is written: as U-Boot does with its environment, and with
//! the counting of tries of systemd-boot.
//!
//! ```
//! use openfactory_attest::Sha256Digest;
//! use openfactory_zone2::boot::{BootSlots as _, FileSlots, Slot};
//!
//! # let folder = tempfile::tempdir()?;
//! # let directory = folder.path();
//! let mut slots = FileSlots::new(directory);
//! slots.install(&mut &b"image 1"[..], &Sha256Digest::of(b"image 1"), 3)?;
//! assert_eq!(slots.boot()?, Slot::A);
//! slots.mark_good()?;
//!
//! // An update that never comes up.
//! slots.install(&mut &b"image 2"[..], &Sha256Digest::of(b"image 2"), 2)?;
//! assert_eq!([slots.boot()?, slots.boot()?, slots.boot()?], [Slot::B, Slot::B, Slot::A]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choice;
mod files;
mod state;

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use openfactory_attest::Sha256Digest;
use thiserror::Error;

pub use choice::{MAX_CHOICE_BYTES, ParseChoiceError};
pub use files::FileSlots;
pub use state::{BootState, Image, Standing};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `a` or `b`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a device boots from. Each call is durable on return; a power cut at any instant within leaves what was before it, or
/// what is after.
pub trait BootSlots {
    /// What is known of both slots.
    ///
    /// # Errors
    /// [`BootError`] where that can't be read.
    fn state(&self) -> Result<BootState, BootError>;

    /// Writes an image into the slot that does not run, proves that it stands there, and puts it on trial for so many boots, at
    /// least one. Returns the slot.
    ///
    /// # Errors
    /// [`BootError::OnTrial`] while what runs has not proved itself: nothing would be left to fall back to.
    /// [`BootError::OtherImage`] if it is not what was expected. The slot is empty then, and what runs goes on to be booted.
    fn install(
        &mut self,
        image: &mut dyn Read,
        expected: &Sha256Digest,
        tries: u8,
    ) -> Result<Slot, BootError>;

    /// Which slot is booted now: to be called once at each boot, by what chooses. It takes a try from an image on trial, and
    /// falls back from one that has none left.
    ///
    /// # Errors
    /// [`BootError::NothingToBoot`] if no slot holds an image that can be booted.
    fn boot(&mut self) -> Result<Slot, BootError>;

    /// The image that runs has proved itself.
    ///
    /// # Errors
    /// [`BootError::NotRunning`] before the first boot.
    fn mark_good(&mut self) -> Result<(), BootError>;

    /// The image that runs has failed: the other one is booted from now on, if there is one that can be.
    ///
    /// # Errors
    /// [`BootError::NotRunning`] before the first boot, [`BootError::NothingToBoot`] if there is no other; nothing changes
    /// then.
    fn mark_bad(&mut self) -> Result<(), BootError>;
}

/// Why slots can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootError {
    /// The system would not.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The choice between the slots can't be read, in neither of its copies.
    #[error("it is not known what to boot")]
    Damaged(#[source] ParseChoiceError),
    /// What runs is on trial itself.
    #[error("the image that runs has not proved itself yet")]
    OnTrial,
    /// It is not the image that was expected.
    #[error("the image has SHA-256 {found}, expected was {expected}")]
    OtherImage {
        /// What was expected.
        expected: Sha256Digest,
        /// What was found.
        found: Sha256Digest,
    },
    /// No slot holds an image that can be booted.
    #[error("there is no image to boot")]
    NothingToBoot,
    /// Nothing was booted yet.
    #[error("nothing was booted yet")]
    NotRunning,
}
