//! X.509 and PKCS#7.

use openfactory_attest::pki::{Crl, KeyCertificate, OcspResponse};
use openfactory_attest::verity::signature::{RootHashSignature, SignaturePartition};

use super::Refused;

/// The authority of the lists and responses; its key is that of the other fixtures.
const ROOT: &[u8] = include_bytes!("../../evidence/pki/root.pem");

pub(super) fn certificate(input: &[u8]) -> Refused {
    Ok(KeyCertificate::read(input).map(drop)?)
}

pub(super) fn crl(input: &[u8]) -> Refused {
    Ok(Crl::read(input, &KeyCertificate::read(ROOT)?).map(drop)?)
}

pub(super) fn ocsp(input: &[u8]) -> Refused {
    Ok(OcspResponse::read(input, &KeyCertificate::read(ROOT)?).map(drop)?)
}

pub(super) fn root_hash_signature(input: &[u8]) -> Refused {
    Ok(RootHashSignature::parse(input).map(drop)?)
}

pub(super) fn signature_partition(input: &[u8]) -> Refused {
    Ok(SignaturePartition::parse(input).map(drop)?)
}
