//! The CMS around the signature (RFC 5652): the few fields that a detached signature without attributes has.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, SetOfVec};
use der::{Decode as _, Encode as _, Sequence, ValueOrd};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifier, AlgorithmIdentifierRef};

use super::MAX_SIGNATURE;
use super::certificate::Certificate;
use super::error::{SignRootHashError, SignatureError};
use super::key::KeyAlgorithm;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// The kernel knows RSA signatures by the key's identifier, and ECDSA signatures by that of the signature.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_WITH_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// The version of `SignedData` and `SignerInfo` where the signer is named by issuer and serial number.
const VERSION: u8 = 1;

#[derive(Sequence)]
struct ContentInfo<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: SignedData<'a>,
}

#[derive(Sequence)]
struct SignedData<'a> {
    version: u8,
    digest_algorithms: SetOfVec<AlgorithmIdentifierRef<'a>>,
    encapsulated: Encapsulated<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    certificates: Option<SetOfVec<AnyRef<'a>>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    revocations: Option<SetOfVec<AnyRef<'a>>>,
    signers: SetOfVec<SignerInfo<'a>>,
}

#[derive(Sequence)]
struct Encapsulated<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<AnyRef<'a>>,
}

#[derive(Clone, Sequence, ValueOrd)]
struct SignerInfo<'a> {
    version: u8,
    signer: IssuerAndSerial,
    digest_algorithm: AlgorithmIdentifierRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    signed_attributes: Option<SetOfVec<AnyRef<'a>>>,
    signature_algorithm: AlgorithmIdentifierRef<'a>,
    signature: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    unsigned_attributes: Option<SetOfVec<AnyRef<'a>>>,
}

#[derive(Clone, PartialEq, Eq, Sequence, ValueOrd)]
struct IssuerAndSerial {
    issuer: Name,
    serial: SerialNumber,
}

/// What the message was hashed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha256,
    Sha512,
}

/// The one signer.
pub(super) struct Signed<'a> {
    signer: IssuerAndSerial,
    pub(super) digest: Digest,
    pub(super) signature: &'a [u8],
}

impl Signed<'_> {
    /// Whether it names this certificate.
    pub(super) fn is(&self, certificate: &Certificate) -> bool {
        self.signer == name(certificate)
    }
}

fn name(certificate: &Certificate) -> IssuerAndSerial {
    let tbs = certificate.tbs();
    IssuerAndSerial { issuer: tbs.issuer().clone(), serial: tbs.serial_number().clone() }
}

/// Puts a bare signature, over SHA-256, into `SignedData`.
pub(super) fn encode(
    algorithm: KeyAlgorithm,
    certificate: &Certificate,
    signature: &[u8],
) -> Result<Vec<u8>, SignRootHashError> {
    let encoded = || {
        let digest = AlgorithmIdentifier { oid: SHA_256, parameters: None };
        let signature_algorithm = match algorithm {
            KeyAlgorithm::Rsa => AlgorithmIdentifier { oid: RSA, parameters: Some(AnyRef::NULL) },
            KeyAlgorithm::EcdsaP256 => AlgorithmIdentifier { oid: ECDSA_WITH_SHA_256, parameters: None },
        };
        let signer = SignerInfo {
            version: VERSION,
            signer: name(certificate),
            digest_algorithm: digest,
            signed_attributes: None,
            signature_algorithm,
            signature: OctetStringRef::new(signature)?,
            unsigned_attributes: None,
        };
        let content = SignedData {
            version: VERSION,
            digest_algorithms: SetOfVec::from_iter([digest])?,
            encapsulated: Encapsulated { content_type: DATA, content: None },
            certificates: None,
            revocations: None,
            signers: SetOfVec::from_iter([signer])?,
        };
        ContentInfo { content_type: SIGNED_DATA, content }.to_der()
    };
    encoded().map_err(|error: der::Error| SignRootHashError::Encode { reason: error.to_string() })
}

/// Takes the signature out of `SignedData` that has the form which is used here.
pub(super) fn decode(der: &[u8]) -> Result<Signed<'_>, SignatureError> {
    if der.len() > MAX_SIGNATURE {
        return Err(SignatureError::TooLong { len: der.len() });
    }
    let info = ContentInfo::from_der(der)
        .map_err(|error| SignatureError::Malformed { reason: error.to_string() })?;
    let form = |what| Err(SignatureError::Form { what });
    let data = info.content;
    if info.content_type != SIGNED_DATA || data.encapsulated.content_type != DATA {
        return form("of another kind of content");
    }
    if data.encapsulated.content.is_some() {
        return form("with content");
    }
    let mut signers = data.signers.into_vec();
    let (Some(signer), None) = (signers.pop(), signers.pop()) else {
        return form("with more or fewer than one signer");
    };
    if (data.version, signer.version) != (VERSION, VERSION) {
        return form("of another version");
    }
    if signer.signed_attributes.is_some() {
        return form("with signed attributes");
    }
    let digest = match signer.digest_algorithm.oid {
        SHA_256 => Digest::Sha256,
        SHA_512 => Digest::Sha512,
        _ => return form("over another digest than SHA-256 or SHA-512"),
    };
    if !data.digest_algorithms.iter().any(|listed| listed.oid == signer.digest_algorithm.oid) {
        return form("whose digest is not among those that it lists");
    }
    let algorithms =
        data.digest_algorithms.iter().chain([&signer.digest_algorithm, &signer.signature_algorithm]);
    if algorithms.into_iter().filter_map(|algorithm| algorithm.parameters).any(|it| it != AnyRef::NULL) {
        return form("with parameters");
    }
    match (signer.signature_algorithm.oid, digest) {
        (RSA, _)
        | (RSA_WITH_SHA_256 | ECDSA_WITH_SHA_256, Digest::Sha256)
        | (RSA_WITH_SHA_512, Digest::Sha512) => {}
        _ => return form("by another algorithm than RSA or ECDSA with this digest"),
    }
    Ok(Signed { signer: signer.signer, digest, signature: signer.signature.as_bytes() })
}
