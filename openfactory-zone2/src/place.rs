//! Where a value stands on a device.

use std::fmt;

use serde::Serialize;

use crate::policy::Problem;

/// Where a value stands on a device: a file and the key within it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    file: String,
    key: String,
}

impl Place {
    pub(crate) fn new(file: String, key: String) -> Result<Self, Problem> {
        let normal = file
            .strip_prefix('/')
            .is_some_and(|relative| relative.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
        if normal { Ok(Self { file, key }) } else { Err(Problem::NotNormalPath) }
    }

    /// The file's absolute path on the device.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The key within the file, such as `network.address`, in the notation of the file's format; `.` is the
    /// file as a whole.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.file, self.key)
    }
}
