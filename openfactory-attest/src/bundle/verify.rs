//! A bundle, checked link by link.

use std::path::Path;

use super::evidence::Measured;
use super::files::{Files, ReadBundleError};
use super::logged::{self, Searched};
use super::report::{BundleLink, BundleLinkName as Name, BundleReport, WhoseTrust};
use super::{
    DOCUMENT, FILE_SUMS, FIXED_NAMES, HASH_DEVICE, INTENT, Logged, MANIFEST, PROVENANCE, REQUEST, TRUST,
};
use crate::chain::{
    ChainReport, ChainVerdict, LinkName, LinkStatus, broken, holds, same, verify_links, whole,
};
use crate::document::{FileDigest, VerificationDocument};
use crate::envelope::{Envelope, MAX_ENVELOPE, Verified};
use crate::intent::BuildIntent;
use crate::provenance::Provenance;
use crate::trust::{MAX_FILE, TrustStore, TrustedKey};
use crate::work::Work;

/// Checks a bundle: every file against `SHA256SUMS`, and every link from the request to the image against what is signed.
///
/// Whose signatures count is for `trust` to say. Without it the bundle's own trust store does, which shows that the bundle
/// is whole and agrees with itself; that its keys ([`BundleReport::keys`]) are the right ones has to be known from elsewhere.
///
/// Nothing is read but the directory's files. Memory does not depend on the image's size, but for its file list.
///
/// # Errors
/// [`ReadBundleError`] where the directory is no bundle, or something in it could not be read. Whatever is read and is bad
/// is a broken link.
pub fn verify(
    directory: &Path,
    trust: Option<&TrustStore>,
    work: &Work<'_>,
) -> Result<BundleReport, ReadBundleError> {
    let (files, links) = Files::open(directory)?;
    let whose = if trust.is_some() { WhoseTrust::Given } else { WhoseTrust::Bundle };
    let mut check = Check { files, links, work, keys: Vec::new(), document: None };
    let trust = match trust {
        Some(trust) => trust.clone(),
        None => check.own_trust()?,
    };
    check.run(trust)?;
    let verdict = ChainVerdict::of(check.links.iter().map(|link| &link.status));
    let Check { links, keys, document, .. } = check;
    Ok(BundleReport { document, links, verdict, trust: whose, keys })
}

struct Check<'w> {
    files: Files,
    links: Vec<BundleLink>,
    work: &'w Work<'w>,
    keys: Vec<TrustedKey>,
    document: Option<VerificationDocument>,
}

impl Check<'_> {
    fn run(&mut self, trust: TrustStore) -> Result<(), ReadBundleError> {
        let (intent, document) = (self.envelope(INTENT)?, self.envelope(DOCUMENT)?);
        let log_intent = logged::search(&self.files, &trust, Logged::Intent)?;
        let log_document = logged::search(&self.files, &trust, Logged::Document)?;
        let log_provenance = logged::search(&self.files, &trust, Logged::Provenance)?;
        let searched = [&log_intent, &log_document, &log_provenance];
        // What a log held counts although its signer's key was revoked later.
        let trust = trust.holding(searched.into_iter().filter_map(|searched| match searched {
            Searched::Held(held) => Some(held.0.clone()),
            Searched::Nothing(_) => None,
        }));
        let opened = match &document {
            None => Err(format!("there is no {DOCUMENT}")),
            Some(Err(reason)) => Err(reason.clone()),
            Some(Ok(document)) => VerificationDocument::open(document, &trust).map_err(|error| whole(&error)),
        };
        let opened_intent =
            intent.as_ref().and_then(|intent| BuildIntent::open(intent.as_ref().ok()?, &trust).ok());
        match &opened {
            Err(reason) => self.add_chain(ChainReport::of_no_document(reason), &[]),
            Ok(opened) => self.document(opened, &intent, &trust)?,
        }
        self.request(opened_intent.as_ref());
        let opened = opened.ok();
        let opened_provenance = self.provenance(opened.as_ref(), &trust, &log_provenance)?;
        if let Some(Ok(intent)) = &intent {
            self.add(Name::LogIntent, logged::status(&log_intent, intent, opened_intent.as_ref()));
        }
        if let Some(Ok(document)) = &document {
            self.add(Name::LogDocument, logged::status(&log_document, document, opened.as_ref()));
        }
        self.add(Name::LogOrder, logged::order(&log_intent, &log_document));
        let logs = searched.into_iter().filter_map(|searched| match searched {
            Searched::Held(held) => Some(&held.1),
            Searched::Nothing(_) => None,
        });
        let signers = opened.iter().flat_map(Verified::signers);
        let intent_signers = opened_intent.iter().flat_map(Verified::signers);
        let provenance_signers = opened_provenance.iter().flat_map(Verified::signers);
        for key in signers.chain(intent_signers).chain(provenance_signers).chain(logs) {
            if !self.keys.contains(key) {
                self.keys.push(key.clone());
            }
        }
        self.document = opened.map(Verified::into_inner);
        Ok(())
    }

    /// The provenance, if there is one: it has no word of its own, but others go by it.
    fn provenance(
        &mut self,
        document: Option<&Verified<VerificationDocument>>,
        trust: &TrustStore,
        log: &Searched,
    ) -> Result<Option<Verified<Provenance>>, ReadBundleError> {
        let envelope = match self.envelope(PROVENANCE)? {
            None => {
                // Proof that a log held it shows that there was one.
                let left = [Logged::Provenance.entry(), Logged::Provenance.proof()];
                if self.files.names().any(|name| left.contains(&name)) {
                    let reason = format!("there is no {PROVENANCE}");
                    self.add(Name::Provenance, LinkStatus::NotChecked { reason });
                }
                return Ok(None);
            }
            Some(Ok(envelope)) => envelope,
            Some(Err(reason)) => {
                self.add(Name::Provenance, broken(reason));
                return Ok(None);
            }
        };
        let Some(document) = document else {
            let reason = "the document is not believed".to_owned();
            self.add(Name::Provenance, LinkStatus::NotChecked { reason });
            return Ok(None);
        };
        let (status, opened) = match Provenance::open(&envelope, trust, document.get()) {
            Ok(opened) => (holds(opened.acceptance()), Some(opened)),
            Err(error) => (broken(whole(&error)), None),
        };
        self.add(Name::Provenance, status);
        self.add(Name::LogProvenance, logged::status(log, &envelope, opened.as_ref()));
        Ok(opened)
    }

    /// The bundle's own trust store; nobody is trusted if there is none.
    fn own_trust(&mut self) -> Result<TrustStore, ReadBundleError> {
        let read = match self.files.read(TRUST, MAX_FILE)? {
            None => {
                let reason = format!("there is no {TRUST}, and no trust store was given");
                self.add(Name::Trust, LinkStatus::NotChecked { reason });
                return Ok(TrustStore::new());
            }
            Some(bytes) => bytes.and_then(|bytes| {
                let trust = TrustStore::parse(&bytes).map_err(|error| whole(&error))?;
                // What counted when its registry was signed; whoever wants another time gives a store of their own.
                let issued = trust.registry().map(|registry| registry.issued);
                let then = issued.map(|issued| trust.clone().as_of(issued));
                then.unwrap_or(Ok(trust)).map_err(|error| whole(&error))
            }),
        };
        let (status, trust) = match read {
            Ok(trust) => (LinkStatus::Proved, trust),
            Err(reason) => (broken(reason), TrustStore::new()),
        };
        self.add(Name::Trust, status);
        Ok(trust)
    }

    fn envelope(&self, name: &str) -> Result<Option<Result<Envelope, String>>, ReadBundleError> {
        let parse = |bytes: Vec<u8>| Envelope::parse(&bytes).map_err(|error| whole(&error));
        Ok(self.files.read(name, MAX_ENVELOPE)?.map(|bytes| bytes.and_then(parse)))
    }

    /// All that the document names.
    fn document(
        &mut self,
        opened: &Verified<VerificationDocument>,
        intent: &Option<Result<Envelope, String>>,
        trust: &TrustStore,
    ) -> Result<(), ReadBundleError> {
        let document = opened.get();
        let mut measured = Measured::of(&self.files, document, self.work)?;
        match intent {
            None => {}
            Some(Ok(intent)) => measured.evidence.intent = Some(intent.clone()),
            Some(Err(reason)) => measured.flaws.push((LinkName::Intent, reason.clone())),
        }
        self.add_chain(verify_links(opened, trust, &measured.evidence), &measured.flaws);

        let hash_area = FileDigest::new(document.verity.hash_area.size, document.verity.hash_area.sha256);
        let found = self.files.measured(HASH_DEVICE);
        self.add(Name::HashDevice, same(Some(&hash_area), found.as_ref(), "hash device"));
        let found = self.files.measured(MANIFEST).map(|file| file.sha256);
        self.add(Name::ManifestFile, same(Some(&document.manifest.sha256), found.as_ref(), "file manifest"));
        let status = match (&measured.file_sums, self.files.measured(FILE_SUMS)) {
            (Some(expected), Some(found)) if *expected == found => LinkStatus::Proved,
            (Some(_), Some(_)) => broken("it is not the list of the image's files"),
            (None, _) => {
                LinkStatus::NotChecked { reason: "the image's files could not be listed".to_owned() }
            }
            (_, None) => LinkStatus::NotChecked { reason: format!("there is no {FILE_SUMS}") },
        };
        self.add(Name::FileSums, status);
        self.strangers(document);
        Ok(())
    }

    /// Files that nothing signed speaks of are no evidence, whatever the sums say.
    fn strangers(&mut self, document: &VerificationDocument) {
        let named = |name: &str| {
            FIXED_NAMES.contains(&name)
                || document.image.name == name
                || document.container.as_ref().is_some_and(|iso| iso.name == name)
                || document.sboms.iter().any(|sbom| sbom.name == name)
        };
        let strangers: Vec<String> =
            self.files.names().filter(|name| !named(name)).map(str::to_owned).collect();
        for link in &mut self.links {
            if let Name::File(name) = &link.name
                && strangers.contains(name)
                && link.status == LinkStatus::Proved
            {
                link.status = broken("nothing that is signed speaks of it");
            }
        }
    }

    fn request(&mut self, intent: Option<&Verified<BuildIntent>>) {
        let status = match (intent, self.files.measured(REQUEST)) {
            (Some(intent), Some(found)) if intent.get().request_digest == found.sha256 => LinkStatus::Proved,
            (Some(intent), Some(found)) => broken(format!(
                "the intent names the request sha256 {}, this is sha256 {}",
                intent.get().request_digest,
                found.sha256
            )),
            (Some(_), None) => LinkStatus::NotChecked { reason: format!("there is no {REQUEST}") },
            (None, _) => LinkStatus::NotChecked { reason: "the build intent is not believed".to_owned() },
        };
        self.add(Name::Request, status);
    }

    fn add_chain(&mut self, report: ChainReport, flaws: &[(LinkName, String)]) {
        for link in report.links {
            let flaw = flaws.iter().find(|(name, _)| *name == link.name);
            let status = flaw.map_or(link.status, |(_, reason)| broken(reason));
            self.add(Name::Chain(link.name), status);
        }
    }

    fn add(&mut self, name: Name, status: LinkStatus) {
        self.links.push(BundleLink { name, status });
    }
}
