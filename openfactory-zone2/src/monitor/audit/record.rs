//! Records of the audit log: several lines of text for one call, known by one serial number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::rule::KEY;
use crate::monitor::{Who, attempt};
use crate::overlay_report::OverlayFinding;

/// `AUDIT_SYSCALL`, `AUDIT_PATH`, `AUDIT_CWD`, `AUDIT_EOE`.
const SYSCALL: u16 = 1300;
const PATH: u16 = 1302;
const CWD: u16 = 1307;
const END: u16 = 1320;

/// The most calls of which records are awaited.
const MAX_PENDING: usize = 256;

/// A call that would have written to Zone 2.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// What was to be written, as far as it was named.
    pub path: Option<PathBuf>,
    /// The number of the call.
    pub call: u64,
    /// Its name, where it is one that is known.
    pub name: Option<&'static str>,
    /// Who.
    pub who: Who,
}

impl Attempt {
    /// The finding that it is (integration guide, "Write attempt to read-only Zone 2 in deny mode"): P2.
    #[must_use]
    pub fn finding(&self) -> Option<OverlayFinding> {
        let path = self.path.as_ref().map_or_else(|| "zone 2".into(), |path| path.to_string_lossy());
        let operation = self.name.map_or_else(|| format!("call {}", self.call), str::to_owned);
        attempt(&path, &operation, &self.who)
    }
}

/// Puts records of one call together. Pure: messages of the kernel go in, attempts come out.
#[derive(Clone, Debug)]
pub struct Collector {
    zone: PathBuf,
    pending: BTreeMap<String, Pending>,
}

#[derive(Clone, Debug, Default)]
struct Pending {
    call: Option<(u64, Who)>,
    directory: Option<PathBuf>,
    paths: Vec<PathBuf>,
}

impl Collector {
    /// For attempts below a directory.
    #[must_use]
    pub fn new(zone: &Path) -> Self {
        Self { zone: zone.to_owned(), pending: BTreeMap::new() }
    }

    /// Takes one message of the log; an attempt if it ends one. Records of other rules are skipped.
    pub fn take(&mut self, message: &[u8]) -> Option<Attempt> {
        let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
        let text = String::from_utf8_lossy(message.get(16..)?);
        let (serial, text) = text.strip_prefix("audit(")?.split_once("):")?;
        let text = text.trim_end_matches('\0');
        if kind == SYSCALL {
            let call = syscall(text)?;
            if self.pending.len() >= MAX_PENDING {
                self.pending.pop_first();
            }
            self.pending.entry(serial.to_owned()).or_default().call = Some(call);
            return None;
        }
        let pending = self.pending.get_mut(serial)?;
        match kind {
            CWD => pending.directory = path(field(text, "cwd")?),
            PATH => pending.paths.extend(field(text, "name").and_then(path)),
            END => {
                let pending = self.pending.remove(serial)?;
                return Some(self.attempt(pending)).flatten();
            }
            _ => {}
        }
        None
    }

    fn attempt(&self, pending: Pending) -> Option<Attempt> {
        let (call, who) = pending.call?;
        let whole = |path: &PathBuf| match &pending.directory {
            Some(directory) => directory.join(path),
            None => path.clone(),
        };
        // The last is what was to be made or changed; those before are directories above it.
        let path = pending.paths.iter().rev().map(whole).find_map(|path| super::below(&self.zone, &path));
        Some(Attempt { path, call, name: name(call), who })
    }
}

/// The call of a record, if it is one of our rule's.
fn syscall(text: &str) -> Option<(u64, Who)> {
    if field(text, "key")? != format!("\"{KEY}\"") {
        return None;
    }
    let call = field(text, "syscall")?.parse().ok()?;
    let pid = field(text, "pid")?.parse().ok()?;
    let uid = field(text, "uid").and_then(|uid| uid.parse().ok());
    let executable = field(text, "exe").and_then(path);
    Some((call, Who::new(pid, executable, uid)))
}

/// The text of a field.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// A text in quotes as it is, or one in hex, which the kernel writes where there are unusual bytes.
fn path(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.strip_suffix('"').map(PathBuf::from);
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    let bytes = pairs.collect::<Option<Vec<u8>>>()?;
    (!bytes.is_empty()).then(|| std::ffi::OsString::from_vec(bytes).into())
}

/// The names of calls that write, on the processors that are known.
fn name(call: u64) -> Option<&'static str> {
    let table: &[(u64, &'static str)] = if cfg!(target_arch = "x86_64") {
        &[
            (2, "open"),
            (76, "truncate"),
            (82, "rename"),
            (83, "mkdir"),
            (84, "rmdir"),
            (85, "creat"),
            (86, "link"),
            (87, "unlink"),
            (88, "symlink"),
            (90, "chmod"),
            (91, "fchmod"),
            (92, "chown"),
            (93, "fchown"),
            (133, "mknod"),
            (188, "setxattr"),
            (189, "lsetxattr"),
            (197, "removexattr"),
            (235, "utimes"),
            (257, "openat"),
            (258, "mkdirat"),
            (259, "mknodat"),
            (260, "fchownat"),
            (263, "unlinkat"),
            (264, "renameat"),
            (265, "linkat"),
            (266, "symlinkat"),
            (268, "fchmodat"),
            (280, "utimensat"),
            (316, "renameat2"),
            (437, "openat2"),
            (452, "fchmodat2"),
        ]
    } else if cfg!(target_arch = "aarch64") {
        &[
            (5, "setxattr"),
            (14, "removexattr"),
            (33, "mknodat"),
            (34, "mkdirat"),
            (35, "unlinkat"),
            (36, "symlinkat"),
            (37, "linkat"),
            (38, "renameat"),
            (45, "truncate"),
            (52, "fchmod"),
            (53, "fchmodat"),
            (54, "fchownat"),
            (55, "fchown"),
            (56, "openat"),
            (88, "utimensat"),
            (276, "renameat2"),
            (437, "openat2"),
            (452, "fchmodat2"),
        ]
    } else {
        &[]
    };
    table.iter().find(|(number, _)| *number == call).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, text: &str) -> Vec<u8> {
        super::super::rule::message(kind, 0, text.as_bytes())
    }

    #[test]
    fn records_of_one_call_are_one_attempt() {
        let mut collector = Collector::new(Path::new("/zone2"));
        let call = "audit(1790000000.123:45): arch=c000003e syscall=257 success=no exit=-30 a0=ff ppid=1 pid=77 auid=0 uid=1000 \
                    comm=\"sh\" exe=\"/usr/bin/dash\" key=\"openfactory-zone2\"";
        let other = call.replace(":45", ":46").replace("openfactory-zone2", "passwd");
        let steps = [
            (1300, call, false),
            (1300, other.as_str(), false),
            (1307, "audit(1790000000.123:45): cwd=\"/zone2/etc\"", false),
            (1302, "audit(1790000000.123:45): item=0 name=\"/zone2/etc\" inode=2 nametype=PARENT", false),
            (1302, "audit(1790000000.123:45): item=1 name=6120620A nametype=CREATE", false),
            (1320, "audit(1790000000.123:46): ", false),
            (1320, "audit(1790000000.123:45): ", true),
            (1320, "audit(1790000000.123:45): ", false),
        ];
        for (kind, text, ends) in steps {
            let taken = collector.take(&message(kind, text));
            assert_eq!(taken.is_some(), ends, "{text}");
            if let Some(attempt) = taken {
                assert_eq!(attempt.path.as_deref(), Some(Path::new("/zone2/etc/a b\n")));
                assert_eq!(attempt.who, Who::new(77, Some("/usr/bin/dash".into()), Some(1000)));
                let finding = attempt.finding().unwrap();
                assert_eq!(finding.row, crate::Row::WriteAttempt);
                assert!(
                    finding.detail.contains("process 77 (/usr/bin/dash) of user 1000"),
                    "{}",
                    finding.detail
                );
            }
        }
    }

    #[test]
    fn what_is_no_record_is_skipped_and_nothing_piles_up() {
        let mut collector = Collector::new(Path::new("/zone2"));
        for bytes in [&b""[..], b"1234567890123456", b"12345678901234567890audit("] {
            assert_eq!(collector.take(bytes), None);
        }
        for serial in 0..1000 {
            let text = format!("audit(1.0:{serial}): syscall=2 pid=1 key=\"{KEY}\"");
            assert_eq!(collector.take(&message(1300, &text)), None);
        }
        assert!(collector.pending.len() <= MAX_PENDING);
    }
}
