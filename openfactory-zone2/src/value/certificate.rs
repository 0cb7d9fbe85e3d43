//! Members of a certificate.

use openfactory_attest::Sha256Digest;

use super::Observed;
use crate::instant;
use crate::x509::{self, Certificate};

/// The members that a key can name.
pub(crate) const MEMBERS: &[&str] = &[
    "subject",
    "issuer",
    "serial",
    "dns",
    "ip",
    "not-before",
    "not-after",
    "key-type",
    "key-bits",
    "sha256",
];

/// What the first certificate of a text says of itself.
pub(super) fn extract(key: &str, bytes: &[u8]) -> Observed {
    let certificate = match x509::read(bytes) {
        Ok(certificate) => certificate,
        Err(reason) => return Observed::Unreadable(format!("not a certificate: {reason}")),
    };
    let Certificate { issuer, subject, serial, dns, ips, not_before, not_after, .. } = certificate;
    Observed::values(match key {
        "subject" => subject.into_iter().collect(),
        "issuer" => issuer.into_iter().collect(),
        "serial" => vec![serial],
        "dns" => dns,
        "ip" => ips.iter().map(ToString::to_string).collect(),
        "not-before" => vec![instant::text(not_before)],
        "not-after" => vec![instant::text(not_after)],
        "key-type" => vec![certificate.key_type.to_string()],
        "key-bits" => vec![certificate.key_bits.to_string()],
        "sha256" => vec![Sha256Digest::of(&certificate.der).to_string()],
        _ => Vec::new(),
    })
}
