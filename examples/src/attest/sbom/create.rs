//! `attest sbom create`: the inventory of a directory or an image, as a document.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::{ImageFile, VerityTree};
use openfactory_attest::sbom::{Subject, cyclonedx, spdx};
use openfactory_attest::verity;
use serde_json::{Value, json};

use super::written::Written;
use super::{Looked, labels, look, summary};
use crate::attest::manifest::Threads;
use crate::attest::source::{Source, Within};
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;
use crate::progress;

/// What is inventoried, and how it is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// A directory, a squashfs image, or an ISO image with one in it (which are not mounted)
    path: PathBuf,
    #[command(flatten)]
    within: Within,
    /// The form to write
    #[arg(long, value_enum, default_value_t = Format::Cyclonedx)]
    format: Format,
    /// The image's hash device, whose salt and UUID its root hash is computed with
    #[arg(long, value_name = "FILE")]
    hash_file: Option<PathBuf>,
    #[command(flatten)]
    written: Written,
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

impl Create {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let path = &self.path;
        let inputs = [Some(path), self.hash_file.as_ref()].into_iter().flatten().map(PathBuf::as_path);
        let target = self.written.target(inputs)?;
        let Looked { inventory, manifest, coverage, image } = look(path, &self.within, self.threads)?;
        let subject = match &image {
            Some(image) => self.image(image)?,
            None if self.hash_file.is_some() => {
                return Err(CliError::new("a directory has no hash device: --hash-file is for images"));
            }
            None => {
                let digest = manifest.digest();
                let digest = digest.map_err(|error| CliError::because("cannot hash the manifest", error))?;
                Subject::tree(directory_name(path)?, digest)
            }
        };
        let time = self.written.time();
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
        let mut summary = summary(&inventory, &coverage);
        summary.insert("sha256".to_owned(), json!(Sha256Digest::of(&document)));
        if self.written.json {
            output::write_json(&Value::Object(summary))?;
        } else {
            output::text(&labels(&summary))?;
        }
        Ok(Verdict::Good)
    }

    /// The image with its SHA-256 and its root hash, and the ISO image that it is in.
    fn image(&self, source: &Source) -> Result<Subject, CliError> {
        let path = &self.path;
        let image = ImageFile::new(source.name(path)?, source.measure(path)?);
        let params = match &self.hash_file {
            Some(file) => input::verity_params(file)?,
            None => VerityTree::params_for(&image.sha256),
        };
        let bar = progress::Bytes::new("hashing blocks");
        let tell = |done, total| bar.tell(done, total);
        let tree = verity::root_hash(source, None, &params, &self.threads.work().telling(&tell))
            .map_err(|error| CliError::file("make the hash tree of", path, error))?;
        let subject = Subject::image(&image).with_root_hash(&tree.root_hash());
        Ok(match source.container(path)? {
            Some(container) => subject.with_container(&container),
            None => subject,
        })
    }
}

/// A directory's name, also where the path ends in `.` or is `/`.
fn directory_name(path: &Path) -> Result<String, CliError> {
    let whole = path.canonicalize().map_err(|error| CliError::file("read", path, error))?;
    if whole.parent().is_none() { Ok("/".to_owned()) } else { input::name(&whole) }
}
