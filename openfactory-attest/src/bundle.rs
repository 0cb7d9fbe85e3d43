//! Evidence bundles: all that proves one build in one directory, checked offline (`docs/formats/evidence-bundle.md`).
//!
//! A bundle holds the signed document and everything that it names, the image among them, whom to trust, and proof that
//! an audit log held intent and document. `SHA256SUMS` lists every file, so that `sha256sum -c` finds what was damaged;
//! what was forged is found by the links: [`verify`] tells of each whether it is proved, broken, or was not checked.
//!
//! ```
//! use openfactory_attest::bundle::{self, Sums};
//! use openfactory_attest::chain::ChainVerdict;
//! use openfactory_attest::document::FileDigest;
//! use openfactory_attest::Work;
//!
//! // A bundle without evidence is whole, and proves nothing.
//! let directory = tempfile::tempdir()?;
//! std::fs::write(directory.path().join(bundle::BUILD_LOG), "done\n")?;
//! let mut sums = Sums::new();
//! sums.add(bundle::BUILD_LOG, FileDigest::of(b"done\n").sha256)?;
//! std::fs::write(directory.path().join(bundle::SUMS), sums.to_text())?;
//!
//! let report = bundle::verify(directory.path(), None, &Work::on_all_cores())?;
//! assert_eq!(report.verdict, ChainVerdict::Broken);
//! let broken: Vec<String> = report.broken().map(|link| link.name.to_string()).collect();
//! assert_eq!(broken, ["signature"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evidence;
mod files;
mod logged;
mod report;
mod sums;
mod verify;

pub use files::ReadBundleError;
pub use report::{BundleLink, BundleLinkName, BundleReport, WhoseTrust};
pub use sums::{SumNameError, Sums};
pub use verify::verify;

/// Every other file of the bundle with its SHA-256, as `sha256sum` writes it.
pub const SUMS: &str = "SHA256SUMS";
/// The signed verification document.
pub const DOCUMENT: &str = "verification.json";
/// The signed build intent.
pub const INTENT: &str = "intent.json";
/// The build's signed SLSA provenance, if there is one.
pub const PROVENANCE: &str = "provenance.json";
/// The recipe.
pub const RECIPE: &str = "recipe.json";
/// The request in the requester's own words.
pub const REQUEST: &str = "request.txt";
/// The build log.
pub const BUILD_LOG: &str = "build.log";
/// The report of the tests in a virtual machine, whatever its form, if the document names one.
pub const TEST_REPORT: &str = "test-report";
/// The image's dm-verity hash device.
pub const HASH_DEVICE: &str = "hash-device";
/// The image's per-file manifest in canonical JSON.
pub const MANIFEST: &str = "manifest.json";
/// The image's files for `sha256sum -c`, below the root of the unpacked image.
pub const FILE_SUMS: &str = "manifest.sha256";
/// The trust store that the bundle was made under.
pub const TRUST: &str = "trust.json";

/// The names that a bundle's files have whatever the build is; image and inventories are called as the document calls
/// them.
pub const FIXED_NAMES: [&str; 18] = [
    SUMS,
    DOCUMENT,
    INTENT,
    PROVENANCE,
    RECIPE,
    REQUEST,
    BUILD_LOG,
    TEST_REPORT,
    HASH_DEVICE,
    MANIFEST,
    FILE_SUMS,
    TRUST,
    Logged::Intent.entry(),
    Logged::Intent.proof(),
    Logged::Document.entry(),
    Logged::Document.proof(),
    Logged::Provenance.entry(),
    Logged::Provenance.proof(),
];

/// What an audit log is proved to have held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Logged {
    /// The build intent.
    Intent,
    /// The verification document.
    Document,
    /// The provenance.
    Provenance,
}

impl Logged {
    /// The file with the log's entry: the bytes that the log's tree hashes.
    #[must_use]
    pub const fn entry(self) -> &'static str {
        match self {
            Self::Intent => "intent.entry",
            Self::Document => "document.entry",
            Self::Provenance => "provenance.entry",
        }
    }

    /// The file with the proof of that entry (c2sp.org/tlog-proof).
    #[must_use]
    pub const fn proof(self) -> &'static str {
        match self {
            Self::Intent => "intent.proof",
            Self::Document => "document.proof",
            Self::Provenance => "provenance.proof",
        }
    }
}
