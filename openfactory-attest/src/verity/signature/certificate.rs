//! The certificate that stands for the key: self-signed, for digital signatures alone, no authority.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use der::{DateTime, Decode as _, DecodePem as _, Encode as _, EncodePem as _};
use rsa::pkcs8::LineEnding;
use rsa::signature::{Keypair, Signer};
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, Extensions, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    DynSignatureAlgorithmIdentifier, EncodePublicKey, SignatureBitStringEncoding, SubjectPublicKeyInfoOwned,
    SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use super::cms::Digest;
use super::error::{CertificateError, KeyError, SignatureError};
use super::key::{Secret, SigningKey};
use super::verifying::VerifyingKey;
use crate::common_name;
use crate::digest::Sha256Digest;

/// The longest certificate that is looked at, as PEM.
const MAX_PEM: usize = 64 * 1024;

/// An X.509 certificate of a key for root hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    inner: x509_cert::Certificate,
}

impl Certificate {
    /// Makes one that the key signs itself: no authority, key usage `digitalSignature`, a random serial number.
    ///
    /// # Errors
    /// [`CertificateError`] for names and dates that can't stand in it, or if the system gives no randomness.
    pub fn self_signed(
        key: &SigningKey,
        common_name: &str,
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> Result<Self, CertificateError> {
        let bad_name = || CertificateError::Name { name: common_name.to_owned() };
        let subject = common_name::parse(common_name).ok_or_else(bad_name)?;
        if not_after <= not_before {
            return Err(CertificateError::Validity);
        }
        let validity = Validity::new(time(not_before)?, time(not_after)?);
        let mut serial = [0; 16];
        getrandom::fill(&mut serial).map_err(|_| CertificateError::Make(KeyError::Random))?;
        // Positive, and as long as it should be.
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        let serial = SerialNumber::new(&serial).map_err(unencodable)?;
        let spki = key.public_key_der().map_err(CertificateError::Make)?;
        let spki = SubjectPublicKeyInfoOwned::from_der(&spki).map_err(unencodable)?;
        let builder =
            CertificateBuilder::new(ForImages { subject }, serial, validity, spki).map_err(unencodable)?;
        let certificate = match key.secret() {
            Secret::Rsa(key) => signed::<_, rsa::pkcs1v15::Signature>(builder, key.as_ref())?,
            Secret::P256(key) => signed::<_, p256::ecdsa::DerSignature>(builder, key)?,
        };
        let der = certificate.to_der().map_err(unencodable)?;
        Ok(Self { der, inner: certificate })
    }

    /// Reads one certificate in PEM. Who signed it is not looked at: it is believed because it was given.
    ///
    /// # Errors
    /// [`CertificateError`] if it is none, or its key is not one for root hashes.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        if pem.len() > MAX_PEM {
            return Err(CertificateError::TooLong { len: pem.len() });
        }
        let inner = x509_cert::Certificate::from_pem(pem.trim())
            .map_err(|error| CertificateError::Malformed { reason: error.to_string() })?;
        let der = inner.to_der().map_err(unencodable)?;
        let certificate = Self { der, inner };
        certificate.verifying_key().ok_or(CertificateError::Key)?;
        Ok(certificate)
    }

    /// The certificate in PEM, with a newline at the end.
    ///
    /// # Errors
    /// [`CertificateError::Encode`] where the encoder fails.
    pub fn to_pem(&self) -> Result<String, CertificateError> {
        self.inner.to_pem(LineEnding::LF).map_err(unencodable)
    }

    /// The certificate in DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of its DER: what `openssl x509 -fingerprint -sha256` prints, and what signature partitions hold.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256Digest {
        Sha256Digest::of(&self.der)
    }

    pub(super) fn tbs(&self) -> &TbsCertificate {
        self.inner.tbs_certificate()
    }

    /// The public key's SubjectPublicKeyInfo in DER.
    pub(super) fn public_key_der(&self) -> Vec<u8> {
        // What was decoded or built can be encoded; where it can't, no key is equal to it.
        self.tbs().subject_public_key_info().to_der().unwrap_or_default()
    }

    fn verifying_key(&self) -> Option<VerifyingKey> {
        VerifyingKey::of(self.tbs().subject_public_key_info())
    }

    /// Checks a bare signature.
    pub(super) fn verify(
        &self,
        digest: Digest,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verifying_key().ok_or(SignatureError::Bad)?.verify(digest, message, signature)
    }
}

fn unencodable(error: impl fmt::Display) -> CertificateError {
    CertificateError::Encode { reason: error.to_string() }
}

/// A time as certificates have it, in whole seconds.
fn time(instant: SystemTime) -> Result<Time, CertificateError> {
    let since = instant.duration_since(UNIX_EPOCH).map_err(|_| CertificateError::Validity)?;
    let date = DateTime::from_unix_duration(since).map_err(|_| CertificateError::Validity)?;
    Ok(Time::GeneralTime(der::asn1::GeneralizedTime::from_date_time(date)))
}

fn signed<S, T>(
    builder: CertificateBuilder<ForImages>,
    key: &S,
) -> Result<x509_cert::Certificate, CertificateError>
where
    S: Signer<T> + Keypair + DynSignatureAlgorithmIdentifier,
    S::VerifyingKey: EncodePublicKey,
    T: SignatureBitStringEncoding,
{
    builder.build::<S, T>(key).map_err(unencodable)
}

/// What stands in the certificate besides the key.
struct ForImages {
    subject: Name,
}

impl BuilderProfile for ForImages {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        _issuer: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let (subject, none) = (tbs.subject(), Extensions::default());
        // RFC 7093, section 2, method 1: the leftmost 160 bits of SHA-256 of the key's bits.
        let id = Sha256Digest::of(key.subject_public_key.raw_bytes());
        let id = id.as_bytes().get(..20).unwrap_or_default();
        let id = SubjectKeyIdentifier(der::asn1::OctetString::new(id)?);
        Ok(vec![
            BasicConstraints { ca: false, path_len_constraint: None }.to_extension(subject, &none)?,
            KeyUsage(KeyUsages::DigitalSignature.into()).to_extension(subject, &none)?,
            id.to_extension(subject, &none)?,
        ])
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}
