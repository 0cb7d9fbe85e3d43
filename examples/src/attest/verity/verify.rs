//! `attest verity verify`.

use std::path::PathBuf;

use clap::Args;
use openfactory_attest::verity::signature::RootHashSignature;
use openfactory_attest::verity::{self, RootHash};
use serde_json::json;

use super::parameters::Parameters;
use super::sign::read_certificate;
use super::{open, told};
use crate::attest::manifest::Threads;
use crate::attest::{CliError, input, output};
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
    /// First check this PKCS#7 signature over the root hash, as the kernel would
    #[arg(long, value_name = "FILE.p7s", requires = "certificate")]
    signature: Option<PathBuf>,
    /// The certificate (PEM) whose key must have signed
    #[arg(long, value_name = "FILE", requires = "signature")]
    certificate: Option<PathBuf>,
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
        if let Some(reason) = self.unsigned()? {
            if self.json {
                output::write_json(&json!({ "intact": false, "signature": reason }))?;
            } else {
                output::text(&format!("the root hash is not signed: {reason}\n"))?;
            }
            return Ok(Verdict::Bad);
        }
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
            output::text(&text)?;
        } else {
            let mut text: String = disagreements.iter().map(|line| format!("{line}\n")).collect();
            text.extend(report.findings().iter().map(|finding| format!("{finding}\n")));
            if report.omitted() > 0 {
                text.push_str(&format!("and {} more findings\n", report.omitted()));
            }
            output::text(&text)?;
        }
        Ok(if good { Verdict::Good } else { Verdict::Bad })
    }

    /// What is wrong with the signature, if one was given.
    fn unsigned(&self) -> Result<Option<String>, CliError> {
        let (Some(signature), Some(certificate)) = (&self.signature, &self.certificate) else {
            return Ok(None);
        };
        let certificate = read_certificate(certificate)?;
        let verified = RootHashSignature::parse(&input::read_small(signature)?)
            .and_then(|signature| signature.verify(&self.root, &certificate));
        Ok(verified.err().map(|error| error.to_string()))
    }
}
