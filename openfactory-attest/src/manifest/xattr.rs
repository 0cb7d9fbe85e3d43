//! Extended attributes of an inode: capabilities, security labels, and what users put there.

use std::fmt;
use std::sync::Arc;

/// One extended attribute.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Xattr {
    /// With its prefix, such as `security.capability`.
    pub name: Vec<u8>,
    /// Whatever its owner put there.
    pub value: Vec<u8>,
}

impl Xattr {
    /// An attribute.
    pub fn new(name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl fmt::Debug for Xattr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name.escape_ascii(), hex::encode(&self.value))
    }
}

/// The extended attributes of an inode, in bytewise order of names. Many inodes may share one list.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Xattrs(Option<Arc<[Xattr]>>);

impl Xattrs {
    /// The longest name in bytes (Linux `XATTR_NAME_MAX`).
    pub const MAX_NAME_LEN: usize = 255;

    /// The longest value in bytes (Linux `XATTR_SIZE_MAX`).
    pub const MAX_VALUE_LEN: usize = 65_536;

    /// The most bytes of names and values that one inode may have here.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// These attributes, in any order.
    ///
    /// # Errors
    /// [`XattrError`] if one can't be, or two have one name.
    pub fn new(mut attributes: Vec<Xattr>) -> Result<Self, XattrError> {
        let mut bytes = 0_usize;
        for Xattr { name, value } in &attributes {
            if name.is_empty() || name.len() > Self::MAX_NAME_LEN || name.contains(&0) {
                return Err(XattrError::Name);
            }
            bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
            if value.len() > Self::MAX_VALUE_LEN || bytes > Self::MAX_BYTES {
                return Err(XattrError::TooLarge);
            }
        }
        attributes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if attributes.array_windows::<2>().any(|[a, b]| a.name == b.name) {
            return Err(XattrError::Twice);
        }
        Ok(Self((!attributes.is_empty()).then(|| attributes.into())))
    }

    /// Each attribute, in bytewise order of names.
    pub fn iter(&self) -> impl Iterator<Item = &Xattr> {
        self.0.iter().flat_map(|attributes| attributes.iter())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of this attribute.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.iter().find(|attribute| attribute.name == name.as_ref()).map(|found| found.value.as_slice())
    }

    /// Bytes of names and values.
    pub(crate) fn bytes(&self) -> u64 {
        self.iter().map(|attribute| (attribute.name.len() + attribute.value.len()) as u64).sum()
    }

    /// In words, what these have that the others have not.
    pub(super) fn beyond(&self, others: &Self) -> String {
        let own = self.iter().filter(|attribute| others.get(&attribute.name) != Some(&attribute.value));
        let mut words: Vec<String> = own.map(describe).collect();
        words.extend(
            others
                .iter()
                .filter(|attribute| self.get(&attribute.name).is_none())
                .map(|missing| format!("no {}", missing.name.escape_ascii())),
        );
        words.join(", ")
    }
}

impl fmt::Debug for Xattrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Bytes of a value that are told.
const TOLD: usize = 64;

fn describe(Xattr { name, value }: &Xattr) -> String {
    match value.get(..TOLD) {
        Some(start) if value.len() > TOLD => {
            format!("{} = {}... ({} bytes)", name.escape_ascii(), hex::encode(start), value.len())
        }
        _ => format!("{} = {}", name.escape_ascii(), hex::encode(value)),
    }
}

/// Why attributes can't be those of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XattrError {
    /// A name is empty, longer than 255 bytes, or has a NUL.
    #[error("an extended attribute has a name that is none")]
    Name,
    /// A value has more than 64 KiB, or all together more than 1 MiB.
    #[error("extended attributes are too large")]
    TooLarge,
    /// Two have one name.
    #[error("two extended attributes have one name")]
    Twice,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_sorted_unique_and_bounded() {
        let of = |pairs: &[(&[u8], &[u8])]| {
            Xattrs::new(pairs.iter().map(|&(name, value)| Xattr::new(name, value)).collect())
        };
        let two = of(&[(b"user.b", b"2"), (b"user.a", b"1")]).unwrap();
        let names: Vec<_> = two.iter().map(|attribute| attribute.name.clone()).collect();
        assert_eq!(names, [b"user.a", b"user.b"]);
        assert_eq!((two.get("user.b"), two.get("user.c")), (Some(&b"2"[..]), None));
        assert!(of(&[]).unwrap().is_empty() && of(&[]).unwrap() == Xattrs::none());
        assert_eq!(of(&[(b"a", b""), (b"a", b"")]), Err(XattrError::Twice));
        for name in [&b""[..], b"a\0b", &[b'x'; 256]] {
            assert_eq!(of(&[(name, b"")]), Err(XattrError::Name));
        }
        let full = vec![0; Xattrs::MAX_VALUE_LEN];
        assert!(of(&[(b"a", &full)]).is_ok());
        assert_eq!(of(&[(b"a", &[&full[..], &[0]].concat())]), Err(XattrError::TooLarge));
        let many: Vec<Xattr> = (0..17).map(|n| Xattr::new(format!("user.{n}"), full.clone())).collect();
        assert_eq!(Xattrs::new(many), Err(XattrError::TooLarge));
    }

    #[test]
    fn what_differs_is_told_in_words() {
        let of = |pairs: &[(&str, &str)]| {
            Xattrs::new(pairs.iter().map(|&(name, value)| Xattr::new(name, value)).collect()).unwrap()
        };
        let (one, other) = (of(&[("user.a", "1"), ("user.b", "1")]), of(&[("user.a", "1"), ("user.c", "2")]));
        assert_eq!(one.beyond(&other), "user.b = 31, no user.c");
        assert_eq!(other.beyond(&one), "user.c = 32, no user.b");
        let long = of(&[("user.a", &"x".repeat(65))]);
        assert!(long.beyond(&Xattrs::none()).ends_with("78... (65 bytes)"));
    }
}
