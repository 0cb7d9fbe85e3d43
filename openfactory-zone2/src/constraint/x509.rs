//! What is read of an X.509 certificate (RFC 5280). The only file that names the parser.

use std::fmt;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

use crate::instant;

/// The largest certificate that is read, in bytes.
const MAX_CERTIFICATE: usize = 64 << 10;

/// What rules ask of a certificate.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    /// The issuer's common name, if it has exactly one.
    pub(super) issuer: Option<String>,
    pub(super) key_usage: Vec<KeyUsage>,
}

/// What a certificate's key may be used for (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyUsage {
    /// Signatures other than on certificates and revocation lists: TLS authentication.
    DigitalSignature,
    /// Encryption of keys.
    KeyEncipherment,
    /// Agreement on keys.
    KeyAgreement,
    /// Signatures on certificates.
    CertSign,
    /// Signatures on revocation lists.
    CrlSign,
}

impl KeyUsage {
    /// The words of policy files, in the order of the variants.
    pub(crate) const WORDS: &[&str] =
        &["digital-signature", "key-encipherment", "key-agreement", "cert-sign", "crl-sign"];

    const ALL: [Self; 5] =
        [Self::DigitalSignature, Self::KeyEncipherment, Self::KeyAgreement, Self::CertSign, Self::CrlSign];

    /// The word in policy files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digital-signature",
            Self::KeyEncipherment => "key-encipherment",
            Self::KeyAgreement => "key-agreement",
            Self::CertSign => "cert-sign",
            Self::CrlSign => "crl-sign",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| usage.as_str() == word)
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for KeyUsage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads a certificate, the first one of a PEM text or the only one of DER. What is wrong is said in words.
pub(super) fn read(bytes: &[u8]) -> Result<Certificate, String> {
    if bytes.len() > MAX_CERTIFICATE {
        return Err(format!("{} bytes, at most {MAX_CERTIFICATE} are read", bytes.len()));
    }
    // DER begins with a SEQUENCE, which no PEM text does: 0x30 is the digit 0.
    if bytes.first() == Some(&0x30) {
        return decode(bytes);
    }
    let mut blocks = Pem::iter_from_buffer(bytes);
    loop {
        match blocks.next() {
            None => return Err("neither DER nor a PEM text with a certificate".to_owned()),
            Some(Err(error)) => return Err(format!("damaged PEM: {error}")),
            Some(Ok(block)) if block.label == "CERTIFICATE" => return decode(&block.contents),
            Some(Ok(_)) => {}
        }
    }
}

fn decode(der: &[u8]) -> Result<Certificate, String> {
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
    let mut names = certificate.issuer().iter_common_name();
    let issuer = match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().ok().map(str::to_owned),
        _ => None,
    };
    Ok(Certificate {
        not_before: instant(certificate.validity().not_before.timestamp())?,
        not_after: instant(certificate.validity().not_after.timestamp())?,
        issuer,
        // Without the extension no use is ruled out, but none is asserted either: a required one is missing.
        key_usage: usage.map_or_else(Vec::new, |extension| permitted(extension.value)),
    })
}
