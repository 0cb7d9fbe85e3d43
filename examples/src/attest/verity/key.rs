//! `attest verity key`.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use openfactory_attest::verity::signature::{Certificate, KeyAlgorithm, SigningKey};
use serde_json::json;

use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

const DAY: u64 = 86_400;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  attest verity key --out images.key --name 'Example image signing 2026'
  keyctl padd asymmetric '' %:.platform < images.key.der       # or CONFIG_SYSTEM_TRUSTED_KEYS, or /etc/verity.d for systemd

FILE has the private key (PKCS#8 PEM, mode 0600), FILE.crt the certificate. Nothing that is there is overwritten. The key
is for root hashes alone: whoever trusts it, trusts whole images.")]
pub(crate) struct KeyArgs {
    /// Where to put the private key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What signs: rsa-3072, which every kernel checks that checks any, or ecdsa-p256 (Linux 5.13)
    #[arg(long, value_name = "NAME", default_value = "rsa-3072")]
    algorithm: KeyAlgorithm,
    /// The certificate's common name
    #[arg(long, value_name = "NAME", default_value = "image signing")]
    name: String,
    /// For how many days the certificate is valid; the kernel does not look at it
    #[arg(long, value_name = "N", default_value_t = 3650, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: u64,
    /// Encrypt the private key with a passphrase, found as by `attest key generate`
    #[arg(long)]
    encrypt: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl KeyArgs {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let mut certificate_file = self.out.clone().into_os_string();
        certificate_file.push(".crt");
        let certificate_file = PathBuf::from(certificate_file);
        for file in [&self.out, &certificate_file] {
            if fs::symlink_metadata(file).is_ok() {
                return Err(CliError::new(format!(
                    "{} is there already; keys are not overwritten",
                    file.display()
                )));
            }
        }
        let key = SigningKey::generate(self.algorithm)
            .map_err(|error| CliError::because("cannot make a key", error))?;
        let now = SystemTime::now();
        let no_certificate = |error| CliError::because("cannot make a certificate", error);
        let certificate =
            Certificate::self_signed(&key, &self.name, now, now + Duration::from_secs(self.days * DAY))
                .map_err(no_certificate)?;
        let pem = certificate.to_pem().map_err(no_certificate)?;
        let private =
            key.to_pem().map_err(|error| CliError::because("cannot write the key as PEM", error))?;
        let private = input::kept(&private, self.encrypt.then_some(self.out.as_path()))?;
        input::create_new(&self.out, private.as_bytes(), 0o600)?;
        if let Err(error) = input::create_new(&certificate_file, pem.as_bytes(), 0o644) {
            // A key without its certificate is of no use here; the error is being told.
            let _removed = fs::remove_file(&self.out);
            return Err(error);
        }
        let (fingerprint, certificate) = (certificate.fingerprint(), certificate_file.display());
        let private = self.out.display();
        if self.json {
            output::write_json(&json!({
                "algorithm": self.algorithm.to_string(),
                "private_key": private.to_string(),
                "certificate": certificate.to_string(),
                "certificate_fingerprint": fingerprint,
            }))?;
        } else {
            let text = format!(
                "Private key:  {private}\nCertificate:  {certificate}\nFingerprint:  {fingerprint}\n"
            );
            output::text(&text)?;
        }
        Ok(Verdict::Good)
    }
}
