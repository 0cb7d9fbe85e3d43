//! The build side of the story: recipe and intent before, image and evidence after the gate has opened.
//!
//! Every artifact is made once, complete under its name; a demo that goes on reads what it made before.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use openfactory_attest::chain::{ChainReport, Evidence, LinkName, LinkStatus, verify_chain};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::{
    Builder, FileDigest, ImageFile, ManifestDigest, Signature, VerificationDocument, VerityTree,
};
use openfactory_attest::envelope::Envelope;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::ledger::find_held;
use openfactory_attest::manifest::TreePath;
use openfactory_attest::squashfs::{Compression, Packer};
use openfactory_attest::trust::TrustStore;
use openfactory_attest::verity;
use openfactory_attest::{BuildRecipe, Manifest, Work};
use openfactory_sn::lifecycle::event::build::LinkStatus as ToldStatus;
use openfactory_sn::lifecycle::id::BuildId;

use super::error::{DemoError, During as _};
use super::machine::Machine;
use super::sbom::{self, Sbom};
use super::site::{REQUESTER, Site};
use super::source;
use crate::progress::Bytes;
use crate::write_once::{Part, read_or_write};

/// What the requester wrote.
pub(crate) const REQUEST: &str = "An image for the edge gateways of the press line: remote access for the service \
    staff, a firewall, hardened the standard way, with monitoring.";

/// How often, and at what distance, a checkpoint is waited for.
const CHECKPOINT_TRIES: u32 = 150;
const CHECKPOINT_LOOK: Duration = Duration::from_millis(100);

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What exists before the build: the recipe and the signed intent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) recipe: BuildRecipe,
    pub(crate) intent: Envelope,
}

/// What exists after it.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) id: BuildId,
    pub(crate) image_path: PathBuf,
    pub(crate) image: ImageFile,
    pub(crate) tree: verity::Tree,
    pub(crate) manifest: Manifest,
    pub(crate) document: Envelope,
    pub(crate) facts: VerificationDocument,
    pub(crate) sbom: Sbom,
    pub(crate) chain: ChainReport,
}

/// The recipe, and the intent that is signed before anything is built.
pub(crate) fn request(
    site: &Site,
    id: &BuildId,
    machine: &Machine,
    now: SystemTime,
) -> Result<Request, DemoError> {
    let directory = site.path("builds").join(id.as_str());
    fs::create_dir_all(&directory).during(&format!("make {}", directory.display()))?;
    let bytes = once(&site.artifact(id, "recipe.json"), || {
        let recipe = serde_json::json!({
            "name": "press-line-edge",
            "baseImage": machine.base_image,
            "features": ["ssh", "firewall", "security-hardening", "monitoring"],
            "packages": ["chrony", "nftables"],
            "services": [{"name": "ssh", "config": {"port": 22, "allow_root": false}}],
            "security": {"hardeningLevel": "standard", "auditLogging": true, "automaticUpdates": false}
        });
        Ok(serde_json::to_vec_pretty(&recipe)?)
    })?;
    let recipe = BuildRecipe::parse(&bytes).during("read the recipe")?;
    let key = site.build_platform()?;
    let bytes = once(&site.artifact(id, "intent.json"), || {
        let hash = recipe.recipe_hash();
        let intent = BuildIntent::new(hash, REQUEST, REQUESTER, machine.version.clone(), now);
        Ok(intent.sign(key.as_ref())?.to_json())
    })?;
    let intent = Envelope::parse(&bytes).during("read the signed intent")?;
    Ok(Request { recipe, intent })
}

/// Builds: packs the image (or takes one), hashes it every way there is, signs the document, verifies the chain.
pub(crate) fn build(
    site: &Site,
    id: &BuildId,
    request: &Request,
    given: Option<&Path>,
    now: SystemTime,
) -> Result<Built, DemoError> {
    let image_path = site.artifact(id, "image.squashfs");
    image(&image_path, given)?;
    let log = once(&site.artifact(id, "build.log"), || Ok(build_log(&image_path, given)?))?;
    let file = File::open(&image_path).during("open the image")?;
    let image_file = ImageFile::new("image.squashfs", digest(&image_path)?);
    let tree = hash_tree(&file, &image_file.sha256, &site.path("builds").join(id.as_str()))?;
    let manifest = manifest(&file, site, id)?;
    let root_hash = tree.root_hash();
    let of = sbom::Of { content: &file, image: &image_file, root_hash: &root_hash, manifest: &manifest };
    let sbom = sbom::make(site, id, &of, now)?;

    let key = site.build_platform()?;
    let bytes = once(&site.artifact(id, "verification.json"), || {
        let hash_area = fs::read(site.artifact(id, "image.verity"))?;
        let document = VerificationDocument::new(
            id.as_str(),
            image_file.clone(),
            VerityTree::new(&tree, FileDigest::of(&hash_area)).during("describe the hash tree")?,
            ManifestDigest::of(&manifest)?,
            request.recipe.recipe_hash(),
            FileDigest::of(&log),
            Builder::new("https://openfactory.tech/demo"),
            Signature::new("Demo Build Platform", "build released after verification", now),
        );
        let document = document.with_intent(&request.intent);
        let document = match sbom.made() {
            Some(made) => document.with_sbom(made.named.clone()),
            None => document,
        };
        Ok(document.sign(key.as_ref())?.to_json())
    })?;
    let document = Envelope::parse(&bytes).during("read the signed document")?;
    let trust = trust(site, [&request.intent, &document])?;
    let facts =
        VerificationDocument::open(&document, &trust).during("open the signed document")?.into_inner();
    let mut evidence = Evidence::default();
    evidence.recipe_hash = Some(request.recipe.recipe_hash());
    evidence.intent = Some(request.intent.clone());
    evidence.build_log = Some(FileDigest::of(&log));
    if sbom.made().is_some() {
        evidence.sboms.push(sbom::measure(site, id)?);
    }
    measure(&facts, (&file, &image_path), &mut evidence)?;
    let chain = verify_chain(&document, &trust, &evidence);
    Ok(Built { id: id.clone(), image_path, image: image_file, tree, manifest, document, facts, sbom, chain })
}

/// Whose signatures count, with proof that the audit log held these envelopes if a key of theirs was revoked since. May
/// wait for the log's next checkpoint.
pub(crate) fn trust<'a>(
    site: &Site,
    envelopes: impl IntoIterator<Item = &'a Envelope>,
) -> Result<TrustStore, DemoError> {
    let trust = site.trust()?;
    let revoked =
        |envelope: &&Envelope| envelope.key_ids_unverified().any(|key| trust.revoked(&key).is_some());
    let payloads: Vec<_> = envelopes.into_iter().filter(revoked).map(Envelope::payload_digest).collect();
    if payloads.is_empty() {
        return Ok(trust);
    }
    // The router signs a checkpoint every few seconds; only what one reaches is proved.
    for _ in 0..CHECKPOINT_TRIES {
        let held = find_held(&site.path("router/audit"), &site.log_key()?, &payloads);
        let held = held.during("look into the audit log")?;
        if held.len() >= payloads.len() {
            return Ok(trust.holding(held));
        }
        std::thread::sleep(CHECKPOINT_LOOK);
    }
    Err(DemoError::new("the audit log does not prove that it held the documents of the revoked key"))
}

/// Reads a given image whole before anything is begun: one that is none must leave nothing behind.
pub(crate) fn check_readable(given: &Path) -> Result<(), DemoError> {
    let what = format!("use the image {}", given.display());
    let metadata = fs::metadata(given).during(&what)?;
    if !metadata.is_file() {
        return Err(DemoError::new(format!("{} is no regular file", given.display())));
    }
    let image = File::open(given).during(&what)?;
    let manifest = Manifest::of_squashfs(&image, &Work::on_all_cores()).during(&what)?;
    if manifest.files().next().is_none() {
        return Err(DemoError::new(format!("{} holds no file that could be changed", given.display())));
    }
    if metadata.len() % 4096 != 0 {
        return Err(DemoError::new(format!("{} is no whole number of 4096-byte blocks", given.display())));
    }
    Ok(())
}

/// A story that goes on is about the image that it began with.
pub(crate) fn check_same(site: &Site, given: &Path) -> Result<(), DemoError> {
    let kept = site.artifact(&site.first, "image.squashfs");
    if !kept.exists() || digest(&kept)? == digest(given)? {
        return Ok(());
    }
    let text =
        format!("{} holds the story of another image: give another --data-dir", site.path("").display());
    Err(DemoError::new(text))
}

/// What there is to say of the image, measured anew from its file.
fn measure(
    facts: &VerificationDocument,
    (image, path): (&File, &Path),
    evidence: &mut Evidence,
) -> Result<(), DemoError> {
    let signed = facts.verity_tree().during("read the signed parameters")?;
    let root_hash = {
        let bar = Bytes::new("verifying blocks");
        let tell = |done, total| bar.tell(done, total);
        let work = Work::on_all_cores().telling(&tell);
        verity::root_hash(image, Some(signed.data_blocks()), signed.params(), &work)
            .during("hash the image's blocks")?
    };
    let again = Manifest::of_squashfs(image, &Work::on_all_cores()).during("hash the image's files")?;
    evidence.image = Some(digest(path)?);
    evidence.root_hash = Some(root_hash.root_hash());
    evidence.manifest = Some(ManifestDigest::of(&again).during("hash the manifest")?);
    Ok(())
}

/// SHA-256 and size of a file.
fn digest(path: &Path) -> Result<FileDigest, DemoError> {
    let what = format!("hash {}", path.display());
    let (sha256, size) = Sha256Digest::of_reader(File::open(path).during(&what)?).during(&what)?;
    Ok(FileDigest::new(size, sha256))
}

pub(super) fn once(path: &Path, make: impl FnOnce() -> Result<Vec<u8>, Cause>) -> Result<Vec<u8>, DemoError> {
    read_or_write(path, 0o644, make).during(&format!("make {}", path.display()))
}

/// Makes a large file once: `write` fills it under another name first.
fn large_once(path: &Path, write: impl FnOnce(&mut File) -> Result<(), Cause>) -> Result<(), DemoError> {
    let what = format!("make {}", path.display());
    if path.exists() {
        return Ok(());
    }
    let mut part = Part::beside(path, 0o644).during(&what)?;
    write(part.file()).during(&what)?;
    part.commit().during(&what)
}

fn image(path: &Path, given: Option<&Path>) -> Result<(), DemoError> {
    if let Some(given) = given {
        return large_once(path, |file| {
            std::io::copy(&mut File::open(given)?, file)?;
            Ok(())
        });
    }
    large_once(path, |file| {
        let mut packer = Packer::new(Compression::Zstd);
        for (link, target) in source::links(Path::new("/")) {
            packer.add_symlink(TreePath::new(link)?, &target)?;
        }
        for relative in source::choose(Path::new("/"), source::Limits::default()) {
            let path = TreePath::new(relative.as_os_str().as_encoded_bytes())?;
            let mode = source::permissions(&Path::new("/").join(&relative))?;
            packer.add_file(path, &Path::new("/").join(&relative), mode)?;
        }
        packer.write(file)?;
        Ok(())
    })
}

fn build_log(image: &Path, given: Option<&Path>) -> Result<Vec<u8>, std::io::Error> {
    let size = fs::metadata(image)?.len();
    let how = match given {
        Some(given) => format!("took the image {}", given.display()),
        None => "packed world-readable files of this machine into a squashfs (zstd)".to_owned(),
    };
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!("openfactory demo {version}\n{how}\nimage.squashfs: {size} bytes\n").into_bytes())
}

/// The dm-verity tree, in a file beside the image. Salt and UUID are the image's own, so that it is made alike
/// again.
fn hash_tree(image: &File, sha256: &Sha256Digest, directory: &Path) -> Result<verity::Tree, DemoError> {
    let params = VerityTree::params_for(sha256);
    let path = directory.join("image.verity");
    let bar = Bytes::new("hashing blocks");
    let tell = |done, total| bar.tell(done, total);
    let work = Work::on_all_cores().telling(&tell);
    let mut made = None;
    large_once(&path, |file| {
        made = Some(verity::format(image, None, file, &params, &work)?);
        Ok(())
    })?;
    match made {
        Some(tree) => Ok(tree),
        None => verity::root_hash(image, None, &params, &work).during("hash the image's blocks"),
    }
}

fn manifest(image: &File, site: &Site, id: &BuildId) -> Result<Manifest, DemoError> {
    let bar = Bytes::new("hashing files");
    let tell = |done, total| bar.tell(done, total);
    let work = Work::on_all_cores().telling(&tell);
    let json =
        once(&site.artifact(id, "manifest.json"), || Ok(Manifest::of_squashfs(image, &work)?.to_json()?))?;
    let manifest = Manifest::parse_json(&json).during("read the manifest")?;
    once(&site.artifact(id, "squashfs-hashes.sha256"), || Ok(manifest.to_sha256sum()))?;
    Ok(manifest)
}

/// The name of a link, for a person.
pub(crate) fn link_name(name: &LinkName) -> String {
    match name {
        LinkName::Signature => "signature".to_owned(),
        LinkName::Recipe => "recipe".to_owned(),
        LinkName::Intent => "build intent".to_owned(),
        LinkName::BuildLog => "build log".to_owned(),
        LinkName::Image => "image".to_owned(),
        LinkName::VerityRoot => "dm-verity root hash".to_owned(),
        LinkName::Manifest => "file manifest".to_owned(),
        LinkName::TestReport => "test report".to_owned(),
        LinkName::Sbom(name) => format!("SBOM {name}"),
        _ => "another link".to_owned(),
    }
}

/// A link's status as events tell it, and its reason.
pub(crate) fn link_status(status: &LinkStatus) -> (ToldStatus, &str) {
    match status {
        LinkStatus::Proved => (ToldStatus::Proved, ""),
        LinkStatus::AcceptedByLog { .. } => {
            (ToldStatus::Proved, "its key was revoked later; the audit log held it before")
        }
        LinkStatus::NotChecked { reason } => (ToldStatus::NotChecked, reason),
        LinkStatus::Broken { reason } => (ToldStatus::Broken, reason),
        // What this version does not know is not believed.
        _ => (ToldStatus::Broken, ""),
    }
}
