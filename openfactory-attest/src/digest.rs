//! SHA-256 digests: 32 bytes that are compared in constant time and written as 64 lower-case hex digits.
//!
//! Source: FIPS 180-4.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::str::FromStr;

use sha2::Digest as _;
use subtle::ConstantTimeEq as _;

mod text;

pub use text::ParseDigestError;

/// How much is read at once where a whole stream is hashed.
const READ_SIZE: usize = 64 * 1024;

/// A SHA-256 digest.
///
/// `==` takes the same time wherever the first difference is; ordering does not, it is for sorting only.
/// `Display`, `FromStr` and serde all use 64 hex digits; upper case is refused, so that equal text and equal
/// digest are the same thing.
///
/// ```
/// use openfactory_attest::Sha256Digest;
///
/// let digest = Sha256Digest::of(b"abc");
/// assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// ```
#[derive(Clone, Copy, PartialOrd, Ord)]
pub struct Sha256Digest([u8; Self::LEN]);

impl Sha256Digest {
    /// Bytes in a digest.
    pub const LEN: usize = 32;

    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of everything that the reader gives, and how many bytes that was. Memory stays constant.
    ///
    /// # Errors
    /// The reader's own.
    pub fn of_reader(mut reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; READ_SIZE];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok((hasher.digest(), hasher.len())),
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes 32 bytes for a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl PartialEq for Sha256Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Sha256Digest {}

impl Hash for Sha256Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_hex(&self.0, f)
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Digest({self})")
    }
}

impl FromStr for Sha256Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text::parse_hex(text).map(Self)
    }
}

/// SHA-256 of a stream, piece by piece. Also a [`Write`] that never fails.
///
/// ```
/// use openfactory_attest::digest::{Sha256, Sha256Digest};
///
/// let mut hasher = Sha256::new();
/// hasher.update(b"a");
/// hasher.update(b"bc");
/// assert_eq!((hasher.digest(), hasher.len()), (Sha256Digest::of(b"abc"), 3));
/// ```
#[derive(Clone, Default)]
pub struct Sha256 {
    state: sha2::Sha256,
    len: u64,
}

impl Sha256 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// Bytes added so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was added yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest of what was added so far; more may follow.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest(self.state.clone().finalize().into())
    }
}

impl Write for Sha256 {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sha256").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fips_180_4_examples() {
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (input, hex) in [
            (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (&b"abc"[..], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (&two_blocks[..], "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        ] {
            assert_eq!(Sha256Digest::of(input).to_string(), hex);
        }
    }

    #[test]
    fn a_reader_gives_the_same_digest_and_the_length() {
        let bytes = vec![7; READ_SIZE * 2 + 5];
        assert_eq!(
            Sha256Digest::of_reader(&bytes[..]).unwrap(),
            (Sha256Digest::of(&bytes), bytes.len() as u64)
        );
    }

    #[test]
    fn equality_is_by_all_bytes() {
        let digest = Sha256Digest::of(b"abc");
        for index in 0..Sha256Digest::LEN {
            let mut bytes = *digest.as_bytes();
            bytes[index] ^= 1;
            assert_ne!(Sha256Digest::from_bytes(bytes), digest);
        }
        assert_eq!(Sha256Digest::from_bytes(*digest.as_bytes()), digest);
    }
}
