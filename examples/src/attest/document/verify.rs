//! `attest document verify`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::chain::{
    ChainReport, ChainVerdict, Evidence, Link, LinkName, verify_chain, verify_links,
};
use openfactory_attest::document::{FileDigest, ManifestDigest, NamedDigest, VerificationDocument};
use openfactory_attest::verity::{self, FormatError};
use openfactory_attest::{Envelope, Manifest};
use serde_json::{Value, json};

use super::at_log::{AtLog, Searched};
use super::require::{Requirement, not_checked};
use crate::attest::manifest::Threads;
use crate::attest::source::Source;
use crate::attest::tests::{tests_json, tests_line};
use crate::attest::verify_bundle::status_json;
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;
use crate::{progress, terminal};

/// The document, and what is at hand of its build.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The signed document
    document: PathBuf,
    /// Whose signatures count: a trust store, or the build platform's public key in PEM
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The image: its bytes, its dm-verity root hash and its files are checked. Of a document that names an ISO image too,
    /// that one: all is checked in it
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    /// The recipe
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// The signed build intent
    #[arg(long, value_name = "FILE")]
    intent: Option<PathBuf>,
    /// Whose signatures counted at this time, where keys are registered for a time; RFC 3339 or a day; now if not given
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    trust_at: Option<SystemTime>,
    /// The build log
    #[arg(long, value_name = "FILE")]
    build_log: Option<PathBuf>,
    /// The test report
    #[arg(long, value_name = "FILE")]
    test_report: Option<PathBuf>,
    /// A package inventory; may be given several times
    #[arg(long, value_name = "FILE")]
    sbom: Vec<PathBuf>,
    #[command(flatten)]
    at_log: AtLog,
    #[command(flatten)]
    requirement: Requirement,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Verify {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let trust = input::trust_at(&self.trust, self.trust_at)?;
        let envelope = input::envelope(&self.document)?;
        let mut evidence = self.small_evidence()?;
        let signed: Vec<_> =
            evidence.intent.iter().chain([&envelope]).map(Envelope::payload_digest).collect();
        let trust = match self.at_log.prove(trust, &signed)? {
            Searched::Trust(trust) => trust,
            Searched::BadLog => return Ok(Verdict::Bad),
        };
        let Ok(document) = VerificationDocument::open(&envelope, &trust) else {
            return self.tell(&verify_chain(&envelope, &trust, &evidence), None);
        };
        if let Some(image) = &self.image {
            self.measure_image(image, document.get(), &mut evidence)?;
        }
        let report = verify_links(&document, &trust, &evidence);
        let verdict = self.tell(&report, Some(document.get()))?;
        match evidence.unmeasured.first() {
            Some((link, why)) if verdict == Verdict::Good => {
                Err(CliError::new(format!("the link {link} could not be checked: {why}")))
            }
            _ => Ok(verdict),
        }
    }

    /// All but the image.
    fn small_evidence(&self) -> Result<Evidence, CliError> {
        let mut evidence = Evidence::default();
        evidence.recipe_hash =
            self.recipe.as_deref().map(input::recipe).transpose()?.map(|recipe| recipe.recipe_hash());
        evidence.intent = self.intent.as_deref().map(input::envelope).transpose()?;
        evidence.build_log = self.build_log.as_deref().map(input::measure).transpose()?;
        if let Some(report) = &self.test_report {
            // Of one that can't be read nothing is known: where the document has verdicts, they are not checked.
            let (file, tests) = match input::test_report(report) {
                Ok((file, tests)) => (file, Some(tests)),
                Err(_unreadable) => (input::measure(report)?, None),
            };
            (evidence.test_report, evidence.tests) = (Some(file), tests);
        }
        for sbom in &self.sbom {
            evidence.sboms.push(NamedDigest::new(input::name(sbom)?, input::measure(sbom)?));
        }
        Ok(evidence)
    }

    fn measure_image(
        &self,
        path: &Path,
        document: &VerificationDocument,
        evidence: &mut Evidence,
    ) -> Result<(), CliError> {
        let file = Source::of_document(path, document.container.as_ref())?;
        evidence.image = Some(file.measure(path)?);
        evidence.container = file.container(path)?.map(|iso| FileDigest::new(iso.size, iso.sha256));
        // Read from within the ISO image, at the document's path.
        evidence.contained = evidence.container.and(evidence.image);
        let tree = document
            .verity_tree()
            .map_err(|error| CliError::because("cannot use the document's parameters", error))?;
        let bar = progress::Bytes::new("hashing");
        let tell = |done, total| bar.tell(done, total);
        let work = self.threads.work().telling(&tell);
        match verity::root_hash(&file, None, tree.params(), &work) {
            Ok(found) => evidence.root_hash = Some(found.root_hash()),
            Err(error @ FormatError::Read { .. }) => return Err(CliError::file("read", path, error)),
            Err(error) => evidence.unmeasured.push((LinkName::VerityRoot, error.to_string())),
        }
        match Manifest::of_squashfs(&file, &work) {
            Ok(manifest) => {
                let digest = ManifestDigest::of(&manifest);
                evidence.manifest = Some(
                    digest.map_err(|error| CliError::because("cannot write the manifest as json", error))?,
                );
            }
            Err(error) => evidence.unmeasured.push((LinkName::Manifest, error.to_string())),
        }
        Ok(())
    }

    fn tell(
        &self,
        report: &ChainReport,
        document: Option<&VerificationDocument>,
    ) -> Result<Verdict, CliError> {
        let unmet = self.requirement.unmet(report);
        if self.json {
            output::write_json(&json!({
                "verdict": report.verdict,
                "links": report.links.iter().map(link_json).collect::<Vec<_>>(),
                "not_checked": not_checked(report).map(|link| link.name.to_string()).collect::<Vec<_>>(),
                "required_but_not_checked": unmet,
                "tests": document.map(|document| tests_json(document.tests.as_ref())),
                "version": document.map(|document| document.version),
                "build_id": document.map(|document| &document.build_id),
                "root_hash": document.map(|document| document.verity.root_hash),
            }))?;
        } else {
            let text = text(report, document);
            output::text(&text)?;
        }
        match report.verdict {
            ChainVerdict::Broken => Ok(Verdict::Bad),
            _ if unmet.is_empty() => Ok(Verdict::Good),
            _ => Err(CliError::new(format!("not checked, but required: {}", unmet.join(", ")))),
        }
    }
}

fn link_json(link: &Link) -> Value {
    status_json(&link.name, &link.status)
}

/// A line for each link, one for the tests, and one for the whole, which does not pass over what was not checked.
fn text(report: &ChainReport, document: Option<&VerificationDocument>) -> String {
    let mut text: String = report
        .links
        .iter()
        .map(|link| format!("{:<12} {}\n", terminal::line(&link.name), terminal::line(&link.status)))
        .collect();
    if let Some(document) = document {
        text.push_str(&tests_line(document.tests.as_ref()));
    }
    text.push_str(&format!("Chain: {}", report.verdict));
    let not_checked: Vec<String> = not_checked(report).map(|link| link.name.to_string()).collect();
    if !not_checked.is_empty() {
        text.push_str(&format!("; not checked: {}", not_checked.join(", ")));
    }
    text.push('\n');
    text
}
