//! Why something is not made, or not believed.

use std::time::SystemTime;

use crate::key::SignError;
use crate::verity::signature::KeyError;

/// Why something of X.509 is not made, or not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// More bytes than are read.
    #[error("{len} bytes are more than are read of certificates, lists and responses")]
    TooLong {
        /// Bytes given.
        len: usize,
    },
    /// Not what it should be.
    #[error("not {what}: {reason}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What the parser disliked.
        reason: String,
    },
    /// A certificate's key is none that is used here.
    #[error("the certificate's key is neither Ed25519 nor RSA with 2048 to 4096 bits nor ECDSA on P-256")]
    UnknownKey,
    /// It says something that must be understood, and is not: of a list, that it holds some revocations only, say.
    #[error("{what} has the critical extension {oid}, which is not understood here")]
    Critical {
        /// What has it.
        what: &'static str,
        /// The extension's object identifier.
        oid: String,
    },
    /// A name that can't stand in a certificate.
    #[error(
        "{name:?} can't be a common name: 1 to 64 letters, digits, spaces, dots, hyphens and underscores"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A time that can't stand there, or an end before its beginning.
    #[error("a time is out of range, or ends before it begins")]
    Time,
    /// The signing key is not that of the authority's certificate.
    #[error("the signing key is not that of the authority's certificate")]
    OtherKey,
    /// Another authority's.
    #[error("{what} is another authority's")]
    WrongIssuer {
        /// What it is.
        what: &'static str,
    },
    /// Signed by somebody else, or changed.
    #[error("{what} is not signed by this authority")]
    BadSignature {
        /// What it is.
        what: &'static str,
    },
    /// The certificate given is none that may sign lists.
    #[error("the certificate is not that of an authority")]
    NotAnAuthority,
    /// It holds from a later time on.
    #[error("it holds from {} on, which is to come", told(*.from))]
    Early {
        /// From when.
        from: SystemTime,
    },
    /// It held until an earlier time.
    #[error("it held until {}", told(*.until))]
    Stale {
        /// Until when.
        until: SystemTime,
    },
    /// The responder knows nothing, or was asked wrongly.
    #[error("the OCSP responder says that it could not answer (status {status})")]
    NoAnswer {
        /// Its status (RFC 6960, section 4.2.1).
        status: u8,
    },
    /// It could not be encoded.
    #[error("the encoder failed: {reason}")]
    Encode {
        /// What it said.
        reason: String,
    },
    /// The key would not sign.
    #[error("it could not be signed")]
    Sign(#[source] SignError),
    /// The key could not sign.
    #[error("it could not be signed")]
    Key(#[source] KeyError),
}

impl PkiError {
    pub(super) fn encode(error: impl std::fmt::Display) -> Self {
        Self::Encode { reason: error.to_string() }
    }

    pub(super) fn malformed(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { what, reason: reason.to_string() }
    }
}

fn told(time: SystemTime) -> String {
    crate::instant::format(time).unwrap_or_else(|| "a time out of range".to_owned())
}
