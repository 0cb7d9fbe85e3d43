//! What stands in the bytes: certificates as they are made here, and OCSP (RFC 6960, section 4.2.1).

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use der::asn1::{Any, BitString, GeneralizedTime, Null, OctetString, UtcTime};
use der::oid::ObjectIdentifier;
use der::pem::{self, LineEnding};
use der::{Choice, DateTime, Decode, Encode as _, Enumerated, Sequence};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::{AuthorityKey, MAX_BYTES, PkiError};
use crate::trust::revocation::Reason;

const fn algorithm(oid: &str, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters }
}

/// Ed25519 (RFC 8410, section 3); there are no parameters.
pub(super) const ED25519: AlgorithmIdentifierOwned = algorithm("1.3.101.112", None);

/// ECDSA with SHA-256 (RFC 5758, section 3.2); there are no parameters.
pub(super) const ECDSA_SHA_256: AlgorithmIdentifierOwned = algorithm("1.2.840.10045.4.3.2", None);

/// RSA PKCS #1 v1.5 with SHA-256 and SHA-512 (RFC 8017, appendix A.2.4); the parameters are NULL.
pub(super) static RSA_SHA_256: LazyLock<AlgorithmIdentifierOwned> =
    LazyLock::new(|| algorithm("1.2.840.113549.1.1.11", Some(Any::null())));
pub(super) static RSA_SHA_512: LazyLock<AlgorithmIdentifierOwned> =
    LazyLock::new(|| algorithm("1.2.840.113549.1.1.13", Some(Any::null())));

/// `id-pkix-ocsp-basic`.
pub(super) const OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");

/// `id-kp-OCSPSigning`: the certificate's key may sign OCSP responses in its issuer's place.
pub(super) const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");

/// `id-ce-invalidityDate` (RFC 5280, section 5.3.2).
pub(super) const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");

/// SHA-1 and SHA-256, by which OCSP names an issuer; nothing is believed because of them.
pub(super) const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// What certificates, lists and OCSP responses have around them. The bytes that are signed stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Signed {
    pub(super) signed: Any,
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) signature: BitString,
    /// Of OCSP responses alone.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) certificates: Option<Vec<Any>>,
}

impl Signed {
    /// Signs this.
    pub(super) fn by(key: AuthorityKey<'_>, content: &impl der::Encode) -> Result<Self, PkiError> {
        let message = content.to_der().map_err(PkiError::encode)?;
        let signature = key.sign(&message)?;
        let signed = Any::from_der(&message).map_err(PkiError::encode)?;
        Ok(Self { signed, algorithm: key.algorithm(), signature, certificates: None })
    }

    /// What is signed.
    pub(super) fn content<T: for<'a> Decode<'a, Error = der::Error>>(
        &self,
        what: &'static str,
    ) -> Result<T, PkiError> {
        T::from_der(&self.message()?).map_err(|error| PkiError::malformed(what, error))
    }

    /// The bytes that the signature is over.
    pub(super) fn message(&self) -> Result<Vec<u8>, PkiError> {
        self.signed.to_der().map_err(PkiError::encode)
    }

    pub(super) fn to_der(&self) -> Result<Vec<u8>, PkiError> {
        der::Encode::to_der(self).map_err(PkiError::encode)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct TbsCertificate {
    /// 2 is version 3.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) version: u8,
    pub(super) serial: SerialNumber,
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) issuer: Name,
    pub(super) validity: Validity,
    pub(super) subject: Name,
    pub(super) key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Extensions>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "ENUMERATED")]
#[repr(u8)]
pub(super) enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Response {
    pub(super) status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) bytes: Option<ResponseBytes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct ResponseBytes {
    pub(super) kind: ObjectIdentifier,
    pub(super) response: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct ResponseData {
    /// 0 is version 1.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "version_1")]
    pub(super) version: u8,
    pub(super) responder: Responder,
    pub(super) produced: GeneralizedTime,
    pub(super) responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Extensions>,
}

const fn version_1() -> u8 {
    0
}

#[derive(Clone, Debug, PartialEq, Eq, Choice)]
pub(super) enum Responder {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Name(Name),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    Key(OctetString),
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SingleResponse {
    pub(super) id: CertId,
    pub(super) status: CertStatus,
    pub(super) this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct CertId {
    pub(super) hash: AlgorithmIdentifierOwned,
    pub(super) issuer_name: OctetString,
    pub(super) issuer_key: OctetString,
    pub(super) serial: SerialNumber,
}

#[derive(Clone, Debug, PartialEq, Eq, Choice)]
pub(super) enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct RevokedInfo {
    pub(super) time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) reason: Option<CrlReason>,
}

/// Whole seconds, as OCSP and invalidity dates have them.
pub(super) fn instant(time: SystemTime) -> Result<GeneralizedTime, PkiError> {
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| PkiError::Time)?;
    DateTime::from_unix_duration(since).map(GeneralizedTime::from_date_time).map_err(|_| PkiError::Time)
}

/// The same where either form may stand: UTCTime up to 2049 (RFC 5280, section 4.1.2.5).
pub(super) fn either(time: SystemTime) -> Result<Time, PkiError> {
    let general = instant(time)?;
    Ok(match UtcTime::from_date_time(general.to_date_time()) {
        Ok(utc) => Time::UtcTime(utc),
        Err(_later) => Time::GeneralTime(general),
    })
}

pub(super) fn system(time: Time) -> SystemTime {
    UNIX_EPOCH + time.to_unix_duration()
}

pub(super) const fn reason_code(reason: Reason) -> CrlReason {
    match reason {
        Reason::KeyCompromise => CrlReason::KeyCompromise,
        Reason::Superseded => CrlReason::Superseded,
        Reason::CessationOfOperation => CrlReason::CessationOfOperation,
        Reason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
    }
}

/// Reads DER, or PEM with this label around it and whatever text before.
pub(super) fn read<T: for<'a> Decode<'a, Error = der::Error>>(
    bytes: &[u8],
    label: &str,
    what: &'static str,
) -> Result<T, PkiError> {
    let malformed = |reason: String| PkiError::Malformed { what, reason };
    if bytes.len() > MAX_BYTES {
        return Err(PkiError::TooLong { len: bytes.len() });
    }
    // DER is a sequence.
    let is_der = bytes.first() == Some(&0x30);
    let begin = if is_der { None } else { bytes.windows(BEGIN.len()).position(|here| here == BEGIN) };
    let Some(text) = begin.and_then(|begin| bytes.get(begin..)) else {
        return T::from_der(bytes).map_err(|error| malformed(error.to_string()));
    };
    let (found, der) = pem::decode_vec(text.trim_ascii()).map_err(|error| malformed(error.to_string()))?;
    if found != label {
        return Err(malformed(format!("PEM of {found:?}")));
    }
    T::from_der(&der).map_err(|error| malformed(error.to_string()))
}

const BEGIN: &[u8] = b"-----BEGIN ";

/// PEM, with a newline at the end.
pub(super) fn to_pem(label: &str, der: &[u8]) -> Result<String, PkiError> {
    pem::encode_string(label, LineEnding::LF, der).map_err(PkiError::encode)
}
