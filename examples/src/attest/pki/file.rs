//! Keys, certificates, lists and responses in files.

use std::path::{Path, PathBuf};

use openfactory_attest::Ed25519Key;
use openfactory_attest::TrustStore;
use openfactory_attest::pki::{self, AuthorityKey, Crl, KeyCertificate, OcspResponse, PkiError};
use openfactory_attest::trust::revocation::RevocationList;
use openfactory_attest::verity::signature::SigningKey;

use crate::attest::{CliError, input};
use crate::private_key;

/// An authority's private key.
pub(super) enum CaKey {
    Ed25519(Box<Ed25519Key>),
    Classic(Box<SigningKey>),
}

impl CaKey {
    /// Ed25519, RSA or P-256, in PKCS#8 PEM.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let pem = private_key::read_pem(path)
            .map_err(|error| CliError::file("use the private key in", path, error))?;
        if let Ok(key) = Ed25519Key::from_pem(&pem) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        let key = SigningKey::from_pem(&pem).map_err(|error| {
            CliError::because(format!("{} is neither an Ed25519 key nor another", path.display()), error)
        })?;
        Ok(Self::Classic(Box::new(key)))
    }

    pub(super) fn key(&self) -> AuthorityKey<'_> {
        match self {
            Self::Ed25519(key) => AuthorityKey::Ed25519(key.as_ref()),
            Self::Classic(key) => AuthorityKey::Classic(key),
        }
    }
}

pub(super) fn certificate(path: &Path) -> Result<KeyCertificate, CliError> {
    KeyCertificate::read(&input::read_small(path)?)
        .map_err(|error| CliError::because(format!("{} is no certificate to go by", path.display()), error))
}

pub(super) fn certificates(paths: &[PathBuf]) -> Result<Vec<KeyCertificate>, CliError> {
    paths.iter().map(|path| certificate(path)).collect()
}

/// A certificate revocation list or an OCSP response, whichever it is.
pub(super) enum Statement {
    Crl(Box<Crl>),
    Ocsp(Box<OcspResponse>),
}

/// Why there is none.
pub(super) enum NoStatement {
    /// It could be read, and is not to be believed.
    Bad(PkiError),
    /// It could not be read.
    Unreadable(CliError),
}

impl Statement {
    pub(super) fn read(path: &Path, ca: &KeyCertificate) -> Result<Self, NoStatement> {
        let bytes = input::read(path, pki::MAX_BYTES).map_err(NoStatement::Unreadable)?;
        let read = match OcspResponse::read(&bytes, ca) {
            Err(PkiError::Malformed { .. }) => Crl::read(&bytes, ca).map(|crl| Self::Crl(Box::new(crl))),
            other => other.map(|response| Self::Ocsp(Box::new(response))),
        };
        read.map_err(|error| match error {
            PkiError::Malformed { .. } | PkiError::TooLong { .. } | PkiError::Encode { .. } => {
                let what = "neither a certificate revocation list nor an OCSP response";
                NoStatement::Unreadable(CliError::because(format!("{} is {what}", path.display()), error))
            }
            error => NoStatement::Bad(error),
        })
    }
}

pub(super) fn revocations<'s>(store: &'s TrustStore, path: &Path) -> Result<&'s RevocationList, CliError> {
    store.revocations().ok_or_else(|| CliError::new(format!("{} has no revocation list", path.display())))
}

pub(super) fn cannot(error: PkiError) -> CliError {
    CliError::because("it can't be made", error)
}
