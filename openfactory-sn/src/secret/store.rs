//! Secrets at rest: a file of names and Fernet tokens.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

use super::Secret;
use super::fernet::{FernetError, FernetKeys};

/// Largest file read, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Why a store cannot be used.
///
/// ```
/// use openfactory_sn::secret::{FernetKeys, SecretStore, StoreError};
///
/// let keys = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")?;
/// let store = SecretStore::parse("cmdb = gAAAAA\n", keys.clone())?;
/// assert_eq!(store.get("incident").unwrap_err().to_string(), "no secret \"incident\"");
/// assert!(matches!(store.get("cmdb"), Err(StoreError::Fernet { name, .. }) if name == "cmdb"));
/// assert!(matches!(SecretStore::parse("cmdb: s3cr3t", keys), Err(StoreError::Line { line: 1 })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be read or written.
    #[error("secrets file could not be read or written")]
    File(#[source] io::Error),
    /// The text is not one of names and tokens.
    #[error("line {line} of the secrets file is not NAME = TOKEN")]
    Line {
        /// Which line, from 1.
        line: usize,
    },
    /// There is no secret of this name.
    #[error("no secret {name:?}")]
    Missing {
        /// The name.
        name: String,
    },
    /// A token cannot be decrypted, or a secret not encrypted.
    #[error("secret {name:?}")]
    Fernet {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: FernetError,
    },
}

/// Secrets by name, encrypted; each is decrypted only when it is asked for.
///
/// The file has a line `NAME = TOKEN` for each. Keys are kept elsewhere: a store with its keys beside it hides nothing.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_sn::Secret;
/// use openfactory_sn::secret::{FernetKeys, SecretStore};
///
/// let keys = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")?;
/// let mut store = SecretStore::new(keys.clone());
/// store.set("cmdb", &Secret::new("s3cr3t"), SystemTime::now(), [7; 16])?;
/// let text = store.to_text();
/// assert!(!text.contains("s3cr3t"));
/// assert_eq!(SecretStore::parse(&text, keys)?.get("cmdb")?.expose(), "s3cr3t");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SecretStore {
    keys: FernetKeys,
    tokens: BTreeMap<String, String>,
}

impl SecretStore {
    /// An empty store.
    #[must_use]
    pub fn new(keys: FernetKeys) -> Self {
        Self { keys, tokens: BTreeMap::new() }
    }

    /// Reads a store's text. Tokens are looked at only when they are asked for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Line`].
    pub fn parse(text: &str, keys: FernetKeys) -> Result<Self, StoreError> {
        let mut store = Self::new(keys);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || StoreError::Line { line: number + 1 };
            let (name, token) = line.split_once(" = ").ok_or_else(malformed)?;
            if !is_name(name) || store.tokens.insert(name.to_owned(), token.to_owned()).is_some() {
                return Err(malformed());
            }
        }
        Ok(store)
    }

    /// Reads a store's file.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use openfactory_sn::Secret;
    /// use openfactory_sn::secret::{FernetKeys, SecretStore};
    ///
    /// let keys = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")?;
    /// # let directory = std::env::temp_dir().join(format!("openfactory-doc-{}-store", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// let path = directory.join("secrets");
    /// let mut store = SecretStore::new(keys.clone());
    /// store.set("cmdb", &Secret::new("s3cr3t"), SystemTime::now(), [7; 16])?;
    /// store.set("incident", &Secret::new("0th3r"), SystemTime::now(), [8; 16])?;
    /// store.save(&path)?;
    ///
    /// let opened = SecretStore::open(&path, keys)?;
    /// assert_eq!(opened.names().collect::<Vec<_>>(), ["cmdb", "incident"]);
    /// assert_eq!(opened.get("cmdb")?, Secret::new("s3cr3t"));
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::File`], also if it is larger than 1 MiB; [`StoreError::Line`].
    pub fn open(path: &Path, keys: FernetKeys) -> Result<Self, StoreError> {
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(StoreError::File)?;
        file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(StoreError::File)?;
        match text.len() as u64 > FILE_MAX {
            true => Err(StoreError::File(io::Error::other("file is larger than 1 MiB"))),
            false => Self::parse(&text, keys),
        }
    }

    /// Writes the store's file so that either the old or the new one is there, also after a loss of power, readable by its
    /// owner alone. Once it has returned, a key that no secret is by any more can be destroyed.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`], also if it were too large to be read again; then the old one is as it was.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let text = self.to_text();
        if text.len() as u64 > FILE_MAX {
            return Err(StoreError::File(io::Error::other("file would be larger than 1 MiB")));
        }
        replace(path, text.as_bytes()).map_err(StoreError::File)
    }

    /// The store's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.tokens.iter().map(|(name, token)| format!("{name} = {token}\n")).collect()
    }

    /// The names of its secrets.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tokens.keys().map(String::as_str)
    }

    /// A secret.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`]; [`StoreError::Fernet`] if it is by none of the keys or was changed.
    pub fn get(&self, name: &str) -> Result<Secret, StoreError> {
        let token = self.tokens.get(name).ok_or_else(|| StoreError::Missing { name: name.to_owned() })?;
        self.keys.decrypt(token).map_err(|source| StoreError::Fernet { name: name.to_owned(), source })
    }

    /// Puts a secret in, or another in its place. `iv` must be drawn at random each time; a name is made of letters,
    /// digits, `_`, `-` and `.`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] for what is no name; [`StoreError::Fernet`].
    pub fn set(
        &mut self,
        name: &str,
        secret: &Secret,
        now: SystemTime,
        iv: [u8; 16],
    ) -> Result<(), StoreError> {
        if !is_name(name) {
            return Err(StoreError::Missing { name: name.to_owned() });
        }
        let token = self
            .keys
            .encrypt(secret, now, iv)
            .map_err(|source| StoreError::Fernet { name: name.to_owned(), source })?;
        self.tokens.insert(name.to_owned(), token);
        Ok(())
    }

    /// Encrypts anew, with the first key, whatever is by another; tells how many. `iv` is asked for each.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use openfactory_sn::Secret;
    /// use openfactory_sn::secret::{FernetKeys, SecretStore};
    ///
    /// let (new, old) = ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
    /// let mut store = SecretStore::new(FernetKeys::parse(old)?);
    /// store.set("cmdb", &Secret::new("s3cr3t"), SystemTime::now(), [7; 16])?;
    ///
    /// let mut store = SecretStore::parse(&store.to_text(), FernetKeys::parse(&format!("{new}\n{old}"))?)?;
    /// assert_eq!(store.rotate(SystemTime::now(), || [9; 16])?, 1); // [u8; 16] from the system's generator
    /// let store = SecretStore::parse(&store.to_text(), FernetKeys::parse(new)?)?;
    /// assert_eq!(store.get("cmdb")?.expose(), "s3cr3t", "without the old key");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Fernet`] for a secret that is by none of the keys; then nothing is changed.
    pub fn rotate(&mut self, now: SystemTime, mut iv: impl FnMut() -> [u8; 16]) -> Result<usize, StoreError> {
        let mut rotated = self.clone();
        let mut count = 0;
        for (name, token) in &self.tokens {
            let failed = |source| StoreError::Fernet { name: name.clone(), source };
            if !self.keys.is_by_first(token).map_err(failed)? {
                rotated.set(name, &self.get(name)?, now, iv())?;
                count += 1;
            }
        }
        *self = rotated;
        Ok(count)
    }
}

/// Puts a file in another's place, by a new one beside it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // What an earlier attempt left may be readable by others, or be a link.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    #[cfg(unix)]
    {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
