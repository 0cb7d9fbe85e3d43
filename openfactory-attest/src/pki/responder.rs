//! How OCSP names issuers, and who may answer in their place.

use der::Encode as _;
use der::asn1::{Any, OctetString};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::revocation::Serial;
use super::wire::{CertId, SHA_1, SHA_256, Signed};
use super::{KeyCertificate, PkiError};

/// Certificates in a response that are looked at.
const MAX_CERTIFICATES: usize = 8;

/// What the names of an authority's certificates begin with (RFC 6960, section 4.1.1).
pub(super) struct Issuer {
    name: Vec<u8>,
    key: Vec<u8>,
}

impl Issuer {
    pub(super) fn of(authority: &KeyCertificate) -> Result<Self, PkiError> {
        let name = authority.subject.to_der().map_err(PkiError::encode)?;
        Ok(Self { name, key: authority.key.spki.subject_public_key.raw_bytes().to_vec() })
    }

    /// The name of the certificate with this serial number, by SHA-1: what others ask with.
    pub(super) fn name(&self, serial: &Serial) -> Result<CertId, PkiError> {
        Ok(CertId {
            hash: AlgorithmIdentifierOwned { oid: SHA_1, parameters: Some(Any::null()) },
            issuer_name: OctetString::new(Sha1::digest(&self.name).to_vec()).map_err(PkiError::encode)?,
            issuer_key: self.key()?,
            serial: serial.to_number()?,
        })
    }

    /// The key's hash, by which the authority calls itself.
    pub(super) fn key(&self) -> Result<OctetString, PkiError> {
        OctetString::new(Sha1::digest(&self.key).to_vec()).map_err(PkiError::encode)
    }

    /// Whether a certificate of that name is this authority's.
    pub(super) fn is_in(&self, id: &CertId) -> Result<bool, PkiError> {
        let hash = |bytes: &[u8]| match id.hash.oid {
            SHA_1 => Some(Sha1::digest(bytes).to_vec()),
            SHA_256 => Some(Sha256::digest(bytes).to_vec()),
            _ => None,
        };
        let is = |hash: Option<Vec<u8>>, named: &OctetString| hash.is_some_and(|it| it == named.as_bytes());
        Ok(is(hash(&self.name), &id.issuer_name) && is(hash(&self.key), &id.issuer_key))
    }
}

/// Checks the signature: by the authority itself, or by a key that it certified for OCSP (RFC 6960, section 4.2.2.2).
pub(super) fn responder(
    signed: &Signed,
    authority: &KeyCertificate,
    what: &'static str,
) -> Result<Option<KeyCertificate>, PkiError> {
    let refused = match authority.check(signed, what) {
        Ok(()) => return Ok(None),
        Err(PkiError::BadSignature { what }) => PkiError::BadSignature { what },
        Err(error) => return Err(error),
    };
    for certificate in signed.certificates.iter().flatten().take(MAX_CERTIFICATES) {
        let der = certificate.to_der().map_err(PkiError::encode)?;
        // Certificates of others may stand there too.
        let Ok(certificate) = KeyCertificate::read(&der) else { continue };
        let may = certificate.is_responder() && certificate.verify(authority).is_ok();
        if may && certificate.signs(signed)? {
            return Ok(Some(certificate));
        }
    }
    Err(refused)
}
