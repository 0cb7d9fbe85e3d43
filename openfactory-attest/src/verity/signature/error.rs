//! Why a key, a certificate or a signature is none.

/// Why there is no signing key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Longer than any key that is read.
    #[error("{len} bytes are too many for a private key")]
    TooLong {
        /// Bytes in the text.
        len: usize,
    },
    /// Encrypted: [`Passphrase::decrypt`](crate::key::Passphrase::decrypt) comes first.
    #[error("the key is encrypted, and takes its passphrase")]
    Encrypted,
    /// Neither RSA nor ECDSA on P-256 in PKCS#8 PEM.
    #[error("not an RSA or P-256 private key in PKCS#8 PEM")]
    Malformed,
    /// RSA with fewer than 2,048 bits or more than 4,096.
    #[error("an RSA key of {bits} bits is not used; 2048 to 4096 are")]
    Size {
        /// Bits of its modulus.
        bits: u32,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// It could not be encoded.
    #[error("the key could not be encoded")]
    Encode,
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Longer than any certificate that is read.
    #[error("{len} bytes are too many for a certificate")]
    TooLong {
        /// Bytes in the text.
        len: usize,
    },
    /// Not one X.509 certificate in PEM.
    #[error("not an X.509 certificate in PEM ({reason})")]
    Malformed {
        /// What the parser disliked.
        reason: String,
    },
    /// Its key is of another kind than the ones used here.
    #[error("the certificate's key is neither RSA with 2048 to 4096 bits nor ECDSA on P-256")]
    Key,
    /// A common name that is empty, over 64 characters, or has others than letters, digits, spaces and `._-`.
    #[error(
        "{name:?} can't be a common name: 1 to 64 letters, digits, spaces, dots, hyphens and underscores can"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// It would end before it begins, or its dates can't be written.
    #[error("no certificate can be valid in this span of time")]
    Validity,
    /// It could not be made.
    #[error("the certificate could not be made")]
    Make(#[source] KeyError),
    /// It could not be encoded.
    #[error("the certificate could not be encoded ({reason})")]
    Encode {
        /// What the encoder disliked.
        reason: String,
    },
}

/// Why no root hash was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignRootHashError {
    /// The certificate holds another public key.
    #[error("the certificate is for another key")]
    OtherKey,
    /// The key could not sign.
    #[error("the key can't sign")]
    Key(#[from] KeyError),
    /// The signature could not be encoded.
    #[error("the signature could not be encoded ({reason})")]
    Encode {
        /// What the encoder disliked.
        reason: String,
    },
}

/// What is wrong with a root hash's signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// More than [`MAX_SIGNATURE`](super::MAX_SIGNATURE) bytes.
    #[error("{len} bytes are too many for a signature")]
    TooLong {
        /// How many there are.
        len: usize,
    },
    /// Not a detached PKCS#7 signature in DER.
    #[error("not a PKCS#7 signature in DER ({reason})")]
    Malformed {
        /// What the parser disliked.
        reason: String,
    },
    /// A PKCS#7 signature of another form.
    #[error("a PKCS#7 signature {what} is not used for root hashes")]
    Form {
        /// What it has, or has not: `with signed attributes`, say.
        what: &'static str,
    },
    /// It names another certificate by issuer and serial number.
    #[error("signed with another certificate")]
    OtherCertificate,
    /// This key did not make it over this root hash.
    #[error("the signature does not verify")]
    Bad,
}
