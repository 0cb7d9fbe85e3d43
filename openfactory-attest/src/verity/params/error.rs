//! What is no parameter.

/// Why something is not a parameter of a hash tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// Not a power of two from 512 to 524,288.
    #[error("block size {bytes} is not a power of two from 512 to 524288")]
    BlockSize {
        /// The size that was asked for.
        bytes: u32,
    },
    /// More than 256 bytes of salt.
    #[error("a salt has at most 256 bytes, this has {len}")]
    SaltLength {
        /// Bytes in the salt.
        len: usize,
    },
    /// Neither hex nor `-`.
    #[error("a salt is pairs of hex digits, or `-` for none")]
    SaltText,
    /// Not a hyphenated UUID.
    #[error("a uuid has the form 01234567-89ab-cdef-0123-456789abcdef")]
    Uuid,
    /// Not the name of an algorithm that is known here.
    #[error("the hash algorithms are sha256, sha512 and, for old images, sha1")]
    Algorithm,
    /// No hash type.
    #[error("hash type {number} is not known, 1 and 0 are")]
    HashType {
        /// The number.
        number: u32,
    },
    /// A hash area can't begin at this byte.
    #[error(
        "a hash area can't begin at byte {bytes}: it begins at a multiple of {step}, within the 2^63 bytes of a file"
    )]
    HashOffset {
        /// The byte.
        bytes: u64,
        /// What it has to be a multiple of.
        step: u64,
    },
}
