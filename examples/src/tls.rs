//! TLS for the services: the one cryptography provider, server certificates, and clients that trust a named CA.

mod local;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

pub use local::LocalCertificates;

/// The most bytes read of a certificate or key file.
const MAX_PEM: u64 = 1024 * 1024;

/// Why TLS could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate or key file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate or key file can't be written.
    #[error("can't write {path}")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file doesn't hold what it should.
    #[error("{path} holds no {expected}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What the parser says, if it ran.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Certificate and key don't fit each other, or can't be used.
    #[error("the certificate in {path} can't be used")]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What the TLS library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A certificate is configured without its key, or a key without its certificate.
    #[error("certificate_file and key_file belong together: give both")]
    Half,
    /// Certificate files are configured and a local CA too.
    #[error("give certificate_file and key_file, or local_tls_directory, not both")]
    Both,
    /// A certificate could not be made.
    #[error("can't make a certificate")]
    Make {
        /// What the certificate library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The HTTP client could not be built.
    #[error("can't set up an HTTP client")]
    Client {
        /// What the HTTP library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Chooses ring as the process's one cryptography provider. Every path into TLS here calls it; again does nothing.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("the process had chosen its cryptography provider before");
        }
    });
}

/// A server's certificate chain and key, ready for a listener. Cheap to clone.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads a PEM certificate chain, leaf first, and its PEM private key. TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// When a file can't be read, isn't PEM of the right kind, or certificate and key don't fit.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        install_provider();
        let certificates = certificates(chain)?;
        let key_pem = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|source| TlsError::Content {
            path: key.to_owned(),
            expected: "PEM private key",
            source: Some(Box::new(source)),
        })?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|source| TlsError::Unusable { path: chain.to_owned(), source: Box::new(source) })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    /// What a listener's configuration comes to: the certificate and key of these files; or one of the local CA in
    /// `local`, made there if need be at `now`; or, with neither, none: plain HTTP.
    ///
    /// # Errors
    /// When only one of certificate and key is given, or either way fails.
    pub fn for_listener(
        certificate: Option<&Path>,
        key: Option<&Path>,
        local: Option<&Path>,
        now: SystemTime,
    ) -> Result<Option<Self>, TlsError> {
        match (certificate, key, local) {
            (Some(certificate), Some(key), None) => Self::from_files(certificate, key).map(Some),
            (None, None, Some(directory)) => LocalCertificates::ensure(directory, now)?.server().map(Some),
            (None, None, None) => Ok(None),
            (Some(_), None, _) | (None, Some(_), _) => Err(TlsError::Half),
            (Some(_), Some(_), Some(_)) => Err(TlsError::Both),
        }
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// Reads a service's base URL: `https`, or `http` to this machine.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn service_url(text: &str) -> Result<reqwest::Url, &'static str> {
    let url = reqwest::Url::parse(text).map_err(|_invalid| "it is no URL")?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err("plain http is only for this machine; use https"),
        _ => Err("it is not https"),
    }
}

/// Builds an HTTP client. With `ca` it trusts the certificates of that PEM file and no others, else those that the
/// machine trusts. It follows no redirect, keeps no cookie, and uses no proxy.
///
/// # Errors
/// When the CA file can't be read or holds no certificate.
pub fn http_client(ca: Option<&Path>, timeout: Duration) -> Result<reqwest::Client, TlsError> {
    install_provider();
    let client_error = |source: reqwest::Error| TlsError::Client { source: Box::new(source) };
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .timeout(timeout)
        .user_agent(concat!("openfactory/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = ca {
        let roots = certificates(path)?
            .iter()
            .map(|certificate| reqwest::Certificate::from_der(certificate))
            .collect::<Result<Vec<_>, _>>()
            .map_err(client_error)?;
        builder = builder.tls_certs_only(roots);
    }
    builder.build().map_err(client_error)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let content = |source| TlsError::Content { path: path.to_owned(), expected: "PEM certificate", source };
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| content(Some(Box::new(source))))?;
    if certificates.is_empty() { Err(content(None)) } else { Ok(certificates) }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read as _;
    let error = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(error)?;
    file.take(MAX_PEM + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > MAX_PEM {
        return Err(error(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
    }
    Ok(bytes)
}
