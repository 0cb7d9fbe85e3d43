//! The whole chain from request to image, link by link: proved, broken, or not checked and why.
//!
//! Pure: who calls has measured what it holds ([`Evidence`]); here it is held against the signed document.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::document::{FileDigest, ManifestDigest, NamedDigest, VerificationDocument};
use crate::envelope::{Acceptance, Envelope, Verified};
use crate::intent::BuildIntent;
use crate::test_report::TestSummary;
use crate::trust::TrustStore;
use crate::verity::RootHash;

/// What was measured of the artifacts at hand. What is `None` is not at hand, and its link not checked.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// The recipe's hash ([`BuildRecipe::recipe_hash`](crate::BuildRecipe::recipe_hash)).
    pub recipe_hash: Option<Sha256Digest>,
    /// The signed build intent.
    pub intent: Option<Envelope>,
    /// The build log's bytes.
    pub build_log: Option<FileDigest>,
    /// The image's bytes.
    pub image: Option<FileDigest>,
    /// The bytes of the ISO image that it is shipped in.
    pub container: Option<FileDigest>,
    /// What that ISO image has at the path that the *document* names.
    pub contained: Option<FileDigest>,
    /// The root hash of the image, computed with the *document's* parameters.
    pub root_hash: Option<RootHash>,
    /// The image's manifest ([`ManifestDigest::of`]), made anew from the image or read from a file.
    pub manifest: Option<ManifestDigest>,
    /// The test report's bytes.
    pub test_report: Option<FileDigest>,
    /// What that report says of each category ([`TestReport::summary`](crate::test_report::TestReport::summary)).
    pub tests: Option<TestSummary>,
    /// Package inventories.
    pub sboms: Vec<NamedDigest>,
    /// What is at hand but could not be measured, and why.
    pub unmeasured: Vec<(LinkName, String)>,
}

/// The links of the chain (integration guide, "Verification Chain").
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LinkName {
    /// The document is signed by a trusted build platform.
    Signature,
    /// It names this recipe.
    Recipe,
    /// It refers to a build intent, signed for the same recipe.
    Intent,
    /// It names this build log.
    BuildLog,
    /// It names this image.
    Image,
    /// It names this ISO image, which has the image in it.
    Container,
    /// The image has this dm-verity root hash.
    VerityRoot,
    /// The image has these files.
    Manifest,
    /// It names this test report.
    TestReport,
    /// It names this package inventory.
    Sbom(String),
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
#[non_exhaustive]
pub enum LinkStatus {
    /// Checked, and it holds.
    Proved,
    /// Checked, and it holds: signed by a key that was revoked later, but proved to have been in the audit log before
    /// the key was in other hands.
    AcceptedByLog {
        /// The log's name.
        log: String,
        /// The place in it.
        index: u64,
    },
    /// Checked, and it does not hold.
    Broken {
        /// Why not, for a person.
        reason: String,
    },
    /// Not checked.
    NotChecked {
        /// Why not, for a person.
        reason: String,
    },
}

/// A link and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Link {
    /// Which one.
    pub name: LinkName,
    /// What became of it.
    pub status: LinkStatus,
}

/// What the links come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainVerdict {
    /// Every link was checked and holds.
    Proved,
    /// No link is broken, but not every one was checked.
    Incomplete,
    /// At least one link is broken.
    Broken,
}

impl ChainVerdict {
    /// What these links come to.
    pub(crate) fn of<'s>(links: impl Iterator<Item = &'s LinkStatus>) -> Self {
        links.fold(Self::Proved, |verdict, status| match (verdict, status) {
            (Self::Broken, _) | (_, LinkStatus::Broken { .. }) => Self::Broken,
            (Self::Incomplete, _) | (_, LinkStatus::NotChecked { .. }) => Self::Incomplete,
            (Self::Proved, LinkStatus::Proved | LinkStatus::AcceptedByLog { .. }) => Self::Proved,
        })
    }
}

/// Every link with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainReport {
    /// The links, in the order in which they hold each other.
    pub links: Vec<Link>,
    /// What they come to.
    pub verdict: ChainVerdict,
}

impl ChainReport {
    /// What there is to say where the document is not even one: its link is broken for this reason, no other checked.
    pub fn of_no_document(reason: impl Into<String>) -> Self {
        Self::of(unbelieved(reason.into()))
    }

    fn of(links: Vec<Link>) -> Self {
        let verdict = ChainVerdict::of(links.iter().map(|link| &link.status));
        Self { links, verdict }
    }

    /// The links that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| matches!(link.status, LinkStatus::Broken { .. }))
    }
}

/// Checks a signed verification document against what is at hand. Where the document itself is not believed, the
/// signature's link is broken and nothing else is checked.
#[must_use]
pub fn verify_chain(document: &Envelope, trust: &TrustStore, evidence: &Evidence) -> ChainReport {
    match VerificationDocument::open(document, trust) {
        Ok(document) => verify_links(&document, trust, evidence),
        Err(error) => ChainReport::of_no_document(whole(&error)),
    }
}

/// Checks a document that was opened already.
#[must_use]
pub fn verify_links(
    document: &Verified<VerificationDocument>,
    trust: &TrustStore,
    evidence: &Evidence,
) -> ChainReport {
    let signature = holds(document.acceptance());
    let document = document.get();
    let mut links = vec![Link { name: LinkName::Signature, status: signature }];
    let mut add = |name, mut status: LinkStatus| {
        let why = evidence.unmeasured.iter().find(|(unmeasured, _)| *unmeasured == name);
        if let (LinkStatus::NotChecked { reason }, Some((_, why))) = (&mut status, why) {
            reason.clone_from(why);
        }
        links.push(Link { name, status });
    };
    add(LinkName::Recipe, same(Some(&document.recipe_hash), evidence.recipe_hash.as_ref(), "recipe"));
    add(LinkName::Intent, intent(document, trust, evidence.intent.as_ref()));
    add(LinkName::BuildLog, same(Some(&document.build_log), evidence.build_log.as_ref(), "build log"));
    let image = FileDigest::new(document.image.size, document.image.sha256);
    add(LinkName::Image, same(Some(&image), evidence.image.as_ref(), "image"));
    if document.container.is_some() || evidence.container.is_some() {
        let named = document.container.as_ref().map(|named| FileDigest::new(named.size, named.sha256));
        let status = match same(named.as_ref(), evidence.container.as_ref(), "ISO image") {
            LinkStatus::Proved => contained(&image, evidence.contained.as_ref()),
            other => other,
        };
        add(LinkName::Container, status);
    }
    let root_hash = RootHash::new(document.verity.root_hash);
    add(LinkName::VerityRoot, same(Some(&root_hash), evidence.root_hash.as_ref(), "dm-verity root hash"));
    add(LinkName::Manifest, same(Some(&document.manifest), evidence.manifest.as_ref(), "file manifest"));
    if document.test_report.is_some() || evidence.test_report.is_some() {
        let status = match same(document.test_report.as_ref(), evidence.test_report.as_ref(), "test report") {
            LinkStatus::Proved => tests(document.tests.as_ref(), evidence.tests.as_ref()),
            other => other,
        };
        add(LinkName::TestReport, status);
    }
    for named in &document.sboms {
        // One that only has the name is another one.
        let mut given = evidence.sboms.iter();
        let given = given
            .clone()
            .find(|sbom| sbom.sha256 == named.sha256)
            .or_else(|| given.find(|sbom| sbom.name == named.name));
        add(
            LinkName::Sbom(named.name.clone()),
            same(Some(&named.file()), given.map(NamedDigest::file).as_ref(), "SBOM"),
        );
    }
    for given in &evidence.sboms {
        let named = |sbom: &NamedDigest| sbom.sha256 == given.sha256 || sbom.name == given.name;
        if !document.sboms.iter().any(named) {
            add(LinkName::Sbom(given.name.clone()), broken("the document names no such SBOM"));
        }
    }
    ChainReport::of(links)
}

/// Whether the ISO image that the document names has its image in it: both digests may be right, and the two strangers.
fn contained(image: &FileDigest, found: Option<&FileDigest>) -> LinkStatus {
    match found {
        Some(found) if found == image => LinkStatus::Proved,
        Some(found) => broken(format!(
            "the ISO image has another file at the document's path: {}, not {}",
            found.told(),
            image.told()
        )),
        None => {
            LinkStatus::NotChecked { reason: "the squashfs within the ISO image was not read".to_owned() }
        }
    }
}

/// Whether the document says of the tests what its report says.
fn tests(named: Option<&TestSummary>, read: Option<&TestSummary>) -> LinkStatus {
    match (named, read) {
        (None, _) => LinkStatus::Proved,
        (Some(named), Some(read)) if named == read => LinkStatus::Proved,
        (Some(_), Some(_)) => broken("the document says of the tests what the test report does not say"),
        (Some(_), None) => {
            LinkStatus::NotChecked { reason: "what the test report says was not read".to_owned() }
        }
    }
}

/// A signature that counts.
pub(crate) fn holds(acceptance: &Acceptance) -> LinkStatus {
    match acceptance {
        Acceptance::Trusted => LinkStatus::Proved,
        Acceptance::ByLog { origin, index } => {
            LinkStatus::AcceptedByLog { log: origin.clone(), index: *index }
        }
    }
}

pub(crate) fn broken(reason: impl Into<String>) -> LinkStatus {
    LinkStatus::Broken { reason: reason.into() }
}

/// Compares what the document names with what is at hand.
pub(crate) fn same<T: PartialEq + Told>(named: Option<&T>, given: Option<&T>, what: &str) -> LinkStatus {
    match (named, given) {
        (Some(named), Some(given)) if named == given => LinkStatus::Proved,
        (Some(named), Some(given)) => {
            broken(format!("the document names the {what} {}, this is {}", named.told(), given.told()))
        }
        (Some(_), None) => LinkStatus::NotChecked { reason: format!("the {what} was not given") },
        (None, _) => broken(format!("the document names no {what}")),
    }
}

pub(crate) trait Told {
    fn told(&self) -> String;
}

impl Told for Sha256Digest {
    fn told(&self) -> String {
        format!("sha256 {self}")
    }
}

impl Told for RootHash {
    fn told(&self) -> String {
        self.to_string()
    }
}

impl Told for ManifestDigest {
    fn told(&self) -> String {
        format!("sha256 {} of {} entries as {}", self.sha256, self.entries, self.format)
    }
}

impl Told for FileDigest {
    fn told(&self) -> String {
        format!("sha256 {} of {} bytes", self.sha256, self.size)
    }
}

/// The document refers to this intent, and the intent is for the same recipe, not made after the document.
fn intent(document: &VerificationDocument, trust: &TrustStore, given: Option<&Envelope>) -> LinkStatus {
    let Some(named) = document.intent_digest else {
        return broken("the document refers to no signed build intent");
    };
    let Some(envelope) = given else {
        return LinkStatus::NotChecked { reason: "the build intent was not given".to_owned() };
    };
    if envelope.payload_digest() != named {
        return broken("the document refers to another build intent");
    }
    match BuildIntent::open(envelope, trust) {
        Err(error) => broken(format!("the build intent is not believed: {}", whole(&error))),
        Ok(intent) if intent.get().recipe_hash != document.recipe_hash => {
            broken("the build intent is for another recipe than the document")
        }
        Ok(intent) if intent.get().time > document.signature.time => {
            broken("the build intent says that it was made after the document")
        }
        Ok(intent) => holds(intent.acceptance()),
    }
}

fn unbelieved(reason: String) -> Vec<Link> {
    let rest = [
        LinkName::Recipe,
        LinkName::Intent,
        LinkName::BuildLog,
        LinkName::Image,
        LinkName::VerityRoot,
        LinkName::Manifest,
    ];
    let not_checked = || LinkStatus::NotChecked { reason: "the document is not believed".to_owned() };
    std::iter::once(Link { name: LinkName::Signature, status: broken(reason) })
        .chain(rest.into_iter().map(|name| Link { name, status: not_checked() }))
        .collect()
}

/// An error and its causes on one line.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.pad("signature"),
            Self::Recipe => f.pad("recipe"),
            Self::Intent => f.pad("intent"),
            Self::BuildLog => f.pad("build-log"),
            Self::Image => f.pad("image"),
            Self::Container => f.pad("container"),
            Self::VerityRoot => f.pad("verity-root"),
            Self::Manifest => f.pad("manifest"),
            Self::TestReport => f.pad("test-report"),
            Self::Sbom(name) => f.pad(&format!("sbom {name}")),
        }
    }
}

impl fmt::Display for LinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proved => f.write_str("proved"),
            Self::AcceptedByLog { log, index } => {
                write!(f, "accepted: its key was revoked, but {log} held it before, at index {index}")
            }
            Self::Broken { reason } => write!(f, "broken: {reason}"),
            Self::NotChecked { reason } => write!(f, "not checked: {reason}"),
        }
    }
}

impl fmt::Display for ChainVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proved => "proved",
            Self::Incomplete => "incomplete",
            Self::Broken => "broken",
        })
    }
}
