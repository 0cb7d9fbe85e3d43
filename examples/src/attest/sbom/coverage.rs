//! `attest sbom coverage`: files that packages explain, and files that they do not.

use std::path::PathBuf;

use openfactory_attest::sbom::ModifiedFile;
use serde_json::{Value, json};

use super::{Looked, labels, look, summary};
use crate::attest::manifest::Threads;
use crate::attest::source::Within;
use crate::attest::{CliError, output};
use crate::cli::Verdict;

/// What is looked at, and how it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct CoverageCommand {
    /// A directory, a squashfs image, or an ISO image with one in it (which are not mounted)
    path: PathBuf,
    #[command(flatten)]
    within: Within,
    /// List the files that no package owns, too
    #[arg(long)]
    unowned: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl CoverageCommand {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let Looked { inventory, coverage, .. } = look(&self.path, &self.within, self.threads)?;
        let mut summary = summary(&inventory, &coverage);
        let modified = || coverage.compared().into_iter().flat_map(|compared| &compared.modified);
        let bad = modified().any(|file| !file.is_configuration);
        if self.json {
            summary.insert("modified_files".to_owned(), modified().map(as_json).collect());
            let unowned = coverage.unowned().iter().map(|path| Value::from(path.to_string()));
            summary.insert("unowned_files".to_owned(), unowned.collect());
            output::write_json(&Value::Object(summary))?;
        } else {
            let mut text = labels(&summary);
            for ModifiedFile { path, package, is_configuration, .. } in modified() {
                let what = if *is_configuration { "configured" } else { "modified" };
                text.push_str(&format!("{what:<11}{path} ({package})\n"));
            }
            for path in coverage.unowned().iter().filter(|_| self.unowned) {
                text.push_str(&format!("{:<11}{path}\n", "unowned"));
            }
            output::text(&text)?;
        }
        Ok(if bad { Verdict::Bad } else { Verdict::Good })
    }
}

fn as_json(file: &ModifiedFile) -> Value {
    json!({
        "path": file.path.to_string(),
        "package": file.package,
        "configuration": file.is_configuration,
    })
}
