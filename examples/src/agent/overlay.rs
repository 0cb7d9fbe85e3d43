//! The device's Zone 2: what it holds against policy and seal, and the seal itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::sbom::combined::{self, Zone2};
use openfactory_attest::trust::{AddKeyError, TrustStore, TrustedKey};
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_zone2::check::{self, Results};
use openfactory_zone2::device::{Provisioned, SystemFacts, Zone, provision};
use openfactory_zone2::live::{FixedFacts, InterfaceAddress, LiveFacts};
use openfactory_zone2::lockdown::LockdownRecord;
use openfactory_zone2::lockdown::store::Loaded;
use openfactory_zone2::overlay_report::NotLookedAt;
use openfactory_zone2::policy::Policy;
use openfactory_zone2::scan::Scan;
use openfactory_zone2::seal::Binding;
use openfactory_zone2::value::Observer;
use openfactory_zone2::{LockdownState, OverlayReport, Seal};
use thiserror::Error;

use super::config::OverlayConfig;
use super::provision::ProvisionError;
use super::read::{ReadError, read};
use crate::told::told;
use crate::write_once::write_atomically;

/// The most that is read of a policy or facts file, in bytes.
const MAX_POLICY: u64 = 4 << 20;
/// The most that is read of an SBOM, in bytes.
const MAX_SBOM: u64 = 64 << 20;
/// The most that is read of a seal, in bytes.
const MAX_SEAL: u64 = 64 << 20;

/// Where a device's overlay and its rules are.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    root: PathBuf,
    manifest: PathBuf,
    constraints: PathBuf,
    facts: Option<PathBuf>,
    sbom: Option<PathBuf>,
    /// Where seals are kept.
    seals: PathBuf,
    device: DeviceId,
    /// Whom the device trusts, read at each use: who is revoked while the agent runs counts no more.
    trust: PathBuf,
    own: TrustedKey,
}

/// Why the overlay could not be looked at, or not be sealed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OverlayError {
    /// A file of the policy, the facts or the seal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The policy can't be used.
    #[error("the overlay's policy can't be used")]
    Policy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file of simulated facts can't be used.
    #[error("the facts in {path} can't be used")]
    Facts {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The overlay's root can't be opened.
    #[error("the overlay at {path} can't be opened")]
    Root {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The trust file can't be used.
    #[error("it can't be told whose seals count")]
    TrustFile(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The device's key stands in the trust file as something else.
    #[error("the trust file contradicts the device's own key")]
    Trust(#[from] AddKeyError),
    /// It can't be sealed as it is, or the seal can't be kept.
    #[error("the overlay can't be sealed")]
    Seal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Overlay {
    /// The overlay, if the agent is told of one: its root, manifest and constraints are set together or not at all.
    pub(super) fn of(
        config: &OverlayConfig,
        state: &Path,
        device: &DeviceId,
        trust: &Path,
        key: &Ed25519Key,
    ) -> Result<Option<Self>, OverlayError> {
        let OverlayConfig { root, manifest, constraints, facts, sbom } = config.clone();
        let (root, manifest, constraints) = match (root, manifest, constraints) {
            (Some(root), Some(manifest), Some(constraints)) => (root, manifest, constraints),
            (None, None, None) => return Ok(None),
            _ => {
                let reason = "[overlay] root, manifest and constraints belong together";
                return Err(OverlayError::Policy(reason.into()));
            }
        };
        let own = TrustedKey::new(device.as_str(), KeyKind::DeviceAttestation, key.public_key().clone());
        let (device, trust, seals) = (device.clone(), trust.to_owned(), state.join("seals"));
        let overlay = Self { root, manifest, constraints, facts, sbom, seals, device, trust, own };
        overlay.trust()?;
        Ok(Some(overlay))
    }

    /// Whose seals count: the device believes its own, whoever else is trusted.
    fn trust(&self) -> Result<TrustStore, OverlayError> {
        let mut trust =
            super::check::trust(&self.trust).map_err(|error| OverlayError::TrustFile(error.into()))?;
        trust.add(self.own.clone())?;
        Ok(trust)
    }

    /// Fills the empty overlay with the first values, and bears the device.
    pub(super) fn provision(
        &self,
        values: &Path,
        state: &Path,
        now: SystemTime,
    ) -> Result<Provisioned, ProvisionError> {
        let (policy, facts) = (self.policy()?, self.facts()?);
        Ok(provision(values, &self.root, state, &policy, facts.as_ref(), now)?)
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> Result<Policy, OverlayError> {
        let (manifest, constraints) =
            (read(&self.manifest, MAX_POLICY)?, read(&self.constraints, MAX_POLICY)?);
        Policy::parse(&manifest, &constraints).map_err(|error| OverlayError::Policy(error.into()))
    }

    /// What a directory holds against manifest and constraints.
    fn check(&self, policy: &Policy, now: SystemTime) -> Result<(Scan, Results), OverlayError> {
        let zone = Zone::open(&self.root)
            .map_err(|source| OverlayError::Root { path: self.root.clone(), source })?;
        let facts = self.facts()?;
        let scan = zone.scan(&policy.manifest);
        let mut observer = Observer::new(&zone, facts.as_ref());
        let values = check::constraints(&policy.constraints, now, |place| observer.observe(place));
        let results = check::manifest(&scan, &policy.manifest).and(values);
        Ok((scan, results))
    }

    /// The overlay as it is now, for the device's report.
    ///
    /// # Errors
    /// When policy or root can't be used at all; a part that can't be looked at stands in the report as that.
    pub(super) fn look(&self, lockdown: &Loaded, now: SystemTime) -> Result<OverlayReport, OverlayError> {
        let policy = self.policy()?;
        let (scan, mut results) = self.check(&policy, now)?;
        if let Some(lost) = &lockdown.lost {
            results.not_checked.push(NotLookedAt::new("lockdown record", told(lost)));
        }
        if lockdown.record.state() == LockdownState::Locked {
            results = results.and(self.against_seal(&lockdown.record, &policy, &scan));
        }
        let constraints = policy.constraints.iter().count() as u64;
        let Results { findings, not_checked, .. } = results;
        let report = OverlayReport::new(&lockdown.record, policy.digest);
        Ok(report.with_results(scan.entries.len() as u64, constraints, findings, not_checked))
    }

    /// What differs from the seal in force, as of now.
    pub(super) fn recheck(&self, record: &LockdownRecord) -> Result<Results, OverlayError> {
        let policy = self.policy()?;
        let zone = Zone::open(&self.root)
            .map_err(|source| OverlayError::Root { path: self.root.clone(), source })?;
        Ok(self.against_seal(record, &policy, &zone.scan(&policy.manifest)))
    }

    fn against_seal(&self, record: &LockdownRecord, policy: &Policy, scan: &Scan) -> Results {
        let mut results = Results::default();
        let Some(digest) = record.seal() else { return results };
        match self.open_seal(&digest) {
            Ok(seal) => check::seal(scan, &seal).and(check::policy(policy, &seal)),
            Err(reason) => {
                results.not_checked.push(NotLookedAt::new("seal", reason));
                results
            }
        }
    }

    fn open_seal(&self, digest: &Sha256Digest) -> Result<Seal, String> {
        let bytes = read(&self.seal_path(digest), MAX_SEAL).map_err(|error| told(&error))?;
        let envelope = Envelope::parse(&bytes).map_err(|error| told(&error))?;
        if envelope.payload_digest() != *digest {
            return Err("the kept seal is not the one that the lockdown record names".to_owned());
        }
        let trust = self.trust().map_err(|error| told(&error))?;
        let seal = Seal::open(&envelope, &trust, self.device.as_str()).map_err(|error| told(&error))?;
        Ok(seal.into_inner())
    }

    /// Seals the overlay as it is, by order of a command, and keeps the seal.
    pub(super) fn seal(
        &self,
        command: &str,
        base: &VerificationDocument,
        key: &Ed25519Key,
        now: SystemTime,
    ) -> Result<Sha256Digest, OverlayError> {
        let boxed = |error: Box<dyn std::error::Error + Send + Sync>| OverlayError::Seal(error);
        let policy = self.policy()?;
        let zone = Zone::open(&self.root)
            .map_err(|source| OverlayError::Root { path: self.root.clone(), source })?;
        let scan = zone.scan(&policy.manifest);
        let mut binding = Binding::new(self.device.as_str(), now, command, policy.digest)
            .on_base(base.verity.root_hash.to_string());
        fs::create_dir_all(&self.seals).map_err(|error| boxed(error.into()))?;
        if let Some(path) = &self.sbom {
            let combined = self.combined(path, base, &scan, now)?;
            let digest = Sha256Digest::of(&combined);
            write_atomically(&self.seals.join(format!("{digest}.sbom.json")), &combined, 0o600)
                .map_err(|error| boxed(error.into()))?;
            binding = binding.with_sbom(digest);
        }
        let seal = Seal::of(&scan, binding).map_err(|error| boxed(error.into()))?;
        let envelope = seal.sign(key).map_err(|error| boxed(error.into()))?;
        let digest = envelope.payload_digest();
        write_atomically(&self.seal_path(&digest), &envelope.to_json(), 0o600)
            .map_err(|error| boxed(error.into()))?;
        Ok(digest)
    }

    /// The image's SBOM, if it is the one that the document names, and what is sealed.
    fn combined(
        &self,
        path: &Path,
        base: &VerificationDocument,
        scan: &Scan,
        now: SystemTime,
    ) -> Result<Vec<u8>, OverlayError> {
        let bytes = read(path, MAX_SBOM)?;
        let found = Sha256Digest::of(&bytes);
        if !base.sboms.iter().any(|named| named.sha256 == found) {
            let reason = format!(
                "the signed document names no SBOM with SHA-256 {found}, which {} has",
                path.display()
            );
            return Err(OverlayError::Seal(reason.into()));
        }
        let sealed = scan.sealed().map_err(|error| OverlayError::Seal(error.into()))?;
        combined::document(&bytes, &Zone2::of(self.device.as_str(), &sealed), now)
            .map_err(|error| OverlayError::Seal(error.into()))
    }

    fn seal_path(&self, digest: &Sha256Digest) -> PathBuf {
        self.seals.join(format!("{digest}.json"))
    }

    fn facts(&self) -> Result<Box<dyn LiveFacts>, OverlayError> {
        let Some(path) = &self.facts else { return Ok(Box::new(SystemFacts)) };
        let error = |source| OverlayError::Facts { path: path.clone(), source };
        let interfaces: BTreeMap<String, Vec<String>> =
            serde_json::from_slice(&read(path, MAX_POLICY)?).map_err(|source| error(source.into()))?;
        let mut facts = FixedFacts::new();
        for (name, addresses) in interfaces {
            let addresses = addresses.iter().map(|text| address(text)).collect::<Result<_, _>>();
            facts.set_interface(name, addresses.map_err(error)?);
        }
        Ok(Box::new(facts))
    }
}

/// `ADDRESS/PREFIX`
fn address(text: &str) -> Result<InterfaceAddress, Box<dyn std::error::Error + Send + Sync>> {
    let (address, prefix) = text.split_once('/').ok_or_else(|| format!("{text:?} is not ADDRESS/PREFIX"))?;
    Ok(InterfaceAddress::new(address.parse()?, prefix.parse()?))
}
