//! Fernet: AES-128 in CBC mode under an HMAC-SHA256, with keys that can be changed
//! (<https://github.com/fernet/spec/blob/master/Spec.md>).
//!
//! Composed here from the field's own primitives, so that time and chance come through seams; tokens are those of
//! Python's `cryptography`, which reads ours in the tests.

use std::fmt;
use std::time::{Duration, SystemTime};

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Secret;

const VERSION: u8 = 0x80;
/// Version, time, initialisation vector.
const HEAD: usize = 1 + 8 + 16;
const MAC: usize = 32;
/// Longest token read, in bytes of its text.
const TOKEN_MAX: usize = 64 * 1024;
/// Longest secret encrypted, in bytes, so that its token can be read again.
const SECRET_MAX: usize = 48_000;

/// Why a secret cannot be read or kept.
///
/// ```
/// use openfactory_sn::secret::{FernetError, FernetKeys};
///
/// assert_eq!(FernetKeys::parse("# no key yet\n").unwrap_err(), FernetError::NoKey);
/// let keys = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")?;
/// assert_eq!(keys.decrypt("no token").unwrap_err(), FernetError::Form);
/// # Ok::<(), FernetError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FernetError {
    /// A key is not 32 bytes in URL-safe base64.
    #[error("key is not 32 bytes in url-safe base64")]
    Key,
    /// There is no key at all.
    #[error("no key given")]
    NoKey,
    /// A token does not have the form of one.
    #[error("token has not the form of one")]
    Form,
    /// A token is by none of the keys, or was changed.
    #[error("token is by none of the keys, or was changed")]
    Mac,
    /// What the token holds is not text.
    #[error("token holds no text")]
    Text,
    /// The secret is longer than a token can hold: 48,000 bytes.
    #[error("secret is longer than a token can hold")]
    TooLong,
    /// The clock stands before 1970.
    #[error("time lies before 1970")]
    Time,
}

/// One or several Fernet keys: the first encrypts, all decrypt. So a new key is put in front, every secret is encrypted
/// anew, and the old one is taken away.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_sn::secret::{FernetKeys, Secret};
///
/// let old = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")?;
/// let token = old.encrypt(&Secret::new("s3cr3t"), SystemTime::now(), [7; 16])?;
///
/// let both = FernetKeys::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ncw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")?;
/// assert_eq!(both.decrypt(&token)?.expose(), "s3cr3t");
/// # Ok::<(), openfactory_sn::secret::FernetError>(())
/// ```
#[derive(Clone)]
pub struct FernetKeys(Vec<Key>);

#[derive(Clone)]
struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for FernetKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FernetKeys({} ***)", self.0.len())
    }
}

impl FernetKeys {
    /// Reads keys, each 32 bytes in URL-safe base64, one on a line; empty lines and lines that begin with `#` are passed
    /// over.
    ///
    /// # Errors
    ///
    /// [`FernetError::Key`], [`FernetError::NoKey`].
    pub fn parse(text: &str) -> Result<Self, FernetError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Result<Vec<_>, _> = lines.map(Key::parse).collect();
        match keys? {
            keys if keys.is_empty() => Err(FernetError::NoKey),
            keys => Ok(Self(keys)),
        }
    }

    /// Encrypts with the first key. `iv` must be drawn at random for each token.
    ///
    /// # Errors
    ///
    /// [`FernetError::Time`], [`FernetError::NoKey`], [`FernetError::TooLong`].
    pub fn encrypt(&self, secret: &Secret, now: SystemTime, iv: [u8; 16]) -> Result<String, FernetError> {
        if secret.expose().len() > SECRET_MAX {
            return Err(FernetError::TooLong);
        }
        let key = self.0.first().ok_or(FernetError::NoKey)?;
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| FernetError::Time)?.as_secs();
        let mut token = vec![VERSION];
        token.extend_from_slice(&seconds.to_be_bytes());
        token.extend_from_slice(&iv);
        let cipher =
            cbc::Encryptor::<Aes128>::new_from_slices(key.encrypting(), &iv).map_err(|_| FernetError::Key)?;
        token.extend(cipher.encrypt_padded_vec::<Pkcs7>(secret.expose().as_bytes()));
        let mac = key.mac(&token)?.finalize().into_bytes();
        token.extend_from_slice(&mac);
        Ok(URL_SAFE.encode(token))
    }

    /// Decrypts a token by whichever key it is. Its age does not count: secrets at rest have no end.
    ///
    /// # Errors
    ///
    /// [`FernetError`].
    pub fn decrypt(&self, token: &str) -> Result<Secret, FernetError> {
        let token = Token::parse(token)?;
        let key = self.0.iter().find(|key| token.is_by(key)).ok_or(FernetError::Mac)?;
        let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key.encrypting(), token.iv())
            .map_err(|_| FernetError::Form)?;
        let plain = cipher.decrypt_padded_vec::<Pkcs7>(token.cipher_text()).map_err(|_| FernetError::Form)?;
        let plain = Zeroizing::new(plain);
        std::str::from_utf8(&plain).map(Secret::new).map_err(|_| FernetError::Text)
    }

    /// Whether a token is by the first key, so that it need not be encrypted anew.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::secret::{FernetKeys, Secret};
    ///
    /// let (new, old) = ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
    /// let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    /// let token = FernetKeys::parse(old)?.encrypt(&Secret::new("s3cr3t"), made, [7; 16])?;
    ///
    /// let both = FernetKeys::parse(&format!("{new}\n{old}"))?;
    /// assert!(!both.is_by_first(&token)?, "to be encrypted anew before the old key goes");
    /// assert_eq!(FernetKeys::made_at(&token)?, made);
    /// # Ok::<(), openfactory_sn::secret::FernetError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FernetError::Form`].
    pub fn is_by_first(&self, token: &str) -> Result<bool, FernetError> {
        let token = Token::parse(token)?;
        Ok(self.0.first().is_some_and(|key| token.is_by(key)))
    }

    /// When a token was made, by its own word: good for telling how old a key may be, proved by its MAC if it decrypts.
    ///
    /// # Errors
    ///
    /// [`FernetError::Form`].
    pub fn made_at(token: &str) -> Result<SystemTime, FernetError> {
        let token = Token::parse(token)?;
        let seconds: [u8; 8] =
            token.0.get(1..9).and_then(|part| part.try_into().ok()).ok_or(FernetError::Form)?;
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(u64::from_be_bytes(seconds)))
            .ok_or(FernetError::Form)
    }
}

impl Key {
    fn parse(text: &str) -> Result<Self, FernetError> {
        let bytes = Zeroizing::new(URL_SAFE.decode(text).map_err(|_| FernetError::Key)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| FernetError::Key)?;
        Ok(Self(Zeroizing::new(key)))
    }

    fn encrypting(&self) -> &[u8] {
        self.0.get(16..).unwrap_or_default()
    }

    fn mac(&self, signed: &[u8]) -> Result<Hmac<Sha256>, FernetError> {
        let signing = self.0.get(..16).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(signing).map_err(|_| FernetError::Key)?;
        mac.update(signed);
        Ok(mac)
    }
}

/// A token's bytes: head, at least one block, MAC.
struct Token(Vec<u8>);

impl Token {
    fn parse(text: &str) -> Result<Self, FernetError> {
        if text.len() > TOKEN_MAX {
            return Err(FernetError::Form);
        }
        let bytes = URL_SAFE.decode(text.trim()).map_err(|_| FernetError::Form)?;
        let whole = bytes.len() > HEAD + MAC && (bytes.len() - HEAD - MAC).is_multiple_of(16);
        match bytes.first() {
            Some(&VERSION) if whole => Ok(Self(bytes)),
            _ => Err(FernetError::Form),
        }
    }

    fn split(&self) -> (&[u8], &[u8]) {
        self.0.split_at(self.0.len() - MAC)
    }

    fn is_by(&self, key: &Key) -> bool {
        let (signed, mac) = self.split();
        key.mac(signed).is_ok_and(|expected| expected.verify_slice(mac).is_ok())
    }

    fn iv(&self) -> &[u8] {
        self.0.get(9..HEAD).unwrap_or_default()
    }

    fn cipher_text(&self) -> &[u8] {
        self.split().0.get(HEAD..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

    fn keys() -> FernetKeys {
        FernetKeys::parse(KEY).unwrap()
    }

    /// The vectors of the specification, `generate.json` and `verify.json`.
    #[test]
    fn vectors_of_the_specification() {
        let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(499_162_800);
        let iv: [u8; 16] = std::array::from_fn(|n| n as u8);
        assert_eq!(keys().encrypt(&Secret::new("hello"), now, iv).unwrap(), token);
        assert_eq!(keys().decrypt(token).unwrap().expose(), "hello");
        assert_eq!(FernetKeys::made_at(token), Ok(now));
    }

    /// The causes of `invalid.json` that do not concern age.
    #[test]
    fn what_was_changed_is_refused() {
        let good = keys().encrypt(&Secret::new("hello"), SystemTime::UNIX_EPOCH, [1; 16]).unwrap();
        let bytes = URL_SAFE.decode(&good).unwrap();
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(keys().decrypt(&URL_SAFE.encode(changed)), Err(FernetError::Mac), "{at}");
        }
        let of = |bytes: &[u8]| keys().decrypt(&URL_SAFE.encode(bytes));
        assert_eq!(of(&[]), Err(FernetError::Form));
        assert_eq!(of(&bytes[..bytes.len() - 1]), Err(FernetError::Form));
        assert_eq!(of(&[&[0x81], &bytes[1..]].concat()), Err(FernetError::Form));
        assert_eq!(keys().decrypt("gAAAAAAdwJ6x%%"), Err(FernetError::Form));
        // A good MAC over padding that is none.
        let mut unpadded = bytes[..HEAD].to_vec();
        unpadded.extend([0; 16]);
        let mac = keys().0[0].mac(&unpadded).unwrap().finalize().into_bytes();
        assert_eq!(of(&[unpadded.as_slice(), &mac].concat()), Err(FernetError::Form));
        let other = FernetKeys::parse(&URL_SAFE.encode([9; 32])).unwrap();
        assert_eq!(other.decrypt(&good), Err(FernetError::Mac));
    }

    #[test]
    fn what_is_encrypted_can_be_decrypted() {
        let encrypted =
            |length| keys().encrypt(&Secret::new("x".repeat(length)), SystemTime::UNIX_EPOCH, [1; 16]);
        for length in [0, 1, 15, 16, SECRET_MAX] {
            assert_eq!(keys().decrypt(&encrypted(length).unwrap()).unwrap().expose().len(), length);
        }
        assert_eq!(encrypted(SECRET_MAX + 1), Err(FernetError::TooLong));
    }

    #[test]
    fn keys_are_checked_and_not_printed() {
        assert_eq!(FernetKeys::parse("# none\n\n").unwrap_err(), FernetError::NoKey);
        assert_eq!(FernetKeys::parse("short").unwrap_err(), FernetError::Key);
        assert_eq!(format!("{:?}", keys()), "FernetKeys(1 ***)");
        let two = FernetKeys::parse(&format!("{}\n{KEY}", URL_SAFE.encode([9; 32]))).unwrap();
        let old = keys().encrypt(&Secret::new("x"), SystemTime::UNIX_EPOCH, [1; 16]).unwrap();
        assert_eq!((two.is_by_first(&old), keys().is_by_first(&old)), (Ok(false), Ok(true)));
        assert!(two.decrypt(&old).is_ok());
    }
}
