//! `attest sbom`: which packages are in an image, which files are nobody's, and who says so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Subcommand, ValueEnum};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::{ImageFile, VerityTree};
use openfactory_attest::key::KeyKind;
use openfactory_attest::sbom::jsf::JsfError;
use openfactory_attest::sbom::{Coverage, Inventory, MAX_DOCUMENT, Subject, cyclonedx, jsf, spdx};
use openfactory_attest::verity;
use serde_json::{Value, json};

use super::manifest::{Threads, read_tree};
use super::target::Target;
use super::{CliError, input, output};
use crate::cli::Verdict;
use crate::progress;

/// `attest sbom ...`
#[derive(Debug, Subcommand)]
pub(crate) enum SbomCommand {
    /// Write the package inventory of a directory or a squashfs image
    ///
    /// Reads the databases of dpkg (var/lib/dpkg/status, or status.d of images without dpkg) and of apk
    /// (lib/apk/db/installed) in it; nothing is mounted, no link leads out of it. Every file of the image is held against the packages' file lists: how many belong to a package
    /// stands in the document. An image's SHA-256 and dm-verity root hash stand there too; without --hash-file the
    /// root hash is the one that `attest document sign` comes to.
    #[command(after_help = "Examples:
  attest sbom create rootfs.squashfs -o sbom.cdx.json
  attest sbom create rootfs.squashfs --format spdx -o sbom.spdx.json
  attest document sign --image rootfs.squashfs --sbom sbom.cdx.json ...

Exit status: 0 written, 2 could not be made; no package database is one reason.")]
    Create(Create),
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

/// What signs inventories.
const SIGNERS: [KeyKind; 2] = [KeyKind::BuildPlatformSigning, KeyKind::ReleaseSigning];

/// What is inventoried, and how it is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// A directory, or a squashfs image (which is not mounted)
    path: PathBuf,
    /// The form to write
    #[arg(long, value_enum, default_value_t = Format::Cyclonedx)]
    format: Format,
    /// Write to this file instead of stdout: all of it, or nothing. A summary then goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The image's hash device, whose salt and UUID its root hash is computed with
    #[arg(long, value_name = "FILE")]
    hash_file: Option<PathBuf>,
    /// The time that stands in the document, in seconds since 1970 UTC; now if not given
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH")]
    time: Option<u32>,
    /// Print the summary as one JSON object; needs --output
    #[arg(long, requires = "output")]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// CycloneDX 1.6, JSON
    Cyclonedx,
    /// SPDX 2.3, JSON
    Spdx,
}

impl SbomCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Create(create) => create.run(),
            Self::Sign { document, key, output } => sign(&document, &key, output.as_deref()),
            Self::Verify { document, trust, json } => verify(&document, &trust, json),
        }
    }
}

fn sign(document: &Path, key: &Path, to: Option<&Path>) -> Result<Verdict, CliError> {
    let target = to.map(|file| Target::new(file, [document, key])).transpose()?;
    let bytes = input::read(document, MAX_DOCUMENT)?;
    let signed = jsf::sign(&bytes, &input::private_key(key)?)
        .map_err(|error| CliError::file("sign", document, error))?;
    match target {
        Some(target) => target.write(&signed)?,
        None => output::write(&signed)?,
    }
    Ok(Verdict::Good)
}

fn verify(document: &Path, trust: &Path, as_json: bool) -> Result<Verdict, CliError> {
    let trust = input::trust(trust)?;
    let bytes = input::read(document, MAX_DOCUMENT)?;
    let (told, verdict) = match jsf::verify(&bytes, &trust, &SIGNERS) {
        Ok(key) => {
            let told = json!({ "signed": true, "name": key.name, "kind": key.kind, "key_id": key.key_id() });
            (told, Verdict::Good)
        }
        // Not what is signed this way: that is no verdict.
        Err(error @ (JsfError::Json(_) | JsfError::NotCycloneDx | JsfError::Canonical(_))) => {
            return Err(CliError::file("check the signature of", document, error));
        }
        Err(error) => (json!({ "signed": false, "reason": error.to_string() }), Verdict::Bad),
    };
    if as_json {
        output::write_json(&told)?;
    } else {
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = match verdict {
            Verdict::Good => format!("signed by {:?}, key {}\n", text("name"), text("key_id")),
            Verdict::Bad => format!("{}: {}\n", document.display(), text("reason")),
        };
        output::write(line.as_bytes())?;
    }
    Ok(verdict)
}

impl Create {
    fn run(self) -> Result<Verdict, CliError> {
        let path = &self.path;
        let inputs = [Some(path), self.hash_file.as_ref()].into_iter().flatten().map(PathBuf::as_path);
        let target = self.output.as_deref().map(|file| Target::new(file, inputs)).transpose()?;
        let is_directory = path.metadata().map_err(|error| CliError::file("read", path, error))?.is_dir();
        let inventory = inventory(path, is_directory)?;
        let manifest = read_tree(path, self.threads)?;
        let coverage = inventory.coverage(&manifest);
        let subject = if is_directory {
            let digest = manifest.digest();
            let digest = digest.map_err(|error| CliError::because("cannot hash the manifest", error))?;
            if self.hash_file.is_some() {
                return Err(CliError::new("a directory has no hash device: --hash-file is for images"));
            }
            Subject::tree(directory_name(path)?, digest)
        } else {
            self.image()?
        };
        let time = match self.time {
            Some(seconds) => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into()),
            None => SystemTime::now(),
        };
        let document = match self.format {
            Format::Cyclonedx => cyclonedx::document(&inventory, &subject, Some(&coverage), time)
                .map_err(|error| CliError::because("cannot write the inventory", error))?,
            Format::Spdx => spdx::document(&inventory, &subject, Some(&coverage), time)
                .map_err(|error| CliError::because("cannot write the inventory", error))?,
        };
        let Some(target) = target else {
            output::write(&document)?;
            return Ok(Verdict::Good);
        };
        target.write(&document)?;
        let summary = summary(&inventory, &coverage, &document);
        if self.json {
            output::write_json(&summary)?;
        } else {
            output::write(labels(&summary).as_bytes())?;
        }
        Ok(Verdict::Good)
    }

    /// The image with its SHA-256 and its root hash.
    fn image(&self) -> Result<Subject, CliError> {
        let path = &self.path;
        let image = ImageFile::new(input::name(path)?, input::measure(path)?);
        let params = match &self.hash_file {
            Some(file) => input::verity_params(file)?,
            None => VerityTree::params_for(&image.sha256),
        };
        let file = File::open(path).map_err(|error| CliError::file("read", path, error))?;
        let bar = progress::Bytes::new("hashing blocks");
        let tell = |done, total| bar.tell(done, total);
        let tree = verity::root_hash(&file, None, &params, &self.threads.work().telling(&tell))
            .map_err(|error| CliError::file("make the hash tree of", path, error))?;
        Ok(Subject::image(&image).with_root_hash(&tree.root_hash()))
    }
}

fn inventory(path: &Path, is_directory: bool) -> Result<Inventory, CliError> {
    let read = if is_directory {
        Inventory::of_directory(path)
    } else {
        let image = File::open(path).map_err(|error| CliError::file("read", path, error))?;
        Inventory::of_squashfs(&image)
    };
    read.map_err(|error| CliError::file("list the packages of", path, error))
}

/// A directory's name, also where the path ends in `.` or is `/`.
fn directory_name(path: &Path) -> Result<String, CliError> {
    let whole = path.canonicalize().map_err(|error| CliError::file("read", path, error))?;
    if whole.parent().is_none() { Ok("/".to_owned()) } else { input::name(&whole) }
}

fn summary(inventory: &Inventory, coverage: &Coverage, document: &[u8]) -> Value {
    json!({
        "packages": inventory.packages().len(),
        "distribution": inventory.distribution().map(|distribution| distribution.name()),
        "files": coverage.files(),
        "owned": coverage.owned(),
        "unowned": coverage.unowned().len(),
        "missing": coverage.missing(),
        "packages_without_list": coverage.unlisted().len(),
        "sha256": Sha256Digest::of(document),
    })
}

fn labels(summary: &Value) -> String {
    let lines = [
        ("Packages:", "packages"),
        ("Distribution:", "distribution"),
        ("Files:", "files"),
        ("  of a package:", "owned"),
        ("  of none:", "unowned"),
        ("Missing paths:", "missing"),
        ("Without list:", "packages_without_list"),
        ("SBOM sha256:", "sha256"),
    ];
    let text = |name: &str| match summary.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "unknown".to_owned(),
        Some(other) => other.to_string(),
    };
    lines.iter().map(|(label, name)| format!("{label:<17}{}\n", text(name))).collect()
}
