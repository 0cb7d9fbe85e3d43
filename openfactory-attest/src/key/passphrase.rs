//! Private keys under a passphrase, as PKCS#8 has them (RFC 5958, section 3; PBES2 of RFC 8018).

use std::fmt;

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::{self, LineEnding};
use pkcs8::der::{Decode as _, Encode as _, Error as DerError, Reader as _, SliceReader};
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{EncodeKeyError, PrivatePem};

/// What encrypted private keys are called in PEM.
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// What they are called when they are not.
const PLAIN: &str = "PRIVATE KEY";

/// The longest PEM text that is looked at. RSA with 4,096 bits has some 3,500 bytes when it is encrypted.
const MAX_PEM: usize = 16 << 10;

/// scrypt with 2^14, 8, 5: 16 MiB, which openssl allows without being told to, and a fifth of a second.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

/// Memory that a foreign key's scrypt may ask for, in bytes, and how many bytes it may write in all.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;
const MAX_SCRYPT_WORK: u64 = 512 << 20;
/// Rounds that a foreign key's PBKDF2 may ask for.
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// What private keys are encrypted with where they are kept. It is wiped when the value is dropped.
///
/// What [`encrypt`](Self::encrypt) makes is what `openssl pkey` reads (PKCS#8 with PBES2: scrypt and AES-256 in CBC mode), and
/// [`decrypt`](Self::decrypt) reads what `openssl genpkey -aes-256-cbc` writes. It is for keys of every algorithm.
///
/// ```
/// use openfactory_attest::key::{Ed25519Key, Passphrase, Signer};
///
/// let key = Ed25519Key::generate()?;
/// let passphrase = Passphrase::new("correct horse battery staple");
/// let kept = passphrase.encrypt(&key.to_pem()?)?;
/// assert!(kept.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
///
/// let again = Ed25519Key::from_pem(&passphrase.decrypt(&kept)?)?;
/// assert_eq!(again.key_id(), key.key_id());
/// assert!(Passphrase::new("incorrect horse").decrypt(&kept).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Passphrase(Zeroizing<String>);

/// Why an encrypted private key was not decrypted. It never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptKeyError {
    /// Longer than any private key.
    #[error("{len} bytes are too many for a private key")]
    TooLong {
        /// Bytes in the text.
        len: usize,
    },
    /// Not PEM with the label `ENCRYPTED PRIVATE KEY` around an encrypted PKCS#8 key.
    #[error("not an encrypted private key in PKCS#8 PEM")]
    Malformed,
    /// Encrypted in a way that is not read here, because it protects little or is seldom seen.
    #[error(
        "the private key is encrypted in a way that is not read here; openssl pkcs8 -topk8 -scrypt writes one that is"
    )]
    Unsupported,
    /// To derive the key from the passphrase would cost more than is spent on a key that others wrote.
    #[error("the private key asks for more work or memory than is spent on one")]
    TooCostly,
    /// Another passphrase, or the key was changed.
    #[error("the passphrase does not fit the private key")]
    WrongPassphrase,
}

impl Passphrase {
    /// These characters; what counts is their UTF-8.
    pub fn new(passphrase: impl Into<String>) -> Self {
        Self(Zeroizing::new(passphrase.into()))
    }

    /// Whether this text has the label of an encrypted private key.
    #[must_use]
    pub fn is_needed(pem: &str) -> bool {
        pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    }

    /// Encrypts a private key, with a newline at the end. The same key is another text each time.
    ///
    /// # Errors
    /// [`EncodeKeyError`] where the system gives no random bytes, or this is no private key.
    pub fn encrypt(&self, key: &PrivatePem) -> Result<String, EncodeKeyError> {
        let failed = |_| EncodeKeyError;
        let (label, der) = pem::decode_vec(key.trim().as_bytes()).map_err(|_| EncodeKeyError)?;
        let der = Zeroizing::new(der);
        if label != PLAIN {
            return Err(EncodeKeyError);
        }
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        getrandom::fill(&mut salt).map_err(|_| EncodeKeyError)?;
        getrandom::fill(&mut iv).map_err(|_| EncodeKeyError)?;
        let (log_n, r, p) = SCRYPT;
        let cost = scrypt::Params::new(log_n, r, p).map_err(|_| EncodeKeyError)?;
        let parameters = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(failed)?;
        let secret = parameters.encrypt(self.0.as_bytes(), &der).map_err(failed)?;
        let data = OctetStringRef::new(&secret).map_err(|_| EncodeKeyError)?;
        let info =
            EncryptedPrivateKeyInfoRef { encryption_algorithm: parameters.into(), encrypted_data: data };
        let der = info.to_der().map_err(|_| EncodeKeyError)?;
        pem::encode_string(ENCRYPTED, LineEnding::LF, &der).map_err(|_| EncodeKeyError)
    }

    /// Decrypts a private key: PBES2 with scrypt, or PBKDF2 by SHA-2, and AES.
    ///
    /// # Errors
    /// [`DecryptKeyError`]. A key that asks for more than 256 MiB, or for many seconds, is not tried.
    pub fn decrypt(&self, pem: &str) -> Result<PrivatePem, DecryptKeyError> {
        if pem.len() > MAX_PEM {
            return Err(DecryptKeyError::TooLong { len: pem.len() });
        }
        let (label, der) = pem::decode_vec(pem.trim().as_bytes()).map_err(|_| DecryptKeyError::Malformed)?;
        if label != ENCRYPTED {
            return Err(DecryptKeyError::Malformed);
        }
        let info = EncryptedPrivateKeyInfoRef::from_der(&der).map_err(|_| misread(&der))?;
        let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
            return Err(DecryptKeyError::Unsupported);
        };
        affordable(&parameters.kdf)?;
        let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
        let plain = parameters.decrypt_in_place(self.0.as_bytes(), &mut buffer).map_err(refusal)?;
        // In CBC mode nothing else tells a wrong passphrase whose padding happens to fit.
        PrivateKeyInfoRef::from_der(plain).map_err(|_| DecryptKeyError::WrongPassphrase)?;
        let text =
            pem::encode_string(PLAIN, LineEnding::LF, plain).map_err(|_| DecryptKeyError::Malformed)?;
        Ok(PrivatePem::of(Zeroizing::new(text)))
    }
}

/// What is wrong with an `EncryptedPrivateKeyInfo` that was not read: its algorithm, or its shape.
fn misread(der: &[u8]) -> DecryptKeyError {
    let shape = |reader: &mut SliceReader<'_>| -> Result<(), DerError> {
        reader.sequence(|reader| {
            AlgorithmIdentifierRef::decode(reader)?;
            <&OctetStringRef>::decode(reader)?;
            Ok(())
        })
    };
    let read = SliceReader::new(der).and_then(|mut reader| shape(&mut reader).and_then(|()| reader.finish()));
    if read.is_ok() { DecryptKeyError::Unsupported } else { DecryptKeyError::Malformed }
}

fn affordable(kdf: &pbes2::Kdf) -> Result<(), DecryptKeyError> {
    let fits = match kdf {
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_PBKDF2_ROUNDS,
        pbes2::Kdf::Scrypt(scrypt) => {
            let block = u64::from(scrypt.block_size) * 128;
            let memory = scrypt.cost_parameter.saturating_mul(block);
            let parallel = u64::from(scrypt.parallelization);
            memory <= MAX_SCRYPT_MEMORY && memory.saturating_mul(parallel) <= MAX_SCRYPT_WORK
        }
        _ => return Err(DecryptKeyError::Unsupported),
    };
    if fits { Ok(()) } else { Err(DecryptKeyError::TooCostly) }
}

fn refusal(error: pkcs8::pkcs5::Error) -> DecryptKeyError {
    match error {
        pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
        | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. } => DecryptKeyError::Unsupported,
        _ => DecryptKeyError::WrongPassphrase,
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

#[cfg(test)]
mod tests;
