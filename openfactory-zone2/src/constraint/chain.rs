//! Whether a certificate's signatures lead to one that is trusted (RFC 5280 section 6).
//!
//! Paths are built and signatures checked by rustls-webpki, which leaves key usage and the length of the anchor's life to
//! its callers. Policies (section 6.1.3 d) and revocation lists are not looked at; a certificate with a critical
//! extension that is not understood, policy constraints among them, is refused.

use std::fmt;
use std::time::{Duration, SystemTime};

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde::Serialize;
use thiserror::Error;
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use crate::x509;

/// The most certificates of a [`CaSet`].
pub const MAX_ANCHORS: usize = 64;

/// The certificates that are trusted: those of a plant, of a base image.
#[derive(Clone, PartialEq, Eq)]
pub struct CaSet {
    anchors: Vec<Vec<u8>>,
}

/// Why certificates are no [`CaSet`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CaSetError {
    /// There is none.
    #[error("there is no certificate")]
    Empty,
    /// There are more than [`MAX_ANCHORS`].
    #[error("more than {MAX_ANCHORS} certificates")]
    TooMany,
    /// One of them can't be read.
    #[error("certificate {number} can't be used: {reason}")]
    Certificate {
        /// Which, from 1.
        number: usize,
        /// Why not.
        reason: String,
    },
}

/// Why a certificate leads to no trusted one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct BrokenChain {
    /// In words.
    pub reason: String,
}

impl CaSet {
    /// The certificates of a PEM text, such as `/etc/ssl/certs/ca-certificates.crt`, of at most 64 KiB, or one in DER.
    ///
    /// # Errors
    /// [`CaSetError`]: a set of which a part can't be used is refused whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, CaSetError> {
        let blocks = x509::blocks(bytes, MAX_ANCHORS)
            .map_err(|reason| CaSetError::Certificate { number: 1, reason })?;
        Self::of(blocks)
    }

    /// These certificates, each in DER.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of(anchors: Vec<Vec<u8>>) -> Result<Self, CaSetError> {
        match anchors.len() {
            0 => return Err(CaSetError::Empty),
            found if found > MAX_ANCHORS => return Err(CaSetError::TooMany),
            _ => {}
        }
        for (index, der) in anchors.iter().enumerate() {
            let unusable = |reason| CaSetError::Certificate { number: index + 1, reason };
            x509::decode(der).map_err(unusable)?;
            let der = CertificateDer::from(der.as_slice());
            anchor_from_trusted_cert(&der).map_err(|error| unusable(error.to_string()))?;
        }
        Ok(Self { anchors })
    }

    /// How many certificates there are; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.anchors.len()
    }

    /// Whether the first certificate of a PEM text, or the one of DER, leads to one of these at that time. What else
    /// the text holds may stand between.
    ///
    /// # Errors
    /// [`BrokenChain`] says why it does not.
    pub fn verify(&self, chain: &[u8], now: SystemTime) -> Result<(), BrokenChain> {
        let broken = |reason: String| BrokenChain { reason };
        let blocks = x509::blocks(chain, x509::MAX_BLOCKS).map_err(broken)?;
        let mut ders = blocks.iter().map(|der| CertificateDer::from(der.as_slice()));
        let device = ders.next().ok_or_else(|| broken("there is no certificate".to_owned()))?;
        let between: Vec<_> = ders.collect();
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let time = UnixTime::since_unix_epoch(seconds);
        let ders: Vec<_> = self.anchors.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let anchors: Vec<TrustAnchor<'_>> = ders
            .iter()
            .zip(&self.anchors)
            .filter(|(_, der)| in_force(der, now))
            .filter_map(|(der, _)| anchor_from_trusted_cert(der).ok())
            .collect();
        if anchors.is_empty() {
            return Err(broken("no trusted certificate is in force".to_owned()));
        }
        let device = EndEntityCert::try_from(&device).map_err(|error| broken(told(&error)))?;
        let path = |usage| {
            let verify =
                device.verify_for_usage(ALGORITHMS, &anchors, &between, time, usage, None, Some(&issuers));
            verify.map(|_| ())
        };
        // Which of the two a device's certificate is for is another rule's to say.
        match path(KeyUsage::client_auth()) {
            Err(Error::RequiredEkuNotFoundContext(_)) => path(KeyUsage::server_auth()),
            answer => answer,
        }
        .map_err(|error| broken(told(&error)))
    }
}

/// Whoever issues must be allowed to sign certificates (RFC 5280 section 6.1.4 n).
fn issuers(path: &VerifiedPath<'_>) -> Result<(), Error> {
    for issuer in path.intermediate_certificates() {
        let read = x509::decode(issuer.der().as_ref()).map_err(|_| Error::BadDer)?;
        if read.limits_use && !read.key_usage.contains(&x509::KeyUsage::CertSign) {
            return Err(Error::UnknownIssuer);
        }
    }
    Ok(())
}

fn in_force(der: &[u8], now: SystemTime) -> bool {
    x509::decode(der).is_ok_and(|anchor| {
        let over = anchor.not_after.checked_add(Duration::from_secs(1)).is_some_and(|end| now >= end);
        now >= anchor.not_before && !over
    })
}

fn told(error: &Error) -> String {
    match error {
        Error::UnknownIssuer => "it leads to no trusted certificate".to_owned(),
        Error::InvalidSignatureForPublicKey => "a signature is not that of its issuer".to_owned(),
        Error::CertExpired { .. } => "a certificate of the chain has expired".to_owned(),
        Error::CertNotValidYet { .. } => "a certificate of the chain is not in force yet".to_owned(),
        other => format!("{other:?}"),
    }
}

static ALGORITHMS: &[&dyn rustls_pki_types::SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P256_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ED25519,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

impl fmt::Debug for CaSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaSet").field("count", &self.count()).finish()
    }
}
