//! How the server is known: by which roots its certificate is checked.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::error::{Error, ErrorKind};

/// Which certificates the server may show. Its name is always checked.
#[derive(Clone)]
#[non_exhaustive]
pub enum Tls {
    /// No TLS: for a socket, or a network that is nobody else's.
    Off,
    /// One that the platform trusts.
    Platform,
    /// One that was signed by these roots, in PEM.
    Roots(Vec<u8>),
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Platform => "Platform",
            Self::Roots(_) => "Roots",
        })
    }
}

impl Tls {
    /// What makes connections by it, if there is to be TLS.
    pub(crate) fn client(&self) -> Result<Option<ClientConfig>, Error> {
        let invalid = |detail: &str| Error::new(ErrorKind::Invalid, "open", detail);
        let builder = || {
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|source| invalid("TLS can't be set up").with_source(source))
        };
        let verified = match self {
            Self::Off => return Ok(None),
            Self::Platform => builder()?
                .with_platform_verifier()
                .map_err(|source| invalid("the platform's roots can't be used").with_source(source))?,
            Self::Roots(pem) => builder()?.with_root_certificates(roots(pem)?),
        };
        Ok(Some(verified.with_no_client_auth()))
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, Error> {
    let invalid = |detail: &str| Error::new(ErrorKind::Invalid, "open", detail);
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|source| invalid("the roots are no PEM").with_source(source))?;
        store.add(certificate).map_err(|source| invalid("a root can't be used").with_source(source))?;
    }
    if store.is_empty() {
        return Err(invalid("the roots hold no certificate"));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_that_are_none_are_refused() {
        for bad in [&b""[..], b"no pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let kind = Tls::Roots(bad.to_vec()).client().map(drop).map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::Invalid));
        }
        assert!(Tls::Off.client().unwrap().is_none());
    }
}
