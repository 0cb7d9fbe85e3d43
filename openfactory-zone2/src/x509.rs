//! What is read of an X.509 certificate (RFC 5280). The only file that names the parser.

use std::net::IpAddr;
use std::time::SystemTime;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry as oids;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::instant;

mod words;

pub use words::{ExtendedKeyUsage, KeyType, KeyUsage};

/// The largest certificate, or PEM text of some, that is read, in bytes.
const MAX_CERTIFICATE: usize = 64 << 10;

/// The most certificates of one PEM text.
pub(crate) const MAX_BLOCKS: usize = 16;

/// The most alternative names of one certificate.
const MAX_NAMES: usize = 256;

/// What rules ask of a certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
    /// The issuer's common name, if it has exactly one.
    pub(crate) issuer: Option<String>,
    /// The subject's, likewise.
    pub(crate) subject: Option<String>,
    /// In hex, as it is shown: upper case, two digits a byte.
    pub(crate) serial: String,
    pub(crate) dns: Vec<String>,
    pub(crate) ips: Vec<IpAddr>,
    pub(crate) key_usage: Vec<KeyUsage>,
    /// What it asserts; all of them if it says "any".
    pub(crate) extended: Vec<ExtendedKeyUsage>,
    /// Whether it says what its key may be used for.
    pub(crate) limits_use: bool,
    pub(crate) key_type: KeyType,
    pub(crate) key_bits: usize,
    /// The `subjectPublicKey`, without what is around it.
    pub(crate) public_key: Vec<u8>,
    pub(crate) der: Vec<u8>,
}

/// Reads a certificate, the first one of a PEM text or the only one of DER. What is wrong is said in words.
pub(crate) fn read(bytes: &[u8]) -> Result<Certificate, String> {
    match blocks(bytes, MAX_BLOCKS)?.first() {
        Some(der) => decode(der),
        None => Err("neither DER nor a PEM text with a certificate".to_owned()),
    }
}

/// The certificates of a PEM text, or the one of DER, undecoded.
pub(crate) fn blocks(bytes: &[u8], most: usize) -> Result<Vec<Vec<u8>>, String> {
    if bytes.len() > MAX_CERTIFICATE {
        return Err(format!("{} bytes, at most {MAX_CERTIFICATE} are read", bytes.len()));
    }
    // DER begins with a SEQUENCE, which no PEM text does: 0x30 is the digit 0.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut found = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|error| format!("damaged PEM: {error}"))?;
        if block.label == "CERTIFICATE" {
            found.push(block.contents);
        }
        if found.len() > most {
            return Err(format!("more than {most} certificates"));
        }
    }
    Ok(found)
}

pub(crate) fn decode(der: &[u8]) -> Result<Certificate, String> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("not X.509: {error}"))?;
    if !rest.is_empty() {
        return Err(format!("{} bytes after its end", rest.len()));
    }
    let instant = |seconds| instant::from_unix(seconds).ok_or("its validity is beyond the calendar");
    let usage = certificate.key_usage().map_err(|error| format!("its key usage can't be read: {error}"))?;
    let permits = |usage: &KeyUsage, flags: &x509_parser::extensions::KeyUsage| match usage {
        KeyUsage::DigitalSignature => flags.digital_signature(),
        KeyUsage::KeyEncipherment => flags.key_encipherment(),
        KeyUsage::KeyAgreement => flags.key_agreement(),
        KeyUsage::CertSign => flags.key_cert_sign(),
        KeyUsage::CrlSign => flags.crl_sign(),
    };
    let permitted = |flags| KeyUsage::ALL.into_iter().filter(|usage| permits(usage, flags)).collect();
    let (dns, ips) = names(&certificate)?;
    let key = certificate.public_key();
    let (key_type, key_bits) = describe(key);
    Ok(Certificate {
        not_before: instant(certificate.validity().not_before.timestamp())?,
        not_after: instant(certificate.validity().not_after.timestamp())?,
        issuer: common_name(certificate.issuer()),
        subject: common_name(certificate.subject()),
        serial: certificate.raw_serial().iter().map(|byte| format!("{byte:02X}")).collect(),
        dns,
        ips,
        limits_use: usage.is_some(),
        // Without the extension no use is ruled out, but none is asserted either: a required one is missing.
        key_usage: usage.map_or_else(Vec::new, |extension| permitted(extension.value)),
        extended: extended(&certificate)?,
        key_type,
        key_bits,
        public_key: key.subject_public_key.data.to_vec(),
        der: der.to_vec(),
    })
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    let mut names = name.iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().ok().map(str::to_owned),
        _ => None,
    }
}

fn names(certificate: &X509Certificate<'_>) -> Result<(Vec<String>, Vec<IpAddr>), String> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| format!("its alternative names can't be read: {error}"))?;
    let (mut dns, mut ips) = (Vec::new(), Vec::new());
    let names = names.map_or(&[][..], |extension| extension.value.general_names.as_slice());
    if names.len() > MAX_NAMES {
        return Err(format!("{} alternative names, at most {MAX_NAMES} are read", names.len()));
    }
    for name in names {
        match name {
            GeneralName::DNSName(name) => dns.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                ips.extend(v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)));
            }
            _ => {}
        }
    }
    Ok((dns, ips))
}

fn extended(certificate: &X509Certificate<'_>) -> Result<Vec<ExtendedKeyUsage>, String> {
    let usage = certificate
        .extended_key_usage()
        .map_err(|error| format!("its extended key usage can't be read: {error}"))?;
    let Some(usage) = usage.map(|extension| extension.value) else { return Ok(Vec::new()) };
    let asserts = |wanted: &ExtendedKeyUsage| {
        usage.any
            || match wanted {
                ExtendedKeyUsage::ServerAuth => usage.server_auth,
                ExtendedKeyUsage::ClientAuth => usage.client_auth,
                ExtendedKeyUsage::CodeSigning => usage.code_signing,
                ExtendedKeyUsage::EmailProtection => usage.email_protection,
                ExtendedKeyUsage::TimeStamping => usage.time_stamping,
                ExtendedKeyUsage::OcspSigning => usage.ocsp_signing,
            }
    };
    Ok(ExtendedKeyUsage::ALL.into_iter().filter(asserts).collect())
}

/// Of what kind a key is, and how long.
fn describe(key: &SubjectPublicKeyInfo<'_>) -> (KeyType, usize) {
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == oids::OID_SIG_ED25519 {
        return (KeyType::Ed25519, 256);
    }
    if *algorithm == oids::OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
        return match curve {
            Some(curve) if curve == oids::OID_EC_P256 => (KeyType::P256, 256),
            Some(curve) if curve == oids::OID_NIST_EC_P384 => (KeyType::P384, 384),
            Some(curve) if curve == oids::OID_NIST_EC_P521 => (KeyType::P521, 521),
            _ => (KeyType::Other, 0),
        };
    }
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let modulus: Vec<u8> = rsa.modulus.iter().copied().skip_while(|byte| *byte == 0).collect();
            let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
            (KeyType::Rsa, (modulus.len() * 8).saturating_sub(leading))
        }
        _ => (KeyType::Other, 0),
    }
}
