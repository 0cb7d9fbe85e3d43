//! `attest key`: makes signing keys.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use openfactory_attest::audit::VerifierKey;
use openfactory_attest::{Ed25519Key, KeyKind, Signer as _, TrustStore, TrustedKey};
use serde_json::{Value, json};

use super::{CliError, input, output};
use crate::cli::Verdict;

/// `attest key ...`
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an Ed25519 key: FILE with the private key (PKCS#8 PEM, mode 0600), FILE.pub with the public one
    ///
    /// Nothing that is there is overwritten. Both files are what openssl reads and writes.
    #[command(after_help = "Examples:
  attest key generate --kind build-platform-signing --out platform.key --name 'build platform'
  attest key generate --kind audit-log --out log.key --name example.com/audit/router-1
  attest key generate --kind root-signing --out root.key --encrypt      # asks for a passphrase
  openssl pkey -pubin -in platform.key.pub -outform DER | sha256sum     # the key id

The passphrase is the one in the file that OPENFACTORY_PASSPHRASE_FILE names, or in OPENFACTORY_PASSPHRASE, or is asked
for; every command that signs finds it the same way. openssl pkey decrypts the key, and openssl pkcs8 -topk8 -scrypt
changes its passphrase.

With --json, `trust` is a trust store that holds this key.")]
    Generate {
        /// What the key is for, such as build-platform-signing, device-attestation, integration, audit-log
        #[arg(long)]
        kind: KeyKind,
        /// Where to put the private key
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// What people call it, for trust stores; for an audit log's key the log's origin. The file's name if not
        /// given
        #[arg(long)]
        name: Option<String>,
        /// Encrypt the private key with a passphrase (PBES2: scrypt, AES-256)
        #[arg(long)]
        encrypt: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl KeyCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Generate { kind, out, name, encrypt, json } = self;
        generate(kind, &out, name, encrypt, json)
    }
}

fn generate(
    kind: KeyKind,
    out: &Path,
    name: Option<String>,
    encrypt: bool,
    json: bool,
) -> Result<Verdict, CliError> {
    if !kind.signs() {
        return Err(CliError::new(format!(
            "a secret of kind {kind} signs nothing; only signing keys are made here"
        )));
    }
    let name = match name {
        Some(name) => name,
        None => input::name(out)?,
    };
    let mut public_file = out.to_owned().into_os_string();
    public_file.push(".pub");
    let public_file = PathBuf::from(public_file);
    for file in [out, &public_file] {
        if fs::symlink_metadata(file).is_ok() {
            return Err(CliError::new(format!(
                "{} is there already; keys are not overwritten",
                file.display()
            )));
        }
    }
    let key = Ed25519Key::generate().map_err(|error| CliError::because("cannot make a key", error))?;
    let pem = key.to_pem().map_err(|error| CliError::because("cannot write the key as PEM", error))?;
    let pem = input::kept(&pem, encrypt.then_some(out))?;
    input::create_new(out, pem.as_bytes(), 0o600)?;
    if let Err(error) = input::create_new(&public_file, key.public_key().to_pem().as_bytes(), 0o644) {
        // A private key without its public half is of no use to anybody; the error is being told.
        let _removed = fs::remove_file(out);
        return Err(error);
    }
    tell(&key, kind, &name, [out, &public_file], json)?;
    Ok(Verdict::Good)
}

fn tell(key: &Ed25519Key, kind: KeyKind, name: &str, files: [&Path; 2], json: bool) -> Result<(), CliError> {
    let [private, public] = files.map(|file| file.display().to_string());
    let verifier_key = match kind {
        KeyKind::AuditLog => VerifierKey::new(name, key.public_key().clone()).ok().map(|key| key.to_string()),
        _ => None,
    };
    if !json {
        let mut text = format!(
            "Key id:       {}\nKind:         {kind}\nPrivate key:  {private}\nPublic key:   {public}\n",
            key.key_id()
        );
        if let Some(key) = verifier_key {
            text.push_str(&format!("Verifier key: {key}\n"));
        }
        return output::write(text.as_bytes());
    }
    let mut trust = TrustStore::new();
    trust
        .add(TrustedKey::new(name, kind, key.public_key().clone()))
        .map_err(|error| CliError::because("cannot put the key into a trust store", error))?;
    let trust: Value = serde_json::from_slice(&trust.to_json())
        .map_err(|error| CliError::because("cannot print the trust store", error))?;
    let mut told = json!({
        "key_id": key.key_id(),
        "kind": kind,
        "name": name,
        "private_key": private,
        "public_key": public,
        "trust": trust,
    });
    if let (Some(key), Some(object)) = (verifier_key, told.as_object_mut()) {
        object.insert("verifier_key".to_owned(), key.into());
    }
    output::write_json(&told)
}
