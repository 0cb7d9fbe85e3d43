//! Revocations in X.509's words: certificate revocation lists (RFC 5280) and OCSP responses (RFC 6960), made and read
//! (`docs/formats/pki.md`).
//!
//! What counts here is the [trust store](crate::trust) and its signed [revocation list](crate::trust::revocation). Others ask in
//! X.509's words whether a long-lived key was revoked: from the same list an [`Authority`] signs a [`Crl`] and, for single
//! certificates, an [`OcspResponse`]. [`Published`] tells which revoked keys those that are out there do not revoke, whoever made
//! them.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use openfactory_attest::key::{Ed25519Key, Signer};
//! use openfactory_attest::pki::{Authority, AuthorityKey, Crl, Gap, Published};
//! use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey};
//!
//! let (root, platform) = (Ed25519Key::generate()?, Ed25519Key::generate()?);
//! let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
//! let key = AuthorityKey::Ed25519(&root);
//! let certificate = key.self_signed("Example root", now, now + 3650 * day)?;
//! let authority = Authority::new(key, &certificate)?;
//!
//! let stolen = RevokedKey::new(*platform.key_id(), Reason::KeyCompromise).with_revoked_at(now);
//! let before = RevocationList::new(1, now);
//! let list = before.next(now).with(stolen);
//! let published = authority.crl(&before, &[], now, now + 7 * day)?;
//! let published = Crl::read(published.to_pem()?.as_bytes(), &certificate)?;
//! let gaps = Published::by(&certificate).with_crl(&published).gaps(&list, now);
//! assert_eq!(gaps, [Gap::NotInCrl(*platform.key_id())]);
//!
//! let crl = authority.crl(&list, &[], now, now + 7 * day)?;
//! assert_eq!(Published::by(&certificate).with_crl(&crl).gaps(&list, now), []);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod certificate;
mod crl;
mod error;
mod key;
mod ocsp;
mod publish;
mod responder;
mod revocation;
mod wire;

pub use authority::Authority;
pub use certificate::KeyCertificate;
pub use crl::Crl;
pub use error::PkiError;
pub use key::AuthorityKey;
pub use ocsp::{OcspAnswer, OcspResponse, OcspStatus};
pub use publish::{Gap, Published};
pub use revocation::{Currency, Revocation, Serial};

/// Bytes of a certificate, a list or a response at most: 16 MiB.
pub const MAX_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests;
