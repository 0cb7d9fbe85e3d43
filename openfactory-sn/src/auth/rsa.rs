//! An RSA key in memory, by way of the TLS library's own signer.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;

use super::{AssertionError, AssertionSigner};

/// Signs assertions with an RSA key of 2048 to 8192 bits.
///
/// ```
/// use std::sync::Arc;
/// use openfactory_sn::auth::{AssertionSigner as _, JwtBearer, RsaSigner};
/// use openfactory_sn::{Auth, Secret};
///
/// let pem = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data/jwt-test-key.pem"));
/// let signer = RsaSigner::from_pem(pem)?;
/// assert_eq!(signer.sign(b"header.claims")?.len(), 256, "as long as the key");
///
/// let bearer = JwtBearer::new("openfactory", "svc_openfactory", Arc::new(signer));
/// let auth = Auth::jwt_bearer("0f1e", Secret::new("s3cr3t"), bearer);
/// assert!(format!("{auth:?}").contains("RsaSigner(***)"));
/// assert!(RsaSigner::from_pem(b"no key").is_err());
/// # Ok::<(), openfactory_sn::auth::AssertionError>(())
/// ```
pub struct RsaSigner(Arc<dyn SigningKey>);

impl RsaSigner {
    /// Reads a private key, PKCS #8 or PKCS #1 in PEM.
    ///
    /// # Errors
    ///
    /// [`AssertionError`] if the text holds none, or one of another kind.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AssertionError> {
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|error| AssertionError::caused_by(error.to_string()))?;
        let key = any_supported_type(&key).map_err(AssertionError::caused_by)?;
        match key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]) {
            Some(_) => Ok(Self(key)),
            None => Err(AssertionError::caused_by("key is not an RSA key")),
        }
    }
}

impl fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaSigner(***)")
    }
}

impl AssertionSigner for RsaSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AssertionError> {
        self.0
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
            .ok_or_else(|| AssertionError::caused_by("key is not an RSA key"))?
            .sign(message)
            .map_err(AssertionError::caused_by)
    }
}
