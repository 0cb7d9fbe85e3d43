//! The bill of materials of an image: which packages are in it, which files are theirs, as a CycloneDX or SPDX document.
//!
//! [`Inventory`] reads what the image's package manager wrote down, from a directory or from a squashfs that is not
//! mounted: dpkg's `var/lib/dpkg/status`, or the `status.d` of images without dpkg; apk's `lib/apk/db/installed`;
//! with the feature `rpmdb` rpm's `rpmdb.sqlite`. [`Coverage`] holds the image's
//! manifest against it: a file that no package owns is a file that the inventory does not explain, and a file that is
//! not as its package had it is one that somebody changed. [`cyclonedx`]
//! and [`spdx`] write both down; [`Listing`] reads what anybody wrote, and holds it against an image. A verification document binds the result to the image
//! ([`VerificationDocument::with_sbom`](crate::document::VerificationDocument::with_sbom)), and so signs it.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use openfactory_attest::sbom::{Inventory, Subject, cyclonedx};
//! use openfactory_attest::{Manifest, Work};
//!
//! let root = tempfile::tempdir()?;
//! let dpkg = root.path().join("var/lib/dpkg");
//! std::fs::create_dir_all(dpkg.join("info"))?;
//! std::fs::write(
//!     dpkg.join("status"),
//!     "Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n",
//! )?;
//! std::fs::write(dpkg.join("info/hello.list"), "/.\n/hello\n")?;
//! std::fs::write(root.path().join("hello"), "#!/bin/sh\n")?;
//!
//! let inventory = Inventory::of_directory(root.path())?;
//! assert_eq!(inventory.packages()[0].version, "2.10-3");
//!
//! let manifest = Manifest::of_directory(root.path(), &Work::on_all_cores())?;
//! let coverage = inventory.coverage(&manifest);
//! assert_eq!((coverage.owned(), coverage.files()), (1, 3)); // dpkg's own two files are nobody's
//!
//! let subject = Subject::tree("root", manifest.digest()?);
//! let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400);
//! let json = cyclonedx::document(&inventory, &subject, Some(&coverage), built)?;
//! assert!(json.starts_with(b"{\n  \"bomFormat\": \"CycloneDX\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Not here
//! Dependencies between packages. Licences that nobody wrote down so that a machine reads them: none are guessed.
//! Whether the package manager wrote the truth: what it is held against is the manifest, by [`Coverage`].

pub mod combined;
pub mod cyclonedx;
pub mod jsf;
pub mod spdx;

mod apk;
mod contact;
mod content;
mod coverage;
mod database;
mod dpkg;
mod error;
mod files;
mod inventory;
mod license;
mod listing;
mod os_release;
mod purl;
mod recorded;
#[cfg(feature = "rpmdb")]
mod rpm;
mod subject;

pub use apk::ApkError;
pub use coverage::{Compared, Coverage, ModifiedFile};
pub use dpkg::DpkgError;
pub use error::InventoryError;
pub use inventory::{Inventory, Package, PackageFormat, PackageState};
pub use license::License;
pub use listing::{ListedPackage, Listing, ListingDifference, ListingError, SbomFormat};
pub use os_release::{Distribution, OsReleaseError};
#[cfg(feature = "rpmdb")]
pub use rpm::{HeaderFault, RpmError};
pub use subject::Subject;

use crate::canonical::Limits;

/// Bytes of a document at most, whoever wrote it: 128 MiB.
pub const MAX_DOCUMENT: usize = 128 << 20;

/// How a document is read.
const LIMITS: Limits = Limits { max_bytes: MAX_DOCUMENT, ..Limits::FOREIGN };
