//! The evidence of the build that the fleet runs, in one directory that an auditor can take away.

use std::fs;
use std::path::{Path, PathBuf};

use openfactory_attest::Work;
use openfactory_attest::bundle::{self, BundleReport};
use openfactory_attest::chain::ChainVerdict;
use openfactory_attest::maturity::{self, Assessment};

use super::build::{REQUEST, once};
use super::error::{DemoError, During as _};
use super::site::Site;
use crate::attest::bundle::{NotMade, Sources, make};

/// The bundle, checked.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) directory: PathBuf,
    pub(crate) report: BundleReport,
    pub(crate) maturity: Assessment,
}

/// Makes the bundle of the first build, or takes the one that was made, and checks it.
pub(crate) fn gather(site: &Site) -> Result<Evidence, DemoError> {
    let bundles = site.path("bundles");
    fs::create_dir_all(&bundles).during(&format!("make {}", bundles.display()))?;
    let directory = bundles.join(site.first.as_str());
    if !directory.exists() {
        sweep(&bundles)?;
        once(&site.artifact(&site.first, bundle::REQUEST), || Ok(REQUEST.as_bytes().to_vec()))?;
        let build = site.path("builds").join(site.first.as_str());
        let (audit, log) = (site.path("router/audit"), site.log_key()?);
        let trust = site.trust()?;
        let sources = Sources { build: &build, trust: &trust, audit: &audit, log: &log };
        let made = make(&sources, &directory, &Work::on_all_cores());
        let made = made.map_err(|error| match error {
            NotMade::Failed(error) | NotMade::Bad(error) => error,
        });
        checked(made.during("make the evidence bundle")?)?;
    }
    let report =
        bundle::verify(&directory, None, &Work::on_all_cores()).during("check the evidence bundle")?;
    let report = checked(report)?;
    let packages = maturity::packages(&directory, &report).during("compare the SBOM with the image")?;
    let maturity = maturity::assess(&report, packages);
    Ok(Evidence { directory, report, maturity })
}

/// Removes what a demo that was killed left.
fn sweep(bundles: &Path) -> Result<(), DemoError> {
    let what = format!("tidy up {}", bundles.display());
    for entry in fs::read_dir(bundles).during(&what)? {
        let entry = entry.during(&what)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".bundle-") {
            fs::remove_dir_all(entry.path()).during(&what)?;
        }
    }
    Ok(())
}

fn checked(report: BundleReport) -> Result<BundleReport, DemoError> {
    if report.verdict == ChainVerdict::Proved {
        return Ok(report);
    }
    let links = report.broken().chain(report.not_checked());
    let links: Vec<String> = links.map(|link| format!("{}: {}", link.name, link.status)).collect();
    Err(DemoError::new(format!("the evidence of the build is not good: {}", links.join("; "))))
}
