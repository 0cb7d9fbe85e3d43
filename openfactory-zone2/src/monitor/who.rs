//! Who did something, as far as /proc still knows.

use std::fmt;
use std::fs;
use std::path::PathBuf;

/// A process, as it was when it was looked at: it may have ended since it did something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Who {
    /// Its process id; 0 where the kernel did it, or the process is in another namespace.
    pub pid: i32,
    /// What it runs; none if it is gone.
    pub executable: Option<PathBuf>,
    /// Its real user id; none if it is gone.
    pub uid: Option<u32>,
}

impl Who {
    /// What /proc says of a process.
    pub(super) fn of(pid: i32) -> Self {
        let executable = fs::read_link(format!("/proc/{pid}/exe")).ok();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        let uid = uid.and_then(|uids| uids.split_ascii_whitespace().next()?.parse().ok());
        Self { pid, executable, uid }
    }

    /// A process of which somebody else has told.
    #[must_use]
    pub const fn new(pid: i32, executable: Option<PathBuf>, uid: Option<u32>) -> Self {
        Self { pid, executable, uid }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        match &self.executable {
            Some(path) => write!(f, " ({})", path.display()),
            None => f.write_str(" (gone)"),
        }?;
        self.uid.map_or(Ok(()), |uid| write!(f, " of user {uid}"))
    }
}
