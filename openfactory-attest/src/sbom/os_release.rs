//! Which distribution an image is, by its os-release.
//!
//! Source: os-release(5). `usr/lib/os-release` is read, or else `etc/os-release`; links are not followed.

use super::error::InventoryError;
use super::files::Files;
use crate::manifest::TreePath;

/// Bytes of an os-release that are read.
const MAX_LEN: usize = 64 * 1024;

/// A distribution, as os-release(5) names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distribution {
    /// `ID`: lower-case, `debian`.
    pub id: String,
    /// `VERSION_ID`: `12`. Rolling distributions have none.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`: `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: Option<String>,
}

impl Distribution {
    /// Reads an os-release.
    ///
    /// # Errors
    /// [`OsReleaseError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, OsReleaseError> {
        let text = std::str::from_utf8(bytes).map_err(|_not_utf8| OsReleaseError::NotUtf8)?;
        let mut distribution =
            Self { id: String::new(), version_id: None, codename: None, pretty_name: None };
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = OsReleaseError::Line { line: index + 1 };
            let (name, value) = line.split_once('=').ok_or(error)?;
            // As in a shell, what is assigned last holds.
            match name {
                "ID" => distribution.id = unquote(value).filter(|value| is_id(value)).ok_or(error)?,
                "VERSION_ID" => {
                    distribution.version_id = Some(unquote(value).filter(|it| is_id(it)).ok_or(error)?)
                }
                "VERSION_CODENAME" => {
                    distribution.codename = Some(unquote(value).filter(|it| is_id(it)).ok_or(error)?)
                }
                "PRETTY_NAME" => distribution.pretty_name = Some(unquote(value).ok_or(error)?),
                _ => {}
            }
        }
        // An empty value is as good as none.
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        distribution.version_id = given(distribution.version_id);
        distribution.codename = given(distribution.codename);
        distribution.pretty_name = given(distribution.pretty_name);
        if distribution.id.is_empty() { Err(OsReleaseError::NoId) } else { Ok(distribution) }
    }

    /// The distribution with its version, as package URLs name it: `debian-12`; the code name where there is no
    /// version.
    #[must_use]
    pub fn name(&self) -> String {
        match self.version_id.as_ref().or(self.codename.as_ref()) {
            Some(version) => format!("{}-{version}", self.id),
            None => self.id.clone(),
        }
    }
}

/// Why an os-release is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OsReleaseError {
    /// It is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A line assigns nothing, or a value that can't be.
    #[error("line {line} is no assignment that os-release knows")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// It does not say its `ID`.
    #[error("no ID")]
    NoId,
}

pub(super) fn read(files: &mut dyn Files) -> Result<Option<Distribution>, InventoryError> {
    // Usually one is a link to the other.
    for place in ["usr/lib/os-release", "etc/os-release"] {
        let Ok(path) = TreePath::new(place) else { continue };
        if let Some(bytes) = files.read(&path, MAX_LEN)? {
            let parsed = Distribution::parse(&bytes);
            return parsed.map(Some).map_err(|source| InventoryError::OsRelease { path, source });
        }
    }
    Ok(None)
}

/// Lower-case letters, digits, `.`, `_`, `-`.
fn is_id(value: &str) -> bool {
    value.len() <= 128
        && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

/// A value as a shell would have it: bare, or in quotes of either kind; `None` if it is neither.
fn unquote(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let inside = match quote {
        None => value,
        Some(quote) => value.strip_prefix(quote)?.strip_suffix(quote)?,
    };
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', Some('"')) => text.push(characters.next()?),
            (character, Some(quote)) if character == quote => return None,
            (' ' | '\\' | '"' | '\'', None) => return None,
            (character, _) if character.is_control() => return None,
            (character, _) => text.push(character),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian() {
        let text = "# comment\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\n\
                    VERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n";
        let distribution = Distribution::parse(text.as_bytes()).unwrap();
        assert_eq!(distribution.name(), "debian-12");
        assert_eq!(distribution.pretty_name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    }

    #[test]
    fn without_a_version_the_code_name_or_nothing() {
        assert_eq!(Distribution::parse(b"ID=debian\nVERSION_CODENAME='sid'\n").unwrap().name(), "debian-sid");
        assert_eq!(Distribution::parse(b"ID=arch\nVERSION_ID=\"\"").unwrap().name(), "arch");
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, error) in [
            (&b""[..], OsReleaseError::NoId),
            (b"ID=", OsReleaseError::NoId),
            (b"NAME=x\n", OsReleaseError::NoId),
            (b"\xff", OsReleaseError::NotUtf8),
            (b"ID=debian\nwhat\n", OsReleaseError::Line { line: 2 }),
            (b"ID=Debian", OsReleaseError::Line { line: 1 }),
            (b"ID=\"debian", OsReleaseError::Line { line: 1 }),
            (b"ID='deb'ian'", OsReleaseError::Line { line: 1 }),
            (b"ID=deb ian", OsReleaseError::Line { line: 1 }),
            (b"ID=\"", OsReleaseError::Line { line: 1 }),
            (b"ID=\"x\\\"", OsReleaseError::Line { line: 1 }),
        ] {
            assert_eq!(Distribution::parse(text), Err(error), "{}", text.escape_ascii());
        }
    }
}
