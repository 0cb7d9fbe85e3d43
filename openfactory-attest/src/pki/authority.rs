//! Who signs certificates, revocation lists and OCSP responses.

use std::time::SystemTime;

use der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::{AuthorityKey, KeyCertificate, PkiError};
use crate::key::PublicKey;

/// A key and its certificate: what certificates, revocation lists and OCSP responses are signed with.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    pub(super) key: AuthorityKey<'a>,
    pub(super) certificate: &'a KeyCertificate,
}

impl<'a> Authority<'a> {
    /// A key with its certificate, whoever made that.
    ///
    /// # Errors
    /// [`PkiError::OtherKey`], [`PkiError::NotAnAuthority`].
    pub fn new(key: AuthorityKey<'a>, certificate: &'a KeyCertificate) -> Result<Self, PkiError> {
        if key.spki()? != certificate.key.spki {
            return Err(PkiError::OtherKey);
        }
        if !certificate.is_authority() {
            return Err(PkiError::NotAnAuthority);
        }
        Ok(Self { key, certificate })
    }

    /// The certificate of another key, for digital signatures alone.
    ///
    /// # Errors
    /// [`PkiError`] for names and times that can't stand in it, and where the authority's key does not sign.
    pub fn certify(
        &self,
        key: &PublicKey,
        name: &str,
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> Result<KeyCertificate, PkiError> {
        let spki = SubjectPublicKeyInfoOwned::from_der(&key.to_spki_der()).map_err(PkiError::encode)?;
        KeyCertificate::certified(self, spki, name, [not_before, not_after])
    }
}
