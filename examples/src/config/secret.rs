//! Secrets come from files: read once, bounded, refused when everybody on the machine could read them too.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use openfactory_sn::Secret;
use zeroize::Zeroizing;

use super::ConfigError;

/// The most that a file with a secret may hold, in bytes.
pub const MAX_SECRET: u64 = 64 * 1024;

/// Reads the secret in the file `path`: its text without the line ends that editors put after it.
///
/// # Errors
/// When it can't be read, others may read it (mode `o+r`), it is empty, longer than [`MAX_SECRET`], or not UTF-8.
pub fn read_secret_file(path: &Path) -> Result<Secret, ConfigError> {
    let error = |source| ConfigError::Read { path: path.to_owned(), source };
    let none = |reason| ConfigError::NoSecret { path: path.to_owned(), reason };
    let file = File::open(path).map_err(error)?;
    let metadata = file.metadata().map_err(error)?;
    if metadata.is_file() && metadata.permissions().mode() & 0o004 != 0 {
        return Err(ConfigError::Exposed { path: path.to_owned() });
    }
    // Taken in one allocation, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET as usize + 1));
    file.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(none("it is larger than 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_invalid| none("it is not UTF-8"))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(none("it is empty"));
    }
    Ok(Secret::new(text))
}
