//! `attest sbom combine`: an image's SBOM and a device's Zone 2 in one document.

use std::path::PathBuf;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::sbom::MAX_DOCUMENT;
use openfactory_attest::sbom::combined::{self, Zone2};
use serde_json::json;

use super::written::Written;
use crate::attest::manifest::{Threads, read_json, read_tree};
use crate::attest::source::Within;
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

/// The two parts.
#[derive(Debug, clap::Args)]
pub(crate) struct Combine {
    /// The image's SBOM: CycloneDX 1 or SPDX 2, JSON
    base: PathBuf,
    /// Zone 2: a directory, or its manifest in JSON (`attest manifest create`), without what changes while it is locked
    zone2: PathBuf,
    /// The device's name
    #[arg(long, default_value = "device")]
    device: String,
    #[command(flatten)]
    written: Written,
    #[command(flatten)]
    threads: Threads,
}

impl Combine {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let inputs = [self.base.as_path(), self.zone2.as_path()];
        let target = self.written.target(inputs)?;
        let base = input::read(&self.base, MAX_DOCUMENT)?;
        let manifest = if self.zone2.is_dir() {
            read_tree(&self.zone2, &Within::default(), self.threads)?
        } else {
            read_json(&self.zone2)?
        };
        let document = combined::document(&base, &Zone2::of(&self.device, &manifest), self.written.time())
            .map_err(|error| CliError::file("combine", &self.base, error))?;
        let Some(target) = target else {
            output::write(&document)?;
            return Ok(Verdict::Good);
        };
        target.write(&document)?;
        let digest =
            manifest.digest().map_err(|error| CliError::because("cannot hash the manifest", error))?;
        let (of_base, whole) = (Sha256Digest::of(&base), Sha256Digest::of(&document));
        if self.written.json {
            let told = json!({ "base_sha256": of_base, "zone2_manifest_sha256": digest, "sha256": whole });
            output::write_json(&told)?;
        } else {
            let lines = [("Base sha256:", of_base), ("Zone 2 manifest:", digest), ("SBOM sha256:", whole)];
            let text: String = lines.iter().map(|(label, digest)| format!("{label:<17}{digest}\n")).collect();
            output::text(&text)?;
        }
        Ok(Verdict::Good)
    }
}
