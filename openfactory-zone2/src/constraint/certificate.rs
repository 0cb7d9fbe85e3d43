//! The certificate constraint: in force, not about to expire, of a permitted issuer, for the required uses.
//!
//! Integration guide, "Zone 2 Constraint Violations", second and sixth row: "TLS certificate expired or invalid
//! issuer" and "Certificate key usage flags mismatch", P2 incidents both. That a certificate expires soon is no row of
//! the guide; it is P3, since the device's identity still holds.

use std::time::{Duration, SystemTime};

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use super::x509::{self, Certificate};
use crate::finding::{Guidance, Outcome, Role, Violation};
use crate::instant;

pub use super::x509::KeyUsage;

/// The most issuers that one constraint may permit.
pub const MAX_ISSUERS: usize = 64;

/// What a certificate must be. The names in it are what it says of itself: no signature is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    warn: Duration,
    issuers: Vec<String>,
    key_usage: Vec<KeyUsage>,
}

/// How a certificate breaks a [`CertificateRule`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CertificateViolation {
    /// The value is no certificate, neither as PEM nor as DER.
    #[error("is not a certificate: {reason}")]
    NotACertificate {
        /// Why not.
        reason: String,
    },
    /// It is no longer in force.
    #[error("expired at {}", instant::text(*not_after))]
    Expired {
        /// The last instant at which it was in force.
        #[serde(serialize_with = "instant::serialize")]
        not_after: SystemTime,
    },
    /// It is not in force yet.
    #[error("is not in force before {}", instant::text(*not_before))]
    NotYetValid {
        /// The first instant at which it will be.
        #[serde(serialize_with = "instant::serialize")]
        not_before: SystemTime,
    },
    /// It is in force, and expires within the warning horizon.
    #[error("expires at {}", instant::text(*not_after))]
    ExpiresSoon {
        /// The last instant at which it is in force.
        #[serde(serialize_with = "instant::serialize")]
        not_after: SystemTime,
    },
    /// The issuer that it names is not a permitted one.
    #[error("is issued by {}", found.as_deref().unwrap_or("an issuer without a common name"))]
    Issuer {
        /// The issuer's common name; none if it has none, or more than one.
        found: Option<String>,
    },
    /// Its key may not be used as it must be.
    #[error("lacks the key usage {}", missing.iter().map(|usage| usage.as_str()).collect::<Vec<_>>().join(", "))]
    KeyUsage {
        /// The uses that it does not permit.
        missing: Vec<KeyUsage>,
    },
}

impl CertificateRule {
    /// A rule for certificates that are in force and stay so for longer than `warn`; zero for no warning.
    #[must_use]
    pub fn new(warn: Duration) -> Self {
        Self { warn, issuers: Vec::new(), key_usage: Vec::new() }
    }

    /// The same rule, for certificates of an issuer with one of these common names alone; any if there are none.
    #[must_use]
    pub fn issued_by(self, issuers: Vec<String>) -> Self {
        Self { issuers, ..self }
    }

    /// The same rule, for certificates whose key may be used for all of these.
    #[must_use]
    pub fn with_key_usage(self, key_usage: Vec<KeyUsage>) -> Self {
        Self { key_usage, ..self }
    }

    /// Checks one value, a certificate as PEM (RFC 7468) or DER, at an instant that the caller names. Returns all
    /// that is wrong with it. A PEM text may hold more than one certificate: the first is the device's.
    #[must_use]
    pub fn check(&self, value: &[u8], now: SystemTime) -> Vec<CertificateViolation> {
        match x509::read(value) {
            Ok(certificate) => self.violations(&certificate, now),
            Err(reason) => vec![CertificateViolation::NotACertificate { reason }],
        }
    }

    fn violations(&self, certificate: &Certificate, now: SystemTime) -> Vec<CertificateViolation> {
        let &Certificate { not_before, not_after, .. } = certificate;
        // Both ends are in force (RFC 5280 section 4.1.2.5), and a second lasts until the next.
        let over = not_after.checked_add(Duration::from_secs(1)).is_some_and(|end| now >= end);
        let soon = || now.checked_add(self.warn).is_none_or(|horizon| not_after < horizon);
        let validity = if now < not_before {
            Some(CertificateViolation::NotYetValid { not_before })
        } else if over {
            Some(CertificateViolation::Expired { not_after })
        } else {
            (!self.warn.is_zero() && soon()).then_some(CertificateViolation::ExpiresSoon { not_after })
        };
        let known = |name: &String| self.issuers.contains(name);
        let issuer = !self.issuers.is_empty() && !certificate.issuer.as_ref().is_some_and(known);
        let issuer = issuer.then(|| CertificateViolation::Issuer { found: certificate.issuer.clone() });
        let lacks = |usage: &&KeyUsage| !certificate.key_usage.contains(usage);
        let missing: Vec<KeyUsage> = self.key_usage.iter().filter(lacks).copied().collect();
        let usage = (!missing.is_empty()).then_some(CertificateViolation::KeyUsage { missing });
        validity.into_iter().chain(issuer).chain(usage).collect()
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(Violation::Certificate(CertificateViolation::ExpiresSoon { .. })) => {
                "renew the certificate before it expires"
            }
            Outcome::Violated(Violation::Certificate(CertificateViolation::NotYetValid { .. })) => {
                "check the device's clock; if it is right, have the certificate issued anew"
            }
            Outcome::Violated(_) => {
                "do not trust the device's identity until it has a certificate as the rule wants it"
            }
            Outcome::NotChecked(_) => "make the certificate readable, then check again",
        };
        let priority = match outcome {
            Outcome::Violated(Violation::Certificate(CertificateViolation::ExpiresSoon { .. })) => {
                Priority::P3
            }
            _ => Priority::P2,
        };
        Guidance { rule: self.text(), advice: advice.to_owned(), priority, assignment: Role::Security }
    }

    /// The rule in words.
    fn text(&self) -> String {
        let mut text = "certificate in force".to_owned();
        if !self.warn.is_zero() {
            text += &format!(" for {} more days", self.warn.as_secs() / 86_400);
        }
        if !self.issuers.is_empty() {
            text += &format!(", issued by {}", self.issuers.join(" or "));
        }
        if !self.key_usage.is_empty() {
            let uses: Vec<&str> = self.key_usage.iter().map(|usage| usage.as_str()).collect();
            text += &format!(", for {}", uses.join(", "));
        }
        text
    }
}
