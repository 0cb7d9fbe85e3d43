//! What a file is, beside what it holds.

use std::time::SystemTime;

use super::Observed;
use crate::instant;
use crate::policy::{EntryKind, Owner};

/// What a file system says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileMetadata {
    /// What it is.
    pub kind: EntryKind,
    /// Permissions with set-id and sticky bits: 0 to 0o7777.
    pub mode: u32,
    /// Who owns it.
    pub owner: Owner,
    /// In bytes.
    pub size: u64,
    /// When its content changed last.
    pub modified: SystemTime,
}

impl FileMetadata {
    /// The keys that [`value`](Self::value) knows.
    pub(crate) const KEYS: &[&str] = &["gid", "kind", "mode", "modified", "size", "uid"];

    /// An entry of that kind, mode, owner, size and time.
    #[must_use]
    pub const fn new(kind: EntryKind, mode: u32, owner: Owner, size: u64, modified: SystemTime) -> Self {
        Self { kind, mode, owner, size, modified }
    }

    /// One of its members as text: `kind`, `mode` (4 octal digits), `uid`, `gid`, `size`, `modified` (RFC 3339).
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use openfactory_zone2::Observed;
    /// use openfactory_zone2::policy::{EntryKind, Owner};
    /// use openfactory_zone2::value::FileMetadata;
    ///
    /// let key = FileMetadata::new(EntryKind::File, 0o600, Owner::new(0, 0), 119, SystemTime::UNIX_EPOCH);
    /// assert_eq!(key.value("mode"), Observed::value("0600"));
    /// assert_eq!(key.value("modified"), Observed::value("1970-01-01T00:00:00Z"));
    /// assert_eq!(key.value("colour"), Observed::Absent);
    /// ```
    #[must_use]
    pub fn value(&self, key: &str) -> Observed {
        Observed::value(match key {
            "kind" => self.kind.as_str().to_owned(),
            "mode" => format!("{:04o}", self.mode),
            "uid" => self.owner.uid.to_string(),
            "gid" => self.owner.gid.to_string(),
            "size" => self.size.to_string(),
            "modified" => instant::text(self.modified),
            _ => return Observed::Absent,
        })
    }
}
