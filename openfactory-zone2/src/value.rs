//! What was found at a constraint's place.

/// What was found at a constraint's [`Place`](crate::Place).
///
/// That a value couldn't be read is kept apart from what it is: a constraint turns it into a finding that says
/// "not checked", never into one that says "good" or "bad".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observed {
    /// The file was read and has no such key, or the file doesn't exist.
    Absent,
    /// The file exists and its value couldn't be read, with the reason.
    Unreadable(String),
    /// The whole file, where the file is the value: a certificate.
    Content(Vec<u8>),
    /// The values, one or, where the key holds a list, more.
    Values(Vec<String>),
}

impl Observed {
    /// One value.
    pub fn value(value: impl Into<String>) -> Self {
        Self::Values(vec![value.into()])
    }
}
