//! `attest pki authority`, `certificate`, `crl` and `ocsp`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use openfactory_attest::key::KeyId;
use openfactory_attest::pki::{Authority, KeyCertificate};

use super::file::{CaKey, cannot, certificate, certificates, revocations};
use crate::attest::target::Target;
use crate::attest::trust::file::public_key;
use crate::attest::{CliError, input};
use crate::cli::Verdict;

const DAY: u64 = 86_400;

#[derive(Debug, Args)]
pub(crate) struct AuthorityArgs {
    /// The private key: Ed25519, RSA or P-256, PKCS#8 PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The common name
    #[arg(long)]
    name: String,
    /// For how many days it is valid
    #[arg(long, value_name = "N", default_value_t = 3650, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: u64,
    /// Where to put it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    #[command(flatten)]
    ca: Ca,
    /// The key's public half, Ed25519 in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The common name
    #[arg(long)]
    name: String,
    /// For how many days it is valid
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: u64,
    /// Where to put it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CrlArgs {
    #[command(flatten)]
    ca: Ca,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub(crate) struct OcspArgs {
    #[command(flatten)]
    ca: Ca,
    #[command(flatten)]
    told: Told,
    /// A key's id, besides the keys of the certificates; may be given several times
    #[arg(long, value_name = "ID", required_unless_present = "certificate")]
    key_id: Vec<KeyId>,
}

/// Who signs.
#[derive(Debug, Args)]
struct Ca {
    /// The authority's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The authority's private key: Ed25519, RSA or P-256, PKCS#8 PEM
    #[arg(long, value_name = "FILE")]
    ca_key: PathBuf,
}

/// What is told, and for how long.
#[derive(Debug, Args)]
struct Told {
    /// The trust store, whose revocation list it is
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// A key's certificate, whoever made it; may be given several times
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// For how many days it is to be gone by
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
    /// Where to put it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Ca {
    fn read(&self) -> Result<(CaKey, KeyCertificate), CliError> {
        Ok((CaKey::read(&self.ca_key)?, certificate(&self.ca)?))
    }

    fn inputs(&self) -> impl Iterator<Item = &Path> {
        [self.ca.as_path(), &self.ca_key].into_iter()
    }
}

impl Told {
    fn target<'t>(&'t self, ca: &'t Ca) -> Result<Target<'t>, CliError> {
        let inputs = ca.inputs().chain([self.trust.as_path()]);
        Target::new(&self.output, inputs.chain(self.certificate.iter().map(PathBuf::as_path)))
    }
}

fn after(now: SystemTime, days: u64) -> SystemTime {
    now + Duration::from_secs(days * DAY)
}

impl AuthorityArgs {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let target = Target::new(&self.output, [self.key.as_path()])?;
        let key = CaKey::read(&self.key)?;
        let now = SystemTime::now();
        let made = key.key().self_signed(&self.name, now, after(now, self.days)).map_err(cannot)?;
        target.write(made.to_pem().map_err(cannot)?.as_bytes())?;
        Ok(Verdict::Good)
    }
}

impl CertificateArgs {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let target = Target::new(&self.output, self.ca.inputs().chain([self.key.as_path()]))?;
        let subject = public_key(&self.key)?;
        let (key, certificate) = self.ca.read()?;
        let authority = Authority::new(key.key(), &certificate).map_err(cannot)?;
        let now = SystemTime::now();
        let made = authority.certify(&subject, &self.name, now, after(now, self.days)).map_err(cannot)?;
        target.write(made.to_pem().map_err(cannot)?.as_bytes())?;
        Ok(Verdict::Good)
    }
}

impl CrlArgs {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let target = self.told.target(&self.ca)?;
        let store = input::trust_file(&self.told.trust)?;
        let list = revocations(&store, &self.told.trust)?;
        let certificates = certificates(&self.told.certificate)?;
        let (key, certificate) = self.ca.read()?;
        let authority = Authority::new(key.key(), &certificate).map_err(cannot)?;
        let now = SystemTime::now();
        let crl = authority.crl(list, &certificates, now, after(now, self.told.days)).map_err(cannot)?;
        target.write(crl.to_pem().map_err(cannot)?.as_bytes())?;
        Ok(Verdict::Good)
    }
}

impl OcspArgs {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let target = self.told.target(&self.ca)?;
        let store = input::trust_file(&self.told.trust)?;
        let certificates = certificates(&self.told.certificate)?;
        let keys = self.key_id.iter().chain(certificates.iter().map(KeyCertificate::key_id));
        let keys: Vec<KeyId> = keys.copied().collect();
        let (key, certificate) = self.ca.read()?;
        let authority = Authority::new(key.key(), &certificate).map_err(cannot)?;
        let now = SystemTime::now();
        let response =
            authority.ocsp(&keys, &store, &certificates, now, after(now, self.told.days)).map_err(cannot)?;
        target.write(response.as_der())?;
        Ok(Verdict::Good)
    }
}
