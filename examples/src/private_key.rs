//! Private keys in files, as they are or under a passphrase.

use std::path::Path;

use openfactory_attest::key::{DecryptKeyError, Ed25519Key, ParseKeyError, Passphrase};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::passphrase::{self, PassphraseError};
use crate::private_file::{self, PrivateFileError};

/// Why the key in a file is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// The file can't be used.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The key is encrypted, and there is no passphrase.
    #[error("the key is encrypted")]
    Passphrase(#[from] PassphraseError),
    /// The key is encrypted, and was not decrypted.
    #[error(transparent)]
    Decrypt(#[from] DecryptKeyError),
    /// There is no such key in it.
    #[error(transparent)]
    Key(#[from] ParseKeyError),
}

/// Reads an Ed25519 key: PKCS#8 PEM in a file that is private ([`private_file::read`]). For one that is encrypted the
/// passphrase is looked for ([`passphrase::of_key`]).
///
/// # Errors
/// [`PrivateKeyError`].
pub fn read(path: &Path) -> Result<Ed25519Key, PrivateKeyError> {
    Ok(Ed25519Key::from_pem(&read_pem(path)?)?)
}

/// The unencrypted PEM of a key of any algorithm, read the same way.
///
/// # Errors
/// [`PrivateKeyError`].
pub fn read_pem(path: &Path) -> Result<Zeroizing<String>, PrivateKeyError> {
    let text = private_file::read(path)?;
    if !Passphrase::is_needed(&text) {
        return Ok(text);
    }
    let plain = passphrase::of_key(path)?.decrypt(&text)?;
    Ok(Zeroizing::new(plain.to_owned()))
}
