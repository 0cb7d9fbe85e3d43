//! The text form of `sha256sum`: digest, two spaces, name; a line each.
//!
//! A name with a backslash, newline or carriage return is escaped, and its line then begins with a backslash, as
//! GNU coreutils does.

use super::entry::{PathError, TreePath};
use crate::digest::{ParseDigestError, Sha256Digest};
use crate::manifest::Manifest;

/// A file's digest, by path: all that the text form holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileDigest {
    /// The file's path.
    pub path: TreePath,
    /// The digest of its content.
    pub digest: Sha256Digest,
}

/// Why a text is no list of `sha256sum`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextParseError {
    /// A line is not digest, space, space or asterisk, name.
    #[error("line {line} is not a digest, two spaces and a name")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// What should be a digest is none.
    #[error("line {line} begins with no sha-256 digest")]
    Digest {
        /// The line, from 1.
        line: usize,
        /// Why not.
        #[source]
        source: ParseDigestError,
    },
    /// A backslash is followed by something other than `\`, `n` or `r`.
    #[error("line {line} has an unknown escape")]
    Escape {
        /// The line, from 1.
        line: usize,
    },
    /// The name leads out of the tree, or is too long.
    #[error("the name in line {line} is no path within a tree")]
    Path {
        /// The line, from 1.
        line: usize,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// Two lines name one file.
    #[error("{path} is there twice")]
    Duplicate {
        /// The file.
        path: TreePath,
    },
    /// More lines than a manifest may have entries.
    #[error("more than {} lines", Manifest::MAX_ENTRIES)]
    TooMany,
}

/// Appends a file's line.
pub(super) fn append(path: &TreePath, digest: &Sha256Digest, text: &mut Vec<u8>) {
    let name = path.as_bytes();
    if name.iter().any(|byte| b"\\\n\r".contains(byte)) {
        text.push(b'\\');
    }
    text.extend(format!("{digest}  ./").as_bytes());
    for &byte in name {
        match byte {
            b'\\' => text.extend(b"\\\\"),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            byte => text.push(byte),
        }
    }
    text.push(b'\n');
}

pub(super) fn parse(text: &[u8]) -> Result<Vec<FileDigest>, TextParseError> {
    let mut files = Vec::new();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Ok(files);
    }
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if index == Manifest::MAX_ENTRIES {
            return Err(TextParseError::TooMany);
        }
        files.push(parse_line(line, index + 1)?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    match files.array_windows::<2>().find(|[a, b]| a.path == b.path) {
        Some([twice, _]) => Err(TextParseError::Duplicate { path: twice.path.clone() }),
        None => Ok(files),
    }
}

fn parse_line(text: &[u8], line: usize) -> Result<FileDigest, TextParseError> {
    let (escaped, text) = match text.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digest, rest) = text.split_at_checked(Sha256Digest::LEN * 2).ok_or(TextParseError::Line { line })?;
    let digest = std::str::from_utf8(digest).map_err(|_not_text| TextParseError::Line { line })?;
    let digest = digest.parse().map_err(|source| TextParseError::Digest { line, source })?;
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"));
    let name = name.ok_or(TextParseError::Line { line })?;
    let name = if escaped { unescape(name, line)? } else { name.to_vec() };
    let path = TreePath::new(name).map_err(|source| TextParseError::Path { line, source })?;
    Ok(FileDigest { path, digest })
}

fn unescape(name: &[u8], line: usize) -> Result<Vec<u8>, TextParseError> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'\\') => b'\\',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                _ => return Err(TextParseError::Escape { line }),
            },
            byte => byte,
        });
    }
    Ok(plain)
}
