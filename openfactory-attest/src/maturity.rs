//! Integrity maturity: how much is proved of a build, by evidence alone (integration guide, "Integrity Maturity Model").
//!
//! Six levels, each with criteria. A level is reached when its own criteria and those of all levels below hold; for the
//! next one [`Assessment::missing`] says what does not hold yet, and why. Levels 1 and 2 follow from the evidence bundle
//! of a build ([`bundle`](crate::bundle)); what a device does at run time is not in it, so that levels 3 to 6 are told
//! as not checked, whatever a fleet may do.
//!
//! ```
//! use openfactory_attest::maturity::Level;
//!
//! assert_eq!(Level::ImageSigning.to_string(), "L2");
//! assert_eq!(Level::ImageSigning.next(), Some(Level::RuntimeVerify));
//! ```

mod packages;

pub use packages::{PackagesError, packages};

use std::fmt;

use crate::bundle::{BundleLinkName, BundleReport};
use crate::chain::{LinkName, LinkStatus, broken};

/// A level of the model, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// L1: it is known what is installed.
    PackageAudit,
    /// L2: it is known who built it.
    ImageSigning,
    /// L3: it is known that it was not tampered with.
    RuntimeVerify,
    /// L4: it is known what changed, and why.
    OverlayGovernance,
    /// L5: the current state is known.
    Attestation,
    /// L6: all of that by hardware.
    HardwareRoot,
}

/// Something that a level takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Criterion {
    /// The level.
    pub level: Level,
    /// What it takes, for a person.
    pub what: &'static str,
    /// Whether it holds.
    pub status: LinkStatus,
}

/// How far a build has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assessment {
    /// All criteria, by level.
    pub criteria: Vec<Criterion>,
    /// Links of the bundle that are broken, whether a criterion is about them or not. One is enough for no level to be
    /// reached: evidence that is bad in one place is not believed in another.
    pub broken: Vec<BundleLinkName>,
}

impl Level {
    /// All levels, the first first.
    pub const ALL: [Self; 6] = [
        Self::PackageAudit,
        Self::ImageSigning,
        Self::RuntimeVerify,
        Self::OverlayGovernance,
        Self::Attestation,
        Self::HardwareRoot,
    ];

    /// The guide's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PackageAudit => "Package audit",
            Self::ImageSigning => "Image signing",
            Self::RuntimeVerify => "Runtime verify",
            Self::OverlayGovernance => "Overlay governance",
            Self::Attestation => "Attestation",
            Self::HardwareRoot => "Hardware root",
        }
    }

    /// The next level; `None` after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level > self)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PackageAudit => "L1",
            Self::ImageSigning => "L2",
            Self::RuntimeVerify => "L3",
            Self::OverlayGovernance => "L4",
            Self::Attestation => "L5",
            Self::HardwareRoot => "L6",
        })
    }
}

impl Assessment {
    /// The highest level whose criteria hold, with those of all levels below; `None` below the first, and where the bundle
    /// is broken.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        if !self.broken.is_empty() {
            return None;
        }
        Level::ALL.into_iter().take_while(|level| self.of(*level).all(Criterion::holds)).last()
    }

    /// The level to come to next; `None` if the last is reached.
    #[must_use]
    pub fn next(&self) -> Option<Level> {
        self.level().map_or(Some(Level::PackageAudit), Level::next)
    }

    /// What does not hold of the next level.
    pub fn missing(&self) -> impl Iterator<Item = &Criterion> {
        let next = self.next();
        self.criteria.iter().filter(move |it| Some(it.level) == next && !it.holds())
    }

    /// The criteria of a level.
    pub fn of(&self, level: Level) -> impl Iterator<Item = &Criterion> {
        self.criteria.iter().filter(move |criterion| criterion.level == level)
    }
}

impl Criterion {
    /// Whether it was checked and holds.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self.status, LinkStatus::Proved | LinkStatus::AcceptedByLog { .. })
    }
}

/// Assesses a build by its bundle, and by what the comparison of its inventories with the image came to ([`packages()`]).
#[must_use]
pub fn assess(bundle: &BundleReport, packages: LinkStatus) -> Assessment {
    let chain = |name| link(bundle, &BundleLinkName::Chain(name));
    let own = |name| link(bundle, &name);
    let later =
        |what| LinkStatus::NotChecked { reason: format!("the evidence of a build does not hold {what}") };
    use Level::*;
    let criteria = [
        (PackageAudit, "the signed document names an SBOM, and it is the one", sboms(bundle)),
        (
            PackageAudit,
            "the SBOM lists the packages that the image's package manager knows, and what was changed of them",
            packages,
        ),
        (PackageAudit, "every file of the image is in the signed manifest", chain(LinkName::Manifest)),
        (ImageSigning, "a trusted build platform signed the document", chain(LinkName::Signature)),
        (ImageSigning, "the image is the one that was signed", chain(LinkName::Image)),
        (ImageSigning, "its dm-verity root hash is the one that was signed", chain(LinkName::VerityRoot)),
        (ImageSigning, "it was built from the signed recipe", chain(LinkName::Recipe)),
        (ImageSigning, "the build log is the one that was signed", chain(LinkName::BuildLog)),
        (ImageSigning, "somebody asked for it first, signed", chain(LinkName::Intent)),
        (ImageSigning, "the audit log held the intent", own(BundleLinkName::LogIntent)),
        (ImageSigning, "the audit log held the document", own(BundleLinkName::LogDocument)),
        (ImageSigning, "the audit log held the intent first", own(BundleLinkName::LogOrder)),
        (
            RuntimeVerify,
            "a device reports dm-verity active with the signed root hash",
            later("device reports"),
        ),
        (
            OverlayGovernance,
            "writes to the overlay follow a policy, each with its order",
            later("overlay reports"),
        ),
        (Attestation, "devices attest in time, and pass", later("attestations over time")),
        (HardwareRoot, "a TPM's quote proves the measured boot", later("TPM quotes")),
    ];
    let criteria = criteria.into_iter().map(|(level, what, status)| Criterion { level, what, status });
    let broken = bundle.broken().map(|link| link.name.clone()).collect();
    Assessment { criteria: criteria.collect(), broken }
}

fn link(bundle: &BundleReport, name: &BundleLinkName) -> LinkStatus {
    let absent = || LinkStatus::NotChecked { reason: format!("the bundle has no link {name}") };
    bundle.status(name).cloned().unwrap_or_else(absent)
}

/// All inventories that the document names: none is as bad as a wrong one.
fn sboms(bundle: &BundleReport) -> LinkStatus {
    let statuses = || {
        bundle.links.iter().filter_map(|link| match &link.name {
            BundleLinkName::Chain(LinkName::Sbom(_)) => Some(&link.status),
            _ => None,
        })
    };
    let bad = statuses().find(|status| !matches!(status, LinkStatus::Proved));
    match (bad, statuses().next()) {
        (Some(bad), _) => bad.clone(),
        (None, Some(_)) => LinkStatus::Proved,
        (None, None) => broken("the document names no SBOM"),
    }
}

#[cfg(test)]
mod tests;
