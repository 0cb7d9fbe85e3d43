//! Certificates of keys: an authority's own, and those that it signs.

use std::fmt;
use std::time::SystemTime;

use der::asn1::OctetString;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;

use super::key::{AuthorityKey, CertifiedKey};
use super::revocation::{Currency, Serial};
use super::wire::{self, OCSP_SIGNING, Signed, TbsCertificate};
use super::{Authority, PkiError};
use crate::digest::Sha256Digest;
use crate::key::KeyId;

const LABEL: &str = "CERTIFICATE";
const WHAT: &str = "a certificate";

/// The X.509 certificate of a key: Ed25519, RSA or ECDSA on P-256.
#[derive(Clone)]
pub struct KeyCertificate {
    signed: Signed,
    pub(super) issuer: Name,
    pub(super) subject: Name,
    pub(super) key: CertifiedKey,
    serial: Serial,
    life: Currency,
    is_authority: bool,
    is_responder: bool,
}

impl KeyCertificate {
    /// Reads a certificate, DER or PEM. Who signed it is not looked at.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PkiError> {
        Self::of(wire::read(bytes, LABEL, WHAT)?)
    }

    fn of(signed: Signed) -> Result<Self, PkiError> {
        let tbs: x509_cert::TbsCertificate = signed.content(WHAT)?;
        if signed.certificates.is_some() || signed.algorithm != *tbs.signature() {
            return Err(PkiError::malformed(WHAT, "its signature's algorithm is said in two ways"));
        }
        let constraints = tbs.get_extension::<BasicConstraints>();
        let usage = tbs.get_extension::<KeyUsage>();
        let extended = tbs.get_extension::<ExtendedKeyUsage>();
        let (constraints, usage, extended) = constraints
            .and_then(|constraints| Ok((constraints, usage?, extended?)))
            .map_err(|error| PkiError::malformed(WHAT, error))?;
        let may = |signs: &dyn Fn(&KeyUsage) -> bool| usage.as_ref().is_none_or(|(_, usage)| signs(usage));
        let is_authority = constraints.is_some_and(|(_, it)| it.ca)
            && may(&|usage| usage.key_cert_sign() && usage.crl_sign());
        let is_responder = extended.is_some_and(|(_, it)| it.0.contains(&OCSP_SIGNING))
            && may(&|usage| usage.digital_signature());
        let validity = tbs.validity();
        Ok(Self {
            issuer: tbs.issuer().clone(),
            subject: tbs.subject().clone(),
            key: CertifiedKey::of(tbs.subject_public_key_info())?,
            serial: Serial::of(tbs.serial_number()),
            life: Currency {
                this_update: wire::system(validity.not_before),
                next_update: Some(wire::system(validity.not_after)),
            },
            is_authority,
            is_responder,
            signed,
        })
    }

    /// The certificate in DER.
    ///
    /// # Errors
    /// [`PkiError::Encode`].
    pub fn to_der(&self) -> Result<Vec<u8>, PkiError> {
        self.signed.to_der()
    }

    /// The certificate in PEM, with a newline at the end.
    ///
    /// # Errors
    /// [`PkiError::Encode`].
    pub fn to_pem(&self) -> Result<String, PkiError> {
        wire::to_pem(LABEL, &self.to_der()?)
    }

    /// The id of its key.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        &self.key.id
    }

    /// Its serial number.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Whose it is, as RFC 4514 writes names.
    #[must_use]
    pub fn subject(&self) -> String {
        self.subject.to_string()
    }

    /// From when and until when it is valid.
    #[must_use]
    pub const fn life(&self) -> &Currency {
        &self.life
    }

    /// Whether it may sign certificates and revocation lists.
    #[must_use]
    pub const fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether it may sign OCSP responses in its issuer's place.
    #[must_use]
    pub const fn is_responder(&self) -> bool {
        self.is_responder
    }

    /// Checks that this authority issued it.
    ///
    /// # Errors
    /// [`PkiError::WrongIssuer`], [`PkiError::BadSignature`], [`PkiError::NotAnAuthority`].
    pub fn verify(&self, authority: &Self) -> Result<(), PkiError> {
        if self.issuer != authority.subject {
            return Err(PkiError::WrongIssuer { what: WHAT });
        }
        authority.check(&self.signed, WHAT)
    }

    /// Checks a signature of this authority.
    pub(super) fn check(&self, signed: &Signed, what: &'static str) -> Result<(), PkiError> {
        if !self.is_authority {
            return Err(PkiError::NotAnAuthority);
        }
        if self.signs(signed)? { Ok(()) } else { Err(PkiError::BadSignature { what }) }
    }

    pub(super) fn signs(&self, signed: &Signed) -> Result<bool, PkiError> {
        Ok(self.key.verify(&signed.algorithm, &signed.message()?, &signed.signature))
    }

    pub(super) fn self_signed(
        key: AuthorityKey<'_>,
        name: &str,
        life: [SystemTime; 2],
    ) -> Result<Self, PkiError> {
        let subject = common_name(name)?;
        let spki = key.spki()?;
        let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::DigitalSignature;
        let constraints = BasicConstraints { ca: true, path_len_constraint: Some(0) };
        let extensions = extensions(&subject, &constraints, KeyUsage(usage), &spki, &spki)?;
        make(key, subject.clone(), subject, spki, life, extensions)
    }

    pub(super) fn certified(
        authority: &Authority<'_>,
        spki: SubjectPublicKeyInfoOwned,
        name: &str,
        life: [SystemTime; 2],
    ) -> Result<Self, PkiError> {
        let subject = common_name(name)?;
        let constraints = BasicConstraints { ca: false, path_len_constraint: None };
        let usage = KeyUsage(KeyUsages::DigitalSignature.into());
        let issuer = authority.certificate;
        let extensions = extensions(&subject, &constraints, usage, &spki, &issuer.key.spki)?;
        make(authority.key, issuer.subject.clone(), subject, spki, life, extensions)
    }
}

fn make(
    signer: AuthorityKey<'_>,
    issuer: Name,
    subject: Name,
    key: SubjectPublicKeyInfoOwned,
    [not_before, not_after]: [SystemTime; 2],
    extensions: Vec<Extension>,
) -> Result<KeyCertificate, PkiError> {
    if not_after <= not_before {
        return Err(PkiError::Time);
    }
    let tbs = TbsCertificate {
        version: 2,
        serial: Serial::of_key(&CertifiedKey::of(&key)?.id).to_number()?,
        algorithm: signer.algorithm(),
        issuer,
        validity: Validity::new(wire::either(not_before)?, wire::either(not_after)?),
        subject,
        key,
        extensions: Some(extensions),
    };
    KeyCertificate::of(Signed::by(signer, &tbs)?)
}

fn extensions(
    subject: &Name,
    constraints: &BasicConstraints,
    usage: KeyUsage,
    key: &SubjectPublicKeyInfoOwned,
    issuer: &SubjectPublicKeyInfoOwned,
) -> Result<Vec<Extension>, PkiError> {
    let made = || -> der::Result<Vec<Extension>> {
        Ok(vec![
            constraints.to_extension(subject, &[])?,
            usage.to_extension(subject, &[])?,
            SubjectKeyIdentifier(key_identifier(key)?).to_extension(subject, &[])?,
            authority_key(issuer)?.to_extension(subject, &[])?,
        ])
    };
    made().map_err(PkiError::encode)
}

pub(super) fn authority_key(key: &SubjectPublicKeyInfoOwned) -> der::Result<AuthorityKeyIdentifier> {
    Ok(AuthorityKeyIdentifier { key_identifier: Some(key_identifier(key)?), ..Default::default() })
}

/// RFC 7093, section 2, method 1: the leftmost 160 bits of SHA-256 of the key's bits.
fn key_identifier(key: &SubjectPublicKeyInfoOwned) -> der::Result<OctetString> {
    let digest = Sha256Digest::of(key.subject_public_key.raw_bytes());
    OctetString::new(digest.as_bytes().get(..20).unwrap_or_default())
}

/// As every certificate here is named; without spaces around it, which nobody sees.
fn common_name(name: &str) -> Result<Name, PkiError> {
    let trimmed = (name.trim() == name).then_some(name);
    let bad = || PkiError::Name { name: name.chars().take(64).collect() };
    trimmed.and_then(crate::common_name::parse).ok_or_else(bad)
}

impl PartialEq for KeyCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.signed == other.signed
    }
}

impl Eq for KeyCertificate {}

impl fmt::Debug for KeyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("KeyCertificate");
        debug.field("subject", &self.subject()).field("serial", &self.serial).finish_non_exhaustive()
    }
}
