//! `attest pki check`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::pki::Published;
use serde_json::json;

use super::file::{NoStatement, Statement, certificate, certificates, revocations};
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The trust store
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The authority's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The certificate revocation list that is published
    #[arg(long, value_name = "FILE", required_unless_present = "ocsp")]
    crl: Option<PathBuf>,
    /// An OCSP response that is published; may be given several times
    #[arg(long, value_name = "FILE")]
    ocsp: Vec<PathBuf>,
    /// A key's certificate, whoever made it; may be given several times
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let store = input::trust_file(&self.trust)?;
        let list = revocations(&store, &self.trust)?;
        let ca = certificate(&self.ca)?;
        let certificates = certificates(&self.certificate)?;
        let mut findings = Vec::new();
        let (mut crl, mut responses) = (None, Vec::new());
        for path in self.crl.iter().chain(&self.ocsp) {
            match Statement::read(path, &ca) {
                Ok(Statement::Crl(read)) if self.crl.as_ref() == Some(path) => crl = Some(read),
                Ok(Statement::Ocsp(read)) if self.ocsp.contains(path) => responses.push(*read),
                Ok(_) => return Err(CliError::new(format!("{} is the other of the two", path.display()))),
                Err(NoStatement::Unreadable(error)) => return Err(error),
                Err(NoStatement::Bad(error)) => findings.push(format!("{}: {error}", path.display())),
            }
        }
        let mut published = Published::by(&ca).with_certificates(&certificates).with_responses(&responses);
        if let Some(crl) = &crl {
            published = published.with_crl(crl);
        }
        findings.extend(published.gaps(list, SystemTime::now()).iter().map(ToString::to_string));
        let revoked = list.revoked.len();
        if self.json {
            output::write_json(&json!({
                "revoked": revoked,
                "revocation_list": list.sequence,
                "findings": findings,
            }))?;
        } else {
            let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
            let verdict = if findings.is_empty() { "all published" } else { "not all published" };
            text.push_str(&format!("{revoked} keys revoked, {verdict}\n"));
            output::text(&text)?;
        }
        Ok(if findings.is_empty() { Verdict::Good } else { Verdict::Bad })
    }
}
