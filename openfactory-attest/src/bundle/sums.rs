//! `SHA256SUMS`: each file of a bundle with its digest, in one spelling only.

use std::collections::BTreeMap;

use crate::digest::Sha256Digest;

/// Bytes of the file at most.
pub(super) const MAX_SUMS: usize = 1 << 20;

/// The files of a bundle and their digests: `DIGEST`, two spaces, `NAME`, a line each, in bytewise order of names.
///
/// ```
/// use openfactory_attest::Sha256Digest;
/// use openfactory_attest::bundle::Sums;
///
/// let mut sums = Sums::new();
/// sums.add("build.log", Sha256Digest::of(b"done\n"))?;
/// assert!(sums.to_text().ends_with("  build.log\n"));
/// assert!(sums.add("../build.log", Sha256Digest::of(b"")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<String, Sha256Digest>);

/// A name that no file of a bundle can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} can't be the name of a file in a bundle{}", if *taken { ": there is one already" } else { "" })]
pub struct SumNameError {
    name: String,
    taken: bool,
}

impl Sums {
    /// No files yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`SumNameError`] for a second file of one name, the name of the sums themselves, and names that lead elsewhere, are
    /// hidden, or that `sha256sum` would read or write in another way: with a slash, a backslash or a control character,
    /// beginning with a dot or a dash, empty, or longer than 255 bytes.
    pub fn add(&mut self, name: &str, digest: Sha256Digest) -> Result<(), SumNameError> {
        let error = |taken| SumNameError { name: name.chars().take(255).collect(), taken };
        if !is_name(name) {
            return Err(error(false));
        }
        match self.0.insert(name.to_owned(), digest) {
            None => Ok(()),
            Some(first) => {
                self.0.insert(name.to_owned(), first);
                Err(error(true))
            }
        }
    }

    /// The digest of the file of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Sha256Digest> {
        self.0.get(name)
    }

    /// All files, in bytewise order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Sha256Digest)> {
        self.0.iter().map(|(name, digest)| (name.as_str(), digest))
    }

    /// The text that is in the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
    }

    /// Reads the text as far as it can be read, and says where it is not as [`to_text`](Self::to_text) writes it.
    pub(super) fn read(text: &[u8]) -> (Self, Option<String>) {
        let mut sums = Self::new();
        let mut flaw = None;
        let mut last: Option<String> = None;
        let whole = text.strip_suffix(b"\n");
        if whole.is_none() {
            flaw = Some("it does not end with a newline".to_owned());
        }
        for (index, line) in whole.unwrap_or(text).split(|&byte| byte == b'\n').enumerate() {
            let read = line_of(line).and_then(|(digest, name)| {
                let in_order = last.as_deref().is_none_or(|last| last < name);
                sums.add(name, digest).ok()?;
                last = Some(name.to_owned());
                in_order.then_some(())
            });
            if read.is_none() && flaw.is_none() {
                flaw = Some(format!("line {} is not as it was written", index + 1));
            }
        }
        (sums, flaw)
    }
}

fn line_of(line: &[u8]) -> Option<(Sha256Digest, &str)> {
    let (digest, name) = std::str::from_utf8(line).ok()?.split_once("  ")?;
    Some((digest.parse().ok()?, name))
}

/// Whether a file of a bundle may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with(['.', '-'])
        && !name.contains(odd)
        && name != super::SUMS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(names: &[&str]) -> Sums {
        let mut sums = Sums::new();
        for name in names {
            sums.add(name, Sha256Digest::of(name.as_bytes())).unwrap();
        }
        sums
    }

    #[test]
    fn the_text_is_read_in_one_spelling_only() {
        let sums = sums(&["a b", "image.squashfs", "ä"]);
        let text = sums.to_text();
        assert_eq!(Sums::read(text.as_bytes()), (sums.clone(), None));
        let lines: Vec<&str> = text.lines().collect();
        for other in [
            String::new(),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace("  ", " *"),
            text.to_uppercase(),
            format!("{}\n{}\n", lines[1], lines[0]),
            format!("{}\n{}\n", lines[0], lines[0]),
            text.replace("a b", "../a"),
        ] {
            assert!(Sums::read(other.as_bytes()).1.is_some(), "{other:?}");
        }
    }

    #[test]
    fn each_flipped_bit_is_seen() {
        let sums = sums(&["build.log", "image.squashfs"]);
        let text = sums.to_text().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (read, flaw) = Sums::read(&flipped);
            assert!(flaw.is_some() || read != sums, "bit {bit}");
        }
    }

    #[test]
    fn names_stay_within_the_bundle() {
        for name in ["", ".", "..", ".hidden", "a/b", "-", "--help", "a\\b", "a\nb", "SHA256SUMS"] {
            assert!(Sums::new().add(name, Sha256Digest::of(b"")).is_err(), "{name:?}");
        }
        let mut sums = sums(&["a"]);
        assert!(sums.add("a", Sha256Digest::of(b"other")).is_err());
        assert_eq!(sums.get("a"), Some(&Sha256Digest::of(b"a")));
    }
}
