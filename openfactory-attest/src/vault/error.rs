//! Why a vault did not do what it was asked to.

use std::error::Error;
use std::fmt;

/// What a caller can do about a vault's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VaultErrorKind {
    /// There is no such key, and never was.
    UnknownKey,
    /// The name is in use already, or is none.
    NameTaken,
    /// Secrets of this kind sign nothing.
    NotASigningKey,
    /// The key was revoked or superseded: it signs no more.
    Revoked,
    /// The vault could not be asked; it may work later.
    Unavailable,
    /// What the vault keeps is not as it wrote it.
    Damaged,
}

/// Why a vault did not do what it was asked to.
#[derive(Debug)]
pub struct VaultError {
    kind: VaultErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl VaultError {
    /// A refusal of this kind, in a person's words; for vaults of one's own.
    pub fn new(kind: VaultErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same with what caused it.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> VaultErrorKind {
        self.kind
    }

    pub(super) fn unknown(name: impl fmt::Display) -> Self {
        Self::new(VaultErrorKind::UnknownKey, format!("the vault has no key {name}"))
    }

    pub(super) fn unavailable(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(VaultErrorKind::Unavailable, message).because(source)
    }

    pub(super) fn damaged(message: impl Into<String>) -> Self {
        Self::new(VaultErrorKind::Damaged, message)
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for VaultError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}
