//! `attest verity sign`.

use std::path::{Path, PathBuf};

use clap::Args;
use openfactory_attest::verity::signature::{Certificate, RootHashSignature, SignaturePartition, SigningKey};
use openfactory_attest::verity::{PartitionUuids, RootHash};
use serde_json::json;

use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;
use crate::private_key;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  attest verity sign rootfs.raw ROOT_HASH --key images.key --certificate images.key.crt
  openssl smime -verify -binary -inform DER -in rootfs.roothash.p7s -content rootfs.roothash \\
      -certfile images.key.crt -nointern -noverify

Beside IMAGE, without its ending .raw: IMAGE.roothash has the root hash in hex, IMAGE.roothash.p7s the detached PKCS#7
signature, as systemd looks for them. The hash device's name there is IMAGE.verity.")]
pub(crate) struct SignArgs {
    /// The image: only its name is used
    image: PathBuf,
    /// The root hash in hex
    root: RootHash,
    /// The private key (RSA or P-256, PKCS#8 PEM)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The certificate of this key (PEM)
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Also write what a signature partition holds: JSON, then zeros
    #[arg(long, value_name = "FILE")]
    partition: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl SignArgs {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let pem = private_key::read_pem(&self.key)
            .map_err(|error| CliError::file("use the private key in", &self.key, error))?;
        let key = SigningKey::from_pem(&pem).map_err(|error| {
            CliError::because(format!("{} is no key for root hashes", self.key.display()), error)
        })?;
        let certificate = read_certificate(&self.certificate)?;
        let signature = RootHashSignature::sign(&self.root, &key, &certificate)
            .map_err(|error| CliError::because("cannot sign the root hash", error))?;

        let inputs = || [self.image.as_path(), &self.key, &self.certificate];
        let (hash_file, signature_file) =
            (beside(&self.image, "roothash"), beside(&self.image, "roothash.p7s"));
        Target::new(&hash_file, inputs())?.write(self.root.to_string().as_bytes())?;
        Target::new(&signature_file, inputs())?.write(signature.as_der())?;
        let fingerprint = certificate.fingerprint();
        if let Some(file) = &self.partition {
            let partition = SignaturePartition::new(self.root, &certificate, signature);
            let bytes = partition
                .to_bytes()
                .map_err(|error| CliError::because("cannot write the signature partition", error))?;
            Target::new(file, inputs())?.write(&bytes)?;
        }
        let uuids = PartitionUuids::of(&self.root);
        if self.json {
            output::write_json(&json!({
                "root_hash": self.root.to_string(),
                "root_hash_file": hash_file.display().to_string(),
                "signature_file": signature_file.display().to_string(),
                "certificate_fingerprint": fingerprint,
                "data_partition_uuid": uuids.map(|uuids| uuids.data.to_string()),
                "hash_partition_uuid": uuids.map(|uuids| uuids.hash.to_string()),
            }))?;
        } else {
            let mut text = format!(
                "Root hash in:   {}\nSignature in:   {}\nCertificate:    {fingerprint}\n",
                hash_file.display(),
                signature_file.display(),
            );
            if let Some(PartitionUuids { data, hash, .. }) = uuids {
                text.push_str(&format!("Data partition: {data}\nHash partition: {hash}\n"));
            }
            output::text(&text)?;
        }
        Ok(Verdict::Good)
    }
}

pub(super) fn read_certificate(path: &Path) -> Result<Certificate, CliError> {
    let no_certificate = || format!("{} is no certificate for root hashes", path.display());
    let bytes = input::read_small(path)?;
    let pem = String::from_utf8(bytes).map_err(|error| CliError::because(no_certificate(), error))?;
    Certificate::from_pem(&pem).map_err(|error| CliError::because(no_certificate(), error))
}

/// The name of what belongs to an image, as systemd looks for it: an ending `.raw` gives way.
fn beside(image: &Path, ending: &str) -> PathBuf {
    if image.extension().is_some_and(|raw| raw == "raw") {
        return image.with_extension(ending);
    }
    let mut name = image.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_systemd_looks_for() {
        assert_eq!(beside(Path::new("a/b.raw"), "roothash"), Path::new("a/b.roothash"));
        assert_eq!(beside(Path::new("a/b.raw"), "roothash.p7s"), Path::new("a/b.roothash.p7s"));
        assert_eq!(beside(Path::new("a/b.squashfs"), "roothash"), Path::new("a/b.squashfs.roothash"));
    }
}
