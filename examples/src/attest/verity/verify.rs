//! `attest verity verify`.

use std::path::PathBuf;

use clap::Args;
use openfactory_attest::verity::{self, RootHash};

use super::parameters::Parameters;
use super::{open, told};
use crate::attest::manifest::Threads;
use crate::attest::{CliError, output};
use crate::cli::Verdict;
use crate::progress;

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 intact, 1 damaged (every bad block is listed), 2 could not check.")]
pub(crate) struct VerifyArgs {
    /// The image
    data: PathBuf,
    /// The file with superblock and hash tree
    hash: PathBuf,
    /// The root hash in hex, from a source that you trust
    root: RootHash,
    #[command(flatten)]
    parameters: Parameters,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl VerifyArgs {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let (image, hash_file) = (open(&self.data)?, open(&self.hash)?);
        let (tree, disagreements) =
            self.parameters.for_tree((&self.data, &image), (&self.hash, &hash_file), self.root)?;
        let bar = progress::Bytes::new("checking");
        let tell = |done, total| bar.tell(done, total);
        let report = verity::verify(&image, &hash_file, &tree, &self.threads.work().telling(&tell))
            .map_err(|error| CliError::file("check", &self.data, error))?;
        drop(bar);
        let good = report.is_intact() && disagreements.is_empty();
        if self.json {
            output::write_json(&told::report_json(&tree, &report, &disagreements))?;
        } else if good {
            let (data_blocks, hash_blocks) = (tree.data_blocks(), tree.hash_blocks());
            let text = format!("intact: {data_blocks} data blocks, {hash_blocks} hash blocks\n");
            output::write(text.as_bytes())?;
        } else {
            let mut text: String = disagreements.iter().map(|line| format!("{line}\n")).collect();
            text.extend(report.findings().iter().map(|finding| format!("{finding}\n")));
            if report.omitted() > 0 {
                text.push_str(&format!("and {} more findings\n", report.omitted()));
            }
            output::write(text.as_bytes())?;
        }
        Ok(if good { Verdict::Good } else { Verdict::Bad })
    }
}
