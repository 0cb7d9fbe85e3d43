//! Links that must have been checked.

use std::str::FromStr;

use clap::Args;
use openfactory_attest::chain::{ChainReport, Link, LinkName, LinkStatus};

/// Which links it takes for the exit status 0.
#[derive(Debug, Args)]
pub(super) struct Requirement {
    /// Links that must have been checked: all, or names with commas between (signature, recipe, intent, build-log,
    /// image, verity-root, manifest, test-report, sbom). One that was not makes the exit status 2
    #[arg(long, value_name = "all|LINK,...", value_delimiter = ',')]
    require: Vec<Required>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Required {
    All,
    Link(&'static str),
}

/// The links that a chain may have, as they are named on the command line.
const LINKS: [&str; 9] =
    ["signature", "recipe", "intent", "build-log", "image", "verity-root", "manifest", "test-report", "sbom"];

impl FromStr for Required {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let link = LINKS.into_iter().find(|link| *link == text);
        link.map(Self::Link).ok_or_else(|| format!("there is no such link; known are {}", LINKS.join(", ")))
    }
}

impl Requirement {
    /// What is required and was not checked, in the order of the chain.
    pub(super) fn unmet(&self, report: &ChainReport) -> Vec<String> {
        let mut unmet: Vec<String> = not_checked(report)
            .filter(|link| self.asks_for(&link.name))
            .map(|link| link.name.to_string())
            .collect();
        // A link that the document does not have was not checked either.
        let absent = self.require.iter().filter_map(|required| match required {
            Required::Link(link) if !report.links.iter().any(|there| kind(&there.name) == *link) => {
                Some(*link)
            }
            _ => None,
        });
        unmet.extend(absent.map(str::to_owned));
        unmet
    }

    fn asks_for(&self, name: &LinkName) -> bool {
        self.require.iter().any(|required| match required {
            Required::All => true,
            Required::Link(link) => *link == kind(name),
        })
    }
}

/// The links that were not checked.
pub(super) fn not_checked(report: &ChainReport) -> impl Iterator<Item = &Link> {
    report.links.iter().filter(|link| matches!(link.status, LinkStatus::NotChecked { .. }))
}

/// The name of a link without that of a file.
fn kind(name: &LinkName) -> String {
    match name {
        LinkName::Sbom(_) => "sbom".to_owned(),
        name => name.to_string(),
    }
}
