//! The simulator's own certificate authority.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The CA's certificate, in the directory of `--tls-dir`.
const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file of the certificate authority can't be read or written.
    #[error("can't use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A certificate can't be made.
    #[error("can't make a certificate")]
    Certificate {
        /// What the certificate library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<rcgen::Error> for TlsError {
    fn from(source: rcgen::Error) -> Self {
        Self::Certificate { source: source.into() }
    }
}

/// What a server needs and what its clients have to trust.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) ca_pem: String,
}

/// A server certificate from the CA in `dir`, which is made if there is none, or from a CA in memory.
pub(crate) fn identity(dir: Option<&Path>, address: IpAddr) -> Result<Identity, TlsError> {
    let (ca_pem, ca_key) = match dir {
        Some(dir) => authority_in(dir)?,
        None => new_authority()?,
    };
    let issuer = Issuer::new(authority_params()?, KeyPair::from_pem(&ca_key)?);
    let key = KeyPair::generate()?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.is_unspecified() && !names.contains(&address.to_string()) {
        names.push(address.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "ServiceNow simulator");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
        })
        .map_err(|source| TlsError::Certificate { source: source.into() })?;
    Ok(Identity { config: Arc::new(config), ca_pem })
}

fn authority_params() -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "ServiceNow simulator test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Certificate and key of a new CA, PEM.
fn new_authority() -> Result<(String, String), TlsError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params()?.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn authority_in(dir: &Path) -> Result<(String, String), TlsError> {
    fs::create_dir_all(dir).map_err(|source| TlsError::File { path: dir.to_owned(), source })?;
    let (certificate, key) = (dir.join(CA_FILE), dir.join(CA_KEY_FILE));
    if !certificate.exists() {
        let (certificate_pem, key_pem) = new_authority()?;
        // The certificate comes last: where it is, its key is.
        replace(&key, key_pem.as_bytes(), true)?;
        replace(&certificate, certificate_pem.as_bytes(), false)?;
    }
    Ok((read(&certificate)?, read(&key)?))
}

fn read(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// Writes a file that is complete under its name, or not there.
fn replace(path: &Path, bytes: &[u8], private: bool) -> Result<(), TlsError> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(if private { 0o600 } else { 0o644 });
        }
        let mut file = options.open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| TlsError::File { path: path.to_owned(), source })
}
