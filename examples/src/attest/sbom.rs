//! `attest sbom`: which packages are in an image, which files are nobody's or were changed, and who says so.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use openfactory_attest::Manifest;
use openfactory_attest::sbom::{Compared, Coverage, Inventory};
use serde_json::{Map, Value, json};

use super::CliError;
use super::manifest::{Threads, read_tree};
use super::source::{Source, Within};
use crate::cli::Verdict;
use crate::progress;

mod combine;
mod coverage;
mod create;
mod signature;
mod written;

use combine::Combine;
use coverage::CoverageCommand;
use create::Create;

/// `attest sbom ...`
#[derive(Debug, Subcommand)]
pub(crate) enum SbomCommand {
    /// Write the package inventory of a directory or a squashfs image
    ///
    /// Reads the databases of dpkg (var/lib/dpkg/status, or status.d of images without dpkg) and of apk
    /// (lib/apk/db/installed) in it, and rpm's (rpmdb.sqlite) if built with the feature rpmdb; nothing is mounted, no
    /// link leads out of it. Every file of the image is held against the packages' file lists: how many belong to a
    /// package stands in the document. An image's SHA-256 and dm-verity root hash stand there too; without --hash-file
    /// the root hash is the one that `attest document sign` comes to.
    #[command(after_help = "Examples:
  attest sbom create rootfs.squashfs -o sbom.cdx.json
  attest sbom create rootfs.squashfs --format spdx -o sbom.spdx.json
  attest document sign --image rootfs.squashfs --sbom sbom.cdx.json ...

Exit status: 0 written, 2 could not be made; no package database is one reason.")]
    Create(Create),
    /// Whose each file of a directory or a squashfs image is, and whether it is as its package had it
    ///
    /// Every file is held against the packages' file lists, and its content against what the package manager recorded:
    /// dpkg's md5sums and conffile sums, apk's checksums. A file that is not as its package had it is a finding,
    /// but for configuration files, which are there to be changed: those are told. MD5 and SHA-1 find accidents and plain
    /// tampering, not a file that was made to have the same sum; the signed manifest does.
    #[command(after_help = "Examples:
  attest sbom coverage rootfs.squashfs
  attest sbom coverage /srv/tree --unowned
  attest sbom coverage rootfs.squashfs --json

Exit status: 0 no finding, 1 files are not as their packages had them (listed), 2 could not check.")]
    Coverage(CoverageCommand),
    /// Put an image's SBOM and the files of a device's Zone 2 into one document
    ///
    /// The document has the form of the image's, lists all that is in it and each file of Zone 2, and names both parts
    /// by digest: the image's document by SHA-256, Zone 2 by its manifest's. Its own SHA-256 is what a seal of Zone 2 takes.
    #[command(after_help = "Examples:
  attest sbom combine sbom.cdx.json /run/zone2 --device press-1 -o combined.cdx.json
  attest sbom combine sbom.spdx.json zone2-manifest.json -o combined.spdx.json

Exit status: 0 written, 2 could not be made.")]
    Combine(Combine),
    /// Sign a CycloneDX document inside itself
    ///
    /// The signature (JSON Signature Format, Ed25519) is appended; the rest of the text stays as it is. It travels with the
    /// document wherever it goes; what binds an inventory to its build is `attest document sign --sbom`.
    #[command(after_help = "Examples:
  attest sbom sign sbom.cdx.json --key platform.pem -o sbom.signed.cdx.json

Exit status: 0 signed, 2 not: no CycloneDX JSON, signed already, or the key can't be used.")]
    Sign {
        /// The document
        document: PathBuf,
        /// The private key, PKCS#8 PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Write to this file instead of stdout: all of it, or nothing
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check the signature inside a CycloneDX document
    #[command(after_help = "Examples:
  attest sbom verify sbom.signed.cdx.json --trust trust.json

Exit status: 0 the signature counts, 1 it does not (why is told), 2 could not check.")]
    Verify {
        /// The document
        document: PathBuf,
        /// Whose signatures count: a trust store, or the build platform's public key in PEM
        #[arg(long, value_name = "FILE")]
        trust: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl SbomCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Create(create) => create.run(),
            Self::Coverage(command) => command.run(),
            Self::Combine(command) => command.run(),
            Self::Sign { document, key, output } => signature::sign(&document, &key, output.as_deref()),
            Self::Verify { document, trust, json } => signature::verify(&document, &trust, json),
        }
    }
}

/// A directory or an image, looked at.
struct Looked {
    inventory: Inventory,
    manifest: Manifest,
    coverage: Coverage,
    /// The image; `None` for a directory.
    image: Option<Source>,
}

fn look(path: &Path, within: &Within, threads: Threads) -> Result<Looked, CliError> {
    let is_directory = path.metadata().map_err(|error| CliError::file("read", path, error))?.is_dir();
    let image = if is_directory { None } else { Some(within.open(path)?) };
    let inventory = match &image {
        None => Inventory::of_directory(path),
        Some(image) => Inventory::of_squashfs(image),
    };
    let inventory = inventory.map_err(|error| CliError::file("list the packages of", path, error))?;
    let manifest = read_tree(path, within, threads)?;
    let bar = progress::Bytes::new("comparing");
    let tell = |done, total| bar.tell(done, total);
    let work = threads.work().telling(&tell);
    let coverage = match &image {
        None => inventory.coverage_of_directory(path, &manifest, &work),
        Some(image) => inventory.coverage_of_squashfs(image, &manifest, &work),
    };
    let coverage = coverage.map_err(|error| CliError::file("compare the files of", path, error))?;
    Ok(Looked { inventory, manifest, coverage, image })
}

/// The numbers.
fn summary(inventory: &Inventory, coverage: &Coverage) -> Map<String, Value> {
    let nothing = Compared::default();
    let compared = coverage.compared().unwrap_or(&nothing);
    let modified = compared.tampered().count();
    let told = [
        ("packages", json!(inventory.packages().len())),
        ("distribution", json!(inventory.distribution().map(|distribution| distribution.name()))),
        ("files", json!(coverage.files())),
        ("owned", json!(coverage.owned())),
        ("owned_percent", json!(coverage.permille().map(|it| format!("{}.{}", it / 10, it % 10)))),
        ("unchanged", json!(compared.unchanged)),
        ("modified", json!(modified)),
        ("modified_configuration", json!(compared.modified.len() - modified)),
        ("unrecorded", json!(compared.unrecorded)),
        ("unowned", json!(coverage.unowned().len())),
        ("missing", json!(coverage.missing())),
        ("packages_without_list", json!(coverage.unlisted().len())),
    ];
    told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn labels(summary: &Map<String, Value>) -> String {
    let lines = [
        ("Packages:", "packages"),
        ("Distribution:", "distribution"),
        ("Files:", "files"),
        ("  of a package:", "owned"),
        ("  per cent:", "owned_percent"),
        ("    as it was:", "unchanged"),
        ("    modified:", "modified"),
        ("    configured:", "modified_configuration"),
        ("    unrecorded:", "unrecorded"),
        ("  of none:", "unowned"),
        ("Missing paths:", "missing"),
        ("Without list:", "packages_without_list"),
        ("SBOM sha256:", "sha256"),
    ];
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "unknown".to_owned(),
        other => other.to_string(),
    };
    let lines = lines.iter().filter_map(|(label, name)| Some((label, text(summary.get(*name)?))));
    lines.map(|(label, value)| format!("{label:<17}{value}\n")).collect()
}
