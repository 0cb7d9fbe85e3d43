//! What can go wrong on the local platform, told apart by whether trying again can help.

use std::io;
use std::path::{Path, PathBuf};

use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::lifecycle::id::{BuildId, DeviceId, OrderId};
use thiserror::Error;

use crate::trust_file::TrustFileError;

/// Why the local platform did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The file system refused; with space or permission made, trying again can help.
    #[error("{path} can't be used")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the platform's own does not hold what the platform wrote.
    #[error("{path} is not what this platform wrote")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such device here.
    #[error("there is no device {device} on this platform")]
    UnknownDevice {
        /// The id asked for.
        device: DeviceId,
    },
    /// Another order was performed under this id.
    #[error("another order was performed under the id {order}")]
    OtherOrder {
        /// The id.
        order: OrderId,
    },
    /// Images are built elsewhere.
    #[error(
        "this platform builds no images: build {build} again from its recipe, compare it with the signed document, and \
         deploy it"
    )]
    NoBuilder {
        /// The build asked for.
        build: BuildId,
    },
    /// The device has no such service.
    #[error("{path} lists no service {name}")]
    NoService {
        /// The device's services.
        path: PathBuf,
        /// The service asked for.
        name: String,
    },
    /// No image of the build is stored here.
    #[error("no image of build {build} is stored on this platform")]
    NoImage {
        /// The build asked for.
        build: BuildId,
    },
    /// The build's verification document is not signed by a key that counts, or can't be read.
    #[error("the verification document of build {build} does not count")]
    Document {
        /// The build.
        build: BuildId,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document speaks of another build.
    #[error("the verification document stored for build {build} is of build {found:?}")]
    OtherBuild {
        /// The build asked for.
        build: BuildId,
        /// The build that the document names.
        found: String,
    },
    /// The stored document is not the one that is to be pushed.
    #[error("the document stored for build {build} has digest {found}, the order says {expected}")]
    OtherDocument {
        /// The build.
        build: BuildId,
        /// The digest in the order.
        expected: Sha256Digest,
        /// The digest of what is stored.
        found: Sha256Digest,
    },
    /// Nobody can be trusted now.
    #[error("it is not known whom to trust")]
    Trust(#[from] TrustFileError),
    /// The stored image is not the one that was signed.
    #[error("the stored image of build {build} has SHA-256 {found}, its signed document says {expected}")]
    ImageChanged {
        /// The build.
        build: BuildId,
        /// The digest that was signed.
        expected: Sha256Digest,
        /// The digest of what is stored.
        found: Sha256Digest,
    },
    /// The image's files are not those that the document's manifest digest stands for.
    #[error("the manifest of build {build}'s image has digest {found}, its signed document says {expected}")]
    ManifestDiffers {
        /// The build.
        build: BuildId,
        /// The digest that was signed.
        expected: Sha256Digest,
        /// The digest of the image's manifest.
        found: Sha256Digest,
    },
    /// The image is the signed one, but no image that can be read.
    #[error("the image of build {build} is as signed, yet can't be read")]
    BadImage {
        /// The build.
        build: BuildId,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The image could not be unpacked here and now.
    #[error("the image of build {build} could not be unpacked")]
    Unpack {
        /// The build.
        build: BuildId,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was unpacked differs from the manifest.
    #[error("the unpacked tree of build {build} differs from its manifest in {count} places, first {first}")]
    TreeDiffers {
        /// The build.
        build: BuildId,
        /// How many differences there are.
        count: usize,
        /// The first of them.
        first: String,
    },
}

impl LocalError {
    /// Whether a person has to act before trying again can help: what is stored is missing or bad.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Trust(_) | Self::Unpack { .. } | Self::TreeDiffers { .. } => false,
            Self::Damaged { .. }
            | Self::UnknownDevice { .. }
            | Self::OtherOrder { .. }
            | Self::NoBuilder { .. }
            | Self::NoService { .. }
            | Self::NoImage { .. }
            | Self::Document { .. }
            | Self::OtherBuild { .. }
            | Self::OtherDocument { .. }
            | Self::ImageChanged { .. }
            | Self::BadImage { .. }
            | Self::ManifestDiffers { .. } => true,
        }
    }
}

/// Names the path that an I/O error is about.
pub(super) trait Io<T> {
    fn at(self, path: &Path) -> Result<T, LocalError>;
}

impl<T> Io<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, LocalError> {
        self.map_err(|source| LocalError::Io { path: path.to_owned(), source })
    }
}
