//! Whom we trust: the platform's roots, or only the ones given. And who we are, if we show a certificate.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::{TransportError, TransportErrorKind};

/// A client's TLS settings. With roots given, nothing else is trusted: a private instance is not to be impersonated by
/// any public authority.
pub(super) fn config(
    roots: &[Vec<u8>],
    identity: Option<&(Vec<u8>, Zeroizing<Vec<u8>>)>,
) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = if roots.is_empty() { platform(&provider)? } else { only(roots, &provider)? };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(local)?
        .dangerous() // the name of the door for any verifier that is not built from a bare root store
        .with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
            let chain = chain.map_err(local)?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(local)?;
            builder.with_client_auth_cert(chain, key).map_err(local)
        }
    }
}

fn platform(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
    let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(provider)).map_err(local)?;
    Ok(Arc::new(verifier))
}

fn only(
    roots: &[Vec<u8>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
    let mut store = RootCertStore::empty();
    for pem in roots {
        let before = store.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            store.add(certificate.map_err(local)?).map_err(local)?;
        }
        if store.len() == before {
            return Err(local("no certificate in the PEM text"));
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(local)
}

fn local(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::new(TransportErrorKind::Local).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(config(&[b"not PEM".to_vec()], None).is_err());
        let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        assert!(config(&[garbage], None).is_err());
        let key = Zeroizing::new(b"no key".to_vec());
        assert!(config(&[], Some(&(b"no chain".to_vec(), key))).is_err());
    }
}
