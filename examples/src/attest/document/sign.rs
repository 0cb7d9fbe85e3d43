//! `attest document sign`.

use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::audit::Entry;
use openfactory_attest::bundle::{self, Sums};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::{
    Builder, FileDigest, ImageFile, ManifestDigest, NamedDigest, Signature, VerificationDocument, VerityTree,
};
use openfactory_attest::provenance::Provenance;
use openfactory_attest::verity;
use openfactory_attest::{Envelope, Manifest, Signer as _};
use serde_json::{Value, json};

use crate::attest::manifest::Threads;
use crate::attest::signing_log::{AuditLog, host_name};
use crate::attest::source::{Source, Within};
use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;
use crate::progress;

/// What is measured and signed.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The squashfs image, or an ISO image with one in it: then both are signed
    #[arg(long, value_name = "IMAGE")]
    image: PathBuf,
    #[command(flatten)]
    within: Within,
    /// The recipe it was built from
    #[arg(long, value_name = "FILE")]
    recipe: PathBuf,
    /// The build log
    #[arg(long, value_name = "FILE")]
    build_log: PathBuf,
    /// The report of the tests in a virtual machine, whose verdicts are signed: JUnit XML, XCCDF results, or what
    /// `attest tests combine` makes of several
    #[arg(long, value_name = "FILE")]
    test_report: Option<PathBuf>,
    /// A package inventory; may be given several times
    #[arg(long, value_name = "FILE")]
    sbom: Vec<PathBuf>,
    /// The signed build intent; without one the chain stays broken
    #[arg(long, value_name = "FILE")]
    intent: Option<PathBuf>,
    /// The image's hash device, as `attest verity format` or `veritysetup format` wrote it
    #[arg(long, value_name = "FILE")]
    hash_file: Option<PathBuf>,
    /// The build's id; made of the image's digest if not given
    #[arg(long, value_name = "ID", value_parser = input::text)]
    build_id: Option<String>,
    /// Who built it; this host's name if not given
    #[arg(long, value_name = "ID", value_parser = input::text)]
    builder: Option<String>,
    /// The signer's printed name (21 CFR 11.50)
    #[arg(long, value_name = "NAME", default_value = "OpenFactory build platform", value_parser = input::text)]
    signer: String,
    /// What is meant by signing (21 CFR 11.50)
    #[arg(long, value_name = "TEXT", default_value = "build evidence is complete and recorded",
        value_parser = input::text)]
    meaning: String,
    /// The build platform's private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The signed document
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write the build's SLSA provenance (v1) here, signed by the same key
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    #[command(flatten)]
    audit: AuditLog,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Sign {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        // What can be refused at once is refused before gigabytes are hashed.
        let target = Target::new(&self.output, self.inputs())?;
        let provenance =
            self.provenance.as_deref().map(|path| Target::new(path, self.inputs())).transpose()?;
        let key = input::private_key(&self.key)?;
        let recipe_hash = input::recipe(&self.recipe)?.recipe_hash();
        let intent = self.intent.as_deref().map(|path| read_intent(path, &recipe_hash)).transpose()?;
        let log = self.audit.open(&key)?;

        let document = self.measure(recipe_hash, intent.as_ref())?;
        let envelope =
            document.sign(&key).map_err(|error| CliError::because("cannot sign the document", error))?;
        let told = json!({
            "build_id": document.build_id,
            "image_sha256": document.image.sha256,
            "iso_sha256": document.container.as_ref().map(|container| container.sha256),
            "root_hash": document.verity.root_hash,
            "salt": document.verity.salt,
            "uuid": document.verity.uuid,
            "manifest_sha256": document.manifest.sha256,
            "recipe_hash": document.recipe_hash,
            "document_digest": envelope.payload_digest(),
            "key_id": key.key_id(),
        });
        let provenance = provenance
            .map(|target| Provenance::sign(&document, &key).map(|envelope| (target, envelope)))
            .transpose()
            .map_err(|error| CliError::because("cannot sign the provenance", error))?;
        // The log knows of what is signed before anybody else does.
        if let Some(log) = log {
            if intent.as_ref().is_some_and(|intent| !log.holds(intent)) {
                output::warn(
                    "the audit log does not hold the build intent, so nothing proves that it was signed before the \
                     build; next time: attest intent sign --audit",
                )?;
            }
            let uses: Vec<&Envelope> = provenance.iter().map(|(_, it)| it).chain([&envelope]).collect();
            log.record(&entry(&document, &envelope, &told), &uses, key.key_id())?;
        }
        if let Some((target, envelope)) = provenance {
            target.write(&envelope.to_json())?;
        }
        target.write(&envelope.to_json())?;
        if self.json {
            output::write_json(&told)?;
        } else {
            output::text(&labels(&told))?;
        }
        Ok(Verdict::Good)
    }

    /// All that is read.
    fn inputs(&self) -> impl Iterator<Item = &Path> {
        let optional = [&self.test_report, &self.intent, &self.hash_file].into_iter().flatten();
        let named = [&self.image, &self.recipe, &self.build_log, &self.key].into_iter();
        named.chain(optional).chain(&self.sbom).map(PathBuf::as_path).chain(self.audit.paths())
    }

    /// What an evidence bundle of the build could not hold under its name is not signed: only a new signature would help.
    fn names_fit_a_bundle(&self, image: &str) -> Result<(), CliError> {
        let mut names = Sums::new();
        let any = Sha256Digest::of(b"");
        for name in bundle::FIXED_NAMES.into_iter().filter(|name| *name != bundle::SUMS) {
            names.add(name, any).map_err(|error| CliError::because("cannot name a bundle's files", error))?;
        }
        let mut add = |name: &str, path: &Path| {
            names.add(name, any).map_err(|error| CliError::file("sign the name of", path, error))
        };
        let given = input::name(&self.image)?;
        add(image, &self.image)?;
        if given != image {
            add(&given, &self.image)?;
        }
        self.sbom.iter().try_for_each(|path| add(&input::name(path)?, path))
    }

    fn measure(
        &self,
        recipe_hash: Sha256Digest,
        intent: Option<&Envelope>,
    ) -> Result<VerificationDocument, CliError> {
        let path = &self.image;
        let source = self.within.open(path)?;
        self.names_fit_a_bundle(&source.name(path)?)?;
        let image = source.measure(path)?;
        let manifest = self.manifest(&source)?;
        let build_id = match &self.build_id {
            Some(id) => id.clone(),
            None => format!("build-{}", image.sha256.to_string().split_at(16).0),
        };
        let mut document = VerificationDocument::new(
            build_id,
            ImageFile::new(source.name(path)?, image),
            self.tree(&source, &image)?,
            manifest,
            recipe_hash,
            input::measure(&self.build_log)?,
            Builder::new(self.builder()?),
            Signature::new(&self.signer, &self.meaning, SystemTime::now()),
        );
        if let Some(container) = source.container(path)? {
            document = document.with_container(container);
        }
        if let Some(intent) = intent {
            document = document.with_intent(intent);
        }
        if let Some(report) = &self.test_report {
            let (file, tests) = input::test_report(report)?;
            document = document.with_test_report(file).with_tests(tests);
        }
        for sbom in &self.sbom {
            document = document.with_sbom(NamedDigest::new(input::name(sbom)?, input::measure(sbom)?));
        }
        Ok(document)
    }

    fn manifest(&self, image: &Source) -> Result<ManifestDigest, CliError> {
        let bar = progress::Bytes::new("hashing files");
        let tell = |done, total| bar.tell(done, total);
        let manifest = Manifest::of_squashfs(image, &self.threads.work().telling(&tell))
            .map_err(|error| CliError::file("read the squashfs", &self.image, error))?;
        ManifestDigest::of(&manifest)
            .map_err(|error| CliError::because("cannot write the manifest as json", error))
    }

    /// The tree of the image, and the hash device's digest: made in a file that nobody sees.
    fn tree(&self, image: &Source, digest: &FileDigest) -> Result<VerityTree, CliError> {
        let params = match &self.hash_file {
            Some(path) => input::verity_params(path)?,
            None => VerityTree::params_for(&digest.sha256),
        };
        let directory = self.output.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let cannot_write = |error| CliError::file("write a temporary file in", directory, error);
        let mut hash_area = BufWriter::new(tempfile::tempfile_in(directory).map_err(cannot_write)?);
        let bar = progress::Bytes::new("hashing blocks");
        let tell = |done, total| bar.tell(done, total);
        let tree = verity::format(image, None, &mut hash_area, &params, &self.threads.work().telling(&tell))
            .map_err(|error| CliError::file("make the hash tree of", &self.image, error))?;
        hash_area.flush().map_err(cannot_write)?;
        let mut hash_area = hash_area.into_inner().map_err(|error| cannot_write(error.into_error()))?;
        hash_area.seek(SeekFrom::Start(0)).map_err(cannot_write)?;
        let (sha256, size) = Sha256Digest::of_reader(hash_area).map_err(cannot_write)?;
        let hash_area = FileDigest::new(size, sha256);
        if let Some(path) = &self.hash_file
            && input::measure(path)? != hash_area
        {
            let text = format!("{} is not the hash device of {}", path.display(), self.image.display());
            return Err(CliError::new(text));
        }
        VerityTree::new(&tree, hash_area).map_err(|error| CliError::because("cannot sign this tree", error))
    }

    fn builder(&self) -> Result<String, CliError> {
        match &self.builder {
            Some(builder) => Ok(builder.clone()),
            None => host_name()
                .map_err(|error| CliError::because("this host does not say its name; give --builder", error)),
        }
    }
}

/// That the document was signed, for the audit log.
fn entry(document: &VerificationDocument, envelope: &Envelope, told: &Value) -> Entry {
    let id = format!("document.signed:{}", envelope.payload_digest());
    let signature = &document.signature;
    Entry::new(id, &signature.name, "document.signed", signature.time, &document.build_id)
        .because(&signature.meaning)
        .with_new(told.clone())
}

/// The intent, if it is for this recipe. Who signed it is for whoever verifies to judge.
fn read_intent(path: &Path, recipe_hash: &Sha256Digest) -> Result<Envelope, CliError> {
    let envelope = input::envelope(path)?;
    let statement: Value = serde_json::from_slice(envelope.payload_unverified())
        .map_err(|error| CliError::because(format!("{} holds no build intent", path.display()), error))?;
    let named = statement.pointer("/predicate/recipeHash").and_then(Value::as_str);
    if named == Some(recipe_hash.to_string().as_str()) {
        Ok(envelope)
    } else {
        Err(CliError::new(format!("{} is not the build intent of this recipe", path.display())))
    }
}

fn labels(told: &Value) -> String {
    let lines = [
        ("Build id:", "build_id"),
        ("Image sha256:", "image_sha256"),
        ("Root hash:", "root_hash"),
        ("Salt:", "salt"),
        ("UUID:", "uuid"),
        ("Manifest sha256:", "manifest_sha256"),
        ("Recipe hash:", "recipe_hash"),
        ("Document digest:", "document_digest"),
        ("Key id:", "key_id"),
    ];
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    lines.iter().map(|(label, name)| format!("{label:<17}{}\n", text(name))).collect()
}
