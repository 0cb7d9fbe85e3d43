//! The certificate constraint: in force, not about to expire, of a permitted issuer, for the required uses.
//!
//! Integration guide, "Zone 2 Constraint Violations", second and sixth row: "TLS certificate expired or invalid
//! issuer" and "Certificate key usage flags mismatch", P2 incidents both. That a certificate expires soon is no row of
//! the guide; it is P3, since the device's identity still holds.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use super::chain::{BrokenChain, CaSet};
use super::private_key;
use crate::finding::{Guidance, NotChecked, Outcome, Role, Violation};
use crate::instant;
use crate::place::Place;
use crate::value::Observed;
use crate::x509::{self, Certificate};

pub use crate::x509::{ExtendedKeyUsage, KeyType, KeyUsage};

/// The most issuers that one constraint may permit.
pub const MAX_ISSUERS: usize = 64;

/// What a certificate must be. The names in it are what it says of itself, unless [`chained_to`](CertificateRule::chained_to)
/// has its signatures checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    warn: Duration,
    issuers: Vec<String>,
    key_usage: Vec<KeyUsage>,
    extended: Vec<ExtendedKeyUsage>,
    names: Vec<String>,
    keys: Vec<KeyRequirement>,
    anchors: Option<CaSet>,
    private_key: Option<Place>,
}

/// A kind of key that a certificate may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRequirement {
    /// Which kind.
    pub key_type: KeyType,
    /// How many bits it has at least.
    pub min_bits: u32,
}

impl KeyRequirement {
    /// Keys of this kind, with so many bits or more.
    #[must_use]
    pub const fn new(key_type: KeyType, min_bits: u32) -> Self {
        Self { key_type, min_bits }
    }
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
    /// It is not for what it must be.
    #[error("lacks the extended key usage {}", missing.iter().map(|usage| usage.as_str()).collect::<Vec<_>>().join(", "))]
    ExtendedKeyUsage {
        /// What it is not for.
        missing: Vec<ExtendedKeyUsage>,
    },
    /// It is not for a name that it must be for.
    #[error("is not for the name {}", missing.join(", "))]
    Name {
        /// The names that it does not hold.
        missing: Vec<String>,
    },
    /// Its key is of a kind that is not permitted, or too short.
    #[error("has a key of the kind {key_type} with {bits} bits")]
    Key {
        /// Of what kind it is.
        key_type: KeyType,
        /// How long it is.
        bits: usize,
    },
    /// Its signatures lead to no trusted certificate.
    #[error("does not chain to a trusted certificate: {0}")]
    Chain(BrokenChain),
    /// The private key beside it is another's.
    #[error("is not for the private key beside it")]
    KeyMismatch,
}

impl CertificateRule {
    /// A rule for certificates that are in force and stay so for longer than `warn`; zero for no warning.
    #[must_use]
    pub fn new(warn: Duration) -> Self {
        Self {
            warn,
            issuers: Vec::new(),
            key_usage: Vec::new(),
            extended: Vec::new(),
            names: Vec::new(),
            keys: Vec::new(),
            anchors: None,
            private_key: None,
        }
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

    /// The same rule, for certificates that are for all of these.
    #[must_use]
    pub fn with_extended_key_usage(self, extended: Vec<ExtendedKeyUsage>) -> Self {
        Self { extended, ..self }
    }

    /// The same rule, for certificates that hold all of these DNS names or addresses among their alternative names
    /// (RFC 6125; a common name is none). A name `*.example` holds one label more.
    #[must_use]
    pub fn for_names(self, names: Vec<String>) -> Self {
        Self { names, ..self }
    }

    /// The same rule, for certificates with a key of one of these kinds; any if there are none.
    #[must_use]
    pub fn with_keys(self, keys: Vec<KeyRequirement>) -> Self {
        Self { keys, ..self }
    }

    /// The same rule, for certificates whose signatures lead to one of these. What stands between may stand in the same
    /// PEM text.
    #[must_use]
    pub fn chained_to(self, anchors: CaSet) -> Self {
        Self { anchors: Some(anchors), ..self }
    }

    /// The same rule, for certificates whose private key stands, as PEM or DER, at that place.
    #[must_use]
    pub fn with_private_key(self, place: Place) -> Self {
        Self { private_key: Some(place), ..self }
    }

    /// Where the private key stands, if it has to be the certificate's.
    #[must_use]
    pub const fn private_key(&self) -> Option<&Place> {
        self.private_key.as_ref()
    }

    /// Checks that a private key, as it was found at its place, is the certificate's. Nothing of the key is ever told.
    ///
    /// # Errors
    /// [`NotChecked`] where there is no certificate or no key that can be read.
    pub fn check_key(
        &self,
        certificate: &[u8],
        key: &Observed,
    ) -> Result<Option<CertificateViolation>, NotChecked> {
        let unreadable = |reason: &str| NotChecked::Unreadable(format!("the private key: {reason}"));
        let certificate = x509::read(certificate).map_err(NotChecked::Unreadable)?;
        let public = match key {
            Observed::Content(bytes) => private_key::public_of(bytes),
            Observed::Values(values) => match values.as_slice() {
                [one] => private_key::public_of(one.as_bytes()),
                _ => Err("more than one"),
            },
            Observed::Absent => Err("there is none"),
            Observed::Unreadable(reason) => return Err(unreadable(reason)),
        }
        .map_err(unreadable)?;
        Ok((public != certificate.public_key).then_some(CertificateViolation::KeyMismatch))
    }

    /// Checks one value, a certificate as PEM (RFC 7468) or DER, at an instant that the caller names. Returns all
    /// that is wrong with it. A PEM text may hold more than one certificate: the first is the device's.
    #[must_use]
    pub fn check(&self, value: &[u8], now: SystemTime) -> Vec<CertificateViolation> {
        match x509::read(value) {
            Ok(certificate) => {
                let chain = self.anchors.as_ref().and_then(|anchors| anchors.verify(value, now).err());
                let mut violations = self.violations(&certificate, now);
                violations.extend(chain.map(CertificateViolation::Chain));
                violations
            }
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
        validity.into_iter().chain(issuer).chain(usage).chain(self.identity(certificate)).collect()
    }

    /// What it is for, whose it is, and with what key.
    fn identity(&self, certificate: &Certificate) -> Vec<CertificateViolation> {
        let lacks = |usage: &&ExtendedKeyUsage| !certificate.extended.contains(usage);
        let missing: Vec<_> = self.extended.iter().filter(lacks).copied().collect();
        let usage = (!missing.is_empty()).then_some(CertificateViolation::ExtendedKeyUsage { missing });
        let missing: Vec<_> = self.names.iter().filter(|name| !holds(certificate, name)).cloned().collect();
        let names = (!missing.is_empty()).then_some(CertificateViolation::Name { missing });
        let (key_type, bits) = (certificate.key_type, certificate.key_bits);
        let fits = |key: &KeyRequirement| {
            key.key_type == key_type && usize::try_from(key.min_bits).is_ok_and(|least| bits >= least)
        };
        let key = !self.keys.is_empty() && !self.keys.iter().any(fits);
        let key = key.then_some(CertificateViolation::Key { key_type, bits });
        usage.into_iter().chain(names).chain(key).collect()
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
        Guidance { advice, priority, assignment: Role::Security }
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
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
        if !self.extended.is_empty() {
            let uses: Vec<&str> = self.extended.iter().map(|usage| usage.as_str()).collect();
            text += &format!(", for {}", uses.join(", "));
        }
        if !self.names.is_empty() {
            text += &format!(", for the name {}", self.names.join(" and "));
        }
        if !self.keys.is_empty() {
            let keys: Vec<_> =
                self.keys.iter().map(|key| format!("{} ({} bits)", key.key_type, key.min_bits)).collect();
            text += &format!(", with a key {}", keys.join(" or "));
        }
        if let Some(anchors) = &self.anchors {
            text += &format!(", signed by one of {} trusted certificates", anchors.count());
        }
        text
    }
}

/// Whether a certificate is for a name (RFC 6125 section 6.4) or an address.
fn holds(certificate: &Certificate, name: &str) -> bool {
    if let Ok(address) = name.parse::<IpAddr>() {
        return certificate.ips.contains(&address);
    }
    certificate.dns.iter().any(|held| {
        let wild = || {
            let (held, (first, rest)) = (held.strip_prefix("*.")?, name.split_once('.')?);
            Some(!first.is_empty() && held.contains('.') && held.eq_ignore_ascii_case(rest))
        };
        held.eq_ignore_ascii_case(name) || wild() == Some(true)
    })
}
