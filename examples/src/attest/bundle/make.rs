//! Makes a bundle: all of it, verified, under its name, or nothing.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use openfactory_attest::audit::{self, VerifierKey};
use openfactory_attest::bundle::{self, BundleReport, Logged, Sums};
use openfactory_attest::chain::ChainVerdict;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::ledger::{Held, LoggedUses, read_uses};
use openfactory_attest::provenance::Provenance;
use openfactory_attest::{Envelope, KeyKind, Manifest, ReadAt as _, TrustStore, TrustedKey, Work, verity};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::build::BuildFiles;
use crate::attest::source::Source;
use crate::attest::{CliError, input};

/// Where a bundle comes from.
pub(crate) struct Sources<'s> {
    /// The build's directory.
    pub(crate) build: &'s Path,
    /// Whose signatures count.
    pub(crate) trust: &'s TrustStore,
    /// The audit log.
    pub(crate) audit: &'s Path,
    /// Its key.
    pub(crate) log: &'s VerifierKey,
}

/// Why there is no bundle.
pub(crate) enum NotMade {
    /// It could not be made.
    Failed(CliError),
    /// What is signed is not believed.
    Bad(CliError),
}

impl From<CliError> for NotMade {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

/// Makes the bundle. What the report does not call proved was not made.
pub(crate) fn make(sources: &Sources<'_>, output: &Path, work: &Work<'_>) -> Result<BundleReport, NotMade> {
    if fs::symlink_metadata(output).is_ok() {
        let text = format!("{} is there already; bundles are not overwritten", output.display());
        return Err(CliError::new(text).into());
    }
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = tempfile::Builder::new().prefix(".bundle-").tempdir_in(parent);
    let directory = directory.map_err(|error| CliError::file("make a directory in", parent, error))?;
    let mut bundle = Bundle { directory: directory.path(), sums: Sums::new() };
    bundle.fill(sources, work)?;
    let report = bundle::verify(directory.path(), None, work)
        .map_err(|error| CliError::file("check the bundle", directory.path(), error))?;
    if report.verdict == ChainVerdict::Proved {
        commit(directory, output, parent).map_err(|error| CliError::file("create", output, error))?;
    }
    Ok(report)
}

/// Gives the directory its name, durably. Its files are on disk already.
fn commit(directory: tempfile::TempDir, output: &Path, parent: &Path) -> std::io::Result<()> {
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    File::open(directory.path())?.sync_all()?;
    renameat_with(CWD, directory.path(), CWD, output, RenameFlags::NOREPLACE)?;
    // Under its old name there is nothing left to be removed.
    let _renamed = directory.keep();
    File::open(parent)?.sync_all()
}

/// A bundle in the making.
struct Bundle<'d> {
    directory: &'d Path,
    sums: Sums,
}

impl Bundle<'_> {
    fn fill(&mut self, sources: &Sources<'_>, work: &Work<'_>) -> Result<(), NotMade> {
        let files = BuildFiles::read(sources.build)?;
        let intent = input::envelope(files.named(bundle::INTENT)?)?;
        let envelope = input::envelope(files.named(bundle::DOCUMENT)?)?;
        let trust = self.trust(sources)?;
        let uses = read_uses(sources.audit, Some(sources.log))
            .map_err(|error| CliError::file("use the audit log in", sources.audit, error))?;
        let mut held = Vec::new();
        let provenance = files.find(bundle::PROVENANCE).map(input::envelope).transpose()?;
        let logged = [(Logged::Intent, &intent), (Logged::Document, &envelope)];
        let logged = logged.into_iter().chain(provenance.iter().map(|it| (Logged::Provenance, it)));
        for (what, envelope) in logged {
            held.push(self.proof(sources, &uses, what, envelope)?);
        }
        let trust = trust.holding(held);
        let opened = VerificationDocument::open(&envelope, &trust).map_err(|error| {
            NotMade::Bad(CliError::because("the verification document is not believed", error))
        })?;
        let asked = BuildIntent::open(&intent, &trust)
            .map_err(|error| NotMade::Bad(CliError::because("the build intent is not believed", error)))?;
        let document = opened.get();
        if let Some(provenance) = &provenance {
            Provenance::open(provenance, &trust, document)
                .map_err(|error| NotMade::Bad(CliError::because("the provenance is not believed", error)))?;
            self.copy(files.named(bundle::PROVENANCE)?, bundle::PROVENANCE)?;
        }

        for name in [bundle::DOCUMENT, bundle::INTENT, bundle::RECIPE] {
            self.copy(files.named(name)?, name)?;
        }
        self.copy(files.with(&asked.get().request_digest, "request")?, bundle::REQUEST)?;
        self.copy(files.with(&document.build_log.sha256, "build log")?, bundle::BUILD_LOG)?;
        if let Some(report) = &document.test_report {
            self.copy(files.with(&report.sha256, "test report")?, bundle::TEST_REPORT)?;
        }
        for sbom in &document.sboms {
            self.copy(files.with(&sbom.sha256, "SBOM")?, &sbom.name)?;
        }
        self.image(&files, document)?;
        self.of_image(document, work)?;
        Ok(self.finish()?)
    }

    /// The trust store, the log's key with it.
    fn trust(&mut self, sources: &Sources<'_>) -> Result<TrustStore, CliError> {
        let mut trust = sources.trust.clone();
        let log = sources.log;
        let key = TrustedKey::new(log.name(), KeyKind::AuditLog, log.public_key().clone());
        trust.add(key).map_err(|error| CliError::because("cannot trust the log's key", error))?;
        self.write(bundle::TRUST, &trust.to_json())?;
        Ok(trust)
    }

    /// The log's first entry about a statement, and its proof.
    fn proof(
        &mut self,
        sources: &Sources<'_>,
        uses: &LoggedUses,
        what: Logged,
        envelope: &Envelope,
    ) -> Result<Held, CliError> {
        let audit = sources.audit;
        let payload = envelope.payload_digest();
        let signers: Vec<_> = envelope.key_ids_unverified().collect();
        let found = uses.uses.iter().find(|(_, one)| one.payload == payload && signers.contains(&one.key_id));
        let found = found.map(|(index, _)| *index);
        let name = match what {
            Logged::Intent => bundle::INTENT,
            Logged::Document => bundle::DOCUMENT,
            Logged::Provenance => bundle::PROVENANCE,
        };
        let index = found.ok_or_else(|| {
            CliError::new(format!(
                "the audit log in {} does not hold {name} (payload {payload})",
                audit.display()
            ))
        })?;
        let cannot_prove = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::because(format!("cannot prove that the audit log holds {name}"), error)
        };
        let (proof, entry) = audit::prove(audit, index).map_err(|error| cannot_prove(error.into()))?;
        self.write(what.entry(), &entry)?;
        self.write(what.proof(), proof.to_string().as_bytes())?;
        Held::verify(&proof, &entry, sources.log).map_err(|error| cannot_prove(error.into()))
    }

    /// The image; where it is shipped in an ISO image, that and the image in it.
    fn image(&mut self, files: &BuildFiles<'_>, document: &VerificationDocument) -> Result<(), CliError> {
        let image = &document.image;
        let Some(container) = &document.container else {
            return self.copy(files.with(&image.sha256, "image")?, &image.name);
        };
        let iso = files.with(&container.sha256, "ISO image")?;
        self.copy(iso, &container.name)?;
        let source = Source::of_document(iso, Some(container))?;
        let path = self.path(&image.name)?;
        let written = source.copy_to(&mut new_file(&path)?);
        written.map_err(|error| CliError::file("write", &path, error))?;
        self.add(&path, &image.name)
    }

    /// What is made anew of the image: its hash device and its manifest in both forms.
    fn of_image(&mut self, document: &VerificationDocument, work: &Work<'_>) -> Result<(), CliError> {
        let path = self.directory.join(&document.image.name);
        let image = File::open(&path).map_err(|error| CliError::file("read", &path, error))?;
        let tree = document
            .verity_tree()
            .map_err(|error| CliError::because("cannot use the document's parameters", error))?;
        let device = self.directory.join(bundle::HASH_DEVICE);
        let mut file = new_file(&device)?;
        verity::format(&image, None, &mut file, tree.params(), work)
            .map_err(|error| CliError::file("make the hash device of", &path, error))?;
        self.add(&device, bundle::HASH_DEVICE)?;
        let manifest = Manifest::of_squashfs(&image, work)
            .map_err(|error| CliError::file("read the squashfs", &path, error))?;
        let json = manifest
            .to_json()
            .map_err(|error| CliError::because("cannot write the manifest as json", error))?;
        self.write(bundle::MANIFEST, &json)?;
        self.write(bundle::FILE_SUMS, &manifest.to_sha256sum())
    }

    fn copy(&mut self, from: &Path, name: &str) -> Result<(), CliError> {
        let to = self.path(name)?;
        fs::copy(from, &to)
            .and_then(|_bytes| fs::set_permissions(&to, Permissions::from_mode(0o644)))
            .map_err(|error| CliError::file("copy", from, error))?;
        self.add(&to, name)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        let path = self.path(name)?;
        new_file(&path)?.write_all(bytes).map_err(|error| CliError::file("write", &path, error))?;
        self.add(&path, name)
    }

    /// Where a file of this name goes, if a bundle may have it.
    fn path(&self, name: &str) -> Result<PathBuf, CliError> {
        let bad = |error| CliError::because(format!("{name:?} is no file of a bundle"), error);
        self.sums.clone().add(name, openfactory_attest::Sha256Digest::of(b"")).map_err(bad)?;
        Ok(self.directory.join(name))
    }

    /// Lists a file that is there, and brings it to the disk.
    fn add(&mut self, path: &Path, name: &str) -> Result<(), CliError> {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|error| CliError::file("write", path, error))?;
        let digest = input::measure(path)?.sha256;
        self.sums
            .add(name, digest)
            .map_err(|error| CliError::because(format!("{name:?} is no file of a bundle"), error))
    }

    fn finish(&mut self) -> Result<(), CliError> {
        let path = self.directory.join(bundle::SUMS);
        let written = new_file(&path)?.write_all(self.sums.to_text().as_bytes());
        let synced = written.and_then(|()| File::open(&path)?.sync_all());
        synced.map_err(|error| CliError::file("write", &path, error))
    }
}

fn new_file(path: &Path) -> Result<File, CliError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    opened.map_err(|error| CliError::file("create", path, error))
}
